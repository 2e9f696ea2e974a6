"""analysis: tables of a paper, out of the run store.

from analysis import open_store
runs = open_store("sqlite:///mlflow.db").runs(experiment="demo")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing the package is to cost nothing; pandas and SQLAlchemy come with the first store
    from analysis.store import Store

__all__ = ["open_store"]


def open_store(uri: str) -> Store:
    """An MLflow run store, opened for reading: its database directly, or a server over http.

    Args:
        uri: as MLflow spells it: ``sqlite:///mlflow.db``, ``postgresql://…``, ``http://…``. Reading the database itself
            is many times faster. Credentials for a server are taken from where MLflow takes them.

    Raises:
        AnalysisError: there is no such database or server, it is no run store, or it wants a login.
    """
    from analysis.store import connect

    return connect(uri)
