"""The files of runs: read from their folder if it is on this machine, otherwise through MLflow's client."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from analysis.errors import AnalysisError
from msl.console import reason


class Artifacts:
    """The artifacts of a run store."""

    def __init__(self, uri: str) -> None:
        """Take the store's URI as MLflow spells it: a database or a server."""
        self._uri = uri
        self._clients: list[Any] = []

    def names(self, run_id: str, folder: str) -> list[str]:
        """Names of the files in a run's folder, sorted; none if the folder does not exist."""
        local = self._local(run_id)
        if local is not None:
            return sorted(path.name for path in (local / folder).glob("*") if path.is_file())
        try:
            files = self._client().list_artifacts(run_id, folder)
        except Exception as error:  # each backend of MLflow raises its own kind
            raise self._unreadable(run_id, error) from error
        return sorted(file.path.rpartition("/")[2] for file in files if not file.is_dir)

    def read(self, run_id: str, path: str) -> bytes:
        """Content of a file.

        Raises:
            AnalysisError: it cannot be read.
        """
        local = self._local(run_id)
        try:
            if local is not None:
                return (local / path).read_bytes()
            with TemporaryDirectory() as folder:
                return Path(self._client().download_artifacts(run_id, path, folder)).read_bytes()
        except Exception as error:
            raise self._unreadable(run_id, error) from error

    def _local(self, run_id: str) -> Path | None:
        """The run's folder, if its store is a database and the folder is on this machine."""
        if self._uri.startswith(("http://", "https://")):
            return None
        runs = sa.table("runs", sa.column("run_uuid"), sa.column("artifact_uri"))
        query = sa.select(runs.c.artifact_uri).where(runs.c.run_uuid == run_id)
        engine = sa.create_engine(self._uri)
        try:
            with engine.connect() as connection:
                folder = connection.execute(query).scalar()
        except SQLAlchemyError as error:
            raise self._unreadable(run_id, error) from error
        finally:
            engine.dispose()
        parts = urlsplit(folder or "")
        return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None

    def _client(self) -> Any:
        if not self._clients:
            from mlflow import MlflowClient  # it takes seconds, and only remote stores need it

            self._clients.append(MlflowClient(tracking_uri=self._uri))
        return self._clients[0]

    def _unreadable(self, run_id: str, error: Exception) -> AnalysisError:
        return AnalysisError(f"artifacts of run {run_id} cannot be read: {reason(error, self._uri)}")
