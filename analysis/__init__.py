"""analysis: tables of a paper, out of the run store.

from analysis import open_store
runs = open_store("sqlite:///mlflow.db").runs(experiment="demo")

Its rooms, from the ground up: `store` reads run stores, `tables` writes tables in several formats, `seeds` groups runs
that differ by seed only. On these stand `comparison`, `claims` and `figures`; `report` puts all of it together, and
`commands` is the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing the package must cost nothing; pandas and SQLAlchemy come with the first store
    from analysis.store import Store

__all__ = ["open_store"]


def open_store(uri: str) -> Store:
    """An MLflow run store, opened for reading: its database directly, or a server over http.

    Args:
        uri: as MLflow spells it: ``sqlite:///mlflow.db``, ``postgresql://…``, ``http://…``. Reading the database itself
            is many times faster. Credentials for a server are read from where MLflow reads them.

    Raises:
        AnalysisError: the database or server cannot be found, it is no run store, or it needs a login.
    """
    from analysis.store import open_store

    return open_store(uri)
