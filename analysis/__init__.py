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
    """The run store of an MLflow tracking server, read directly from its database.

    Args:
        uri: of the database, as MLflow spells it: ``sqlite:///mlflow.db``, ``postgresql://…``.

    Raises:
        AnalysisError: there is no such database, or it is no run store.
    """
    from analysis.store import Store

    return Store(uri)
