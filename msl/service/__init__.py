"""The tracking service: MLflow's server with accounts, its backups, and what it keeps.

`settings` says where a service lies and how it is started. `server` prepares and starts it, `gate` stands before every
request. `backup` and `restore` copy its `rows` and `files`; `retention` finds what only takes space.
"""
