"""The tracking service: MLflow's server with accounts, its backups, and what it keeps.

`settings` says where a service keeps its data and how it is started. `server` prepares and starts it; `gate` checks
every request before MLflow sees it. `backup` copies its `databases` and its `files`, and restores them. `retention`
finds the files that nothing needs.
"""

import warnings

# MLflow's server mounts Flask by what Starlette wants to drop. Nobody who starts it can do anything about that.
warnings.filterwarnings("ignore", message="starlette.middleware.wsgi is deprecated")
