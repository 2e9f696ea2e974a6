"""Run stores as tidy frames: one query a question, where MLflow's own client asks once a run and metric.

`base` says what every store answers. `database` reads SQLite and MySQL, and PostgreSQL with what `postgresql` makes
faster; `server` reads an MLflow server, which `api` talks to over http, and `cache` keeps what it told. `columns` and
`thinning` hold what all do with rows. `export` writes a whole experiment to Parquet files, and `load` puts these into
another store.
"""

from analysis.errors import AnalysisError
from analysis.store.base import Store
from analysis.store.database import DatabaseStore
from analysis.store.server import ServerStore

__all__ = ["Store", "connect"]


def connect(uri: str) -> Store:
    """The store of that address; see `analysis.open_store`."""
    if uri.startswith(("http://", "https://")):
        return ServerStore(uri)
    if not uri.startswith("postgres"):
        return DatabaseStore(uri)
    try:
        from analysis.store.postgresql import PostgresqlStore
    except ImportError as error:
        raise AnalysisError("reading PostgreSQL needs psycopg: `pip install 'msl[postgresql]'` brings it") from error
    return PostgresqlStore(uri)
