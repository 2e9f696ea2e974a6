"""Run stores as tidy frames: one query a question, where MLflow's own client sends one for each run and metric.

`base` says what every store answers. `database` reads SQLite and MySQL, and PostgreSQL with the faster queries of
`postgresql`; `server` reads an MLflow server through `api`, and `cache` keeps the histories that it sent. `columns` and
`thinning` hold what all of them do with rows, `wide` makes one frame of runs. `artifacts` reads the files of runs.
`export` writes a whole experiment to Parquet files, and `load` puts these into another store.
"""

from analysis.errors import AnalysisError
from analysis.store.artifacts import Artifacts
from analysis.store.base import RunTables, Store, passed_over_text
from analysis.store.database import DatabaseStore
from analysis.store.server import ServerStore
from msl.console import unset_empty_variables, wrong_address

__all__ = ["Artifacts", "RunTables", "Store", "open_store", "passed_over_text"]


def open_store(uri: str) -> Store:
    """The store of that address; see `analysis.open_store`."""
    unset_empty_variables()
    if (refusal := wrong_address(uri)) is not None:
        raise AnalysisError(f"store {uri}: {refusal}")
    if uri.startswith(("http://", "https://")):
        return ServerStore(uri)
    if not uri.startswith("postgres"):
        return DatabaseStore(uri)
    try:
        from analysis.store.postgresql import PostgresqlStore
    except ImportError as error:
        raise AnalysisError("reading PostgreSQL needs psycopg: `pip install 'msl[postgresql]'` brings it") from error
    return PostgresqlStore(uri)
