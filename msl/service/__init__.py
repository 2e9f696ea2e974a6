"""The tracking service: MLflow's server with accounts, its backups, and what it keeps.

`settings` says where a service keeps its data and how it is started. `server` prepares and starts it; `gate` checks
every request before MLflow sees it. `backup` copies its `databases` and its `files`, and restores them. `retention`
finds the files that nothing needs.
"""
