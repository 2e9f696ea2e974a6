"""Runs without a tracking server: they have a store of their own on this machine, from which `sync` sends them.

It is an MLflow store like any other, so that an offline run is described, resumed and started from as every run is.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property

import mlflow
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from msl import schema
from msl.errors import TrackingError
from msl.files import make_folder
from msl.tracking.connection import connect, experiment_named
from msl.tracking.reachable import why_unreachable
from msl.tracking.reporter import MlflowReporter
from msl.tracking.run_folder import work_folder
from msl.tracking.search import OLDEST_FIRST, has_run, search_runs

ONLINE, OFFLINE, AUTO = "online", "offline", "auto"
_URI, _EXPERIMENT_ID = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"

log = logging.getLogger("msl")


@dataclass
class Recording:
    """Where a run is recorded."""

    client: MlflowClient
    resumed: str | None = None  # ID, in that store, of the run to continue
    waiting_run: str | None = None  # ID of the run that `mlflow run` has made on the server for an offline run
    has_run: bool = False

    def adopt(self, reporter: MlflowReporter) -> None:
        """A run is open; say in an offline run to which run of the server it belongs."""
        self.has_run = True
        if self.waiting_run is not None:
            reporter.is_started_by_mlflow = True
            reporter.tags({schema.ADOPTED: self.waiting_run})


class OfflineStore:
    """The store of this machine's offline runs, in the work folder."""

    def __init__(self) -> None:
        """Name it; it is made when the first run is recorded in it."""
        self._folder = work_folder() / "offline"
        self.uri = f"sqlite:///{self._folder / 'mlflow.db'}"

    @property
    def exists(self) -> bool:
        """Whether a run was recorded in it."""
        return (self._folder / "mlflow.db").is_file()

    def make_folder(self) -> None:
        """Make its folder; raises a TrackingError if that is impossible."""
        make_folder(self._folder, TrackingError, "Set MSL_WORK to another folder.")

    @cached_property
    def client(self) -> MlflowClient:
        """A client of this store."""
        return MlflowClient(tracking_uri=self.uri)

    def find(self, run_id: str) -> Run | None:
        """The run with this ID; None if it was not made here without a server."""
        if not self.exists:
            return None
        try:
            return self.client.get_run(run_id)
        except MlflowException:
            return None

    def runs(self) -> list[Run]:
        """All runs, the oldest first."""
        return list(search_runs(self.client, order=OLDEST_FIRST)) if self.exists else []

    def experiment(self, environment: Mapping[str, str]) -> str:
        """ID here of the experiment that MLflow's own settings name, made if it does not exist."""
        chosen_id = environment.get(_EXPERIMENT_ID)
        name = f"id={chosen_id}" if chosen_id else f"name={environment.get('MLFLOW_EXPERIMENT_NAME', 'Default')}"
        if self.client.get_experiment_by_name(name) is None:
            with suppress(MlflowException):  # another process may just have made it
                self.client.create_experiment(name, artifact_location=str(self._folder / "artifacts"))
        return experiment_named(self.client, name)

    def experiment_on(self, client: MlflowClient, run: Run) -> str:
        """ID on the server of the experiment that a run here was started for, made if it does not exist."""
        kind, _, value = self.client.get_experiment(run.info.experiment_id).name.partition("=")
        if kind == "id":
            return str(value)
        return experiment_named(client, value)


@contextmanager
def recording(mode: str, resumed: str | None) -> Iterator[Recording]:
    """Within this block, runs are recorded on the tracking server, or, without one, on this machine.

    A run is continued where it is: an offline run in this machine's store until `sync` has sent it, then on the server.

    Args:
        mode: online, offline, or auto: offline if the server cannot be reached now.
        resumed: ID of a run to continue, if one is named.

    Raises:
        TrackingError: the server cannot be reached or used, or the run to continue is on it and `mode` is offline.
    """
    store, uri = OfflineStore(), mlflow.get_tracking_uri()
    local_run = store.find(resumed) if resumed else None
    if local_run is not None:
        synced = local_run.data.tags.get(schema.SYNCED)
        with _on_server(synced) if synced else _on_this_machine(store, resumed) as place:
            yield place
        return
    trouble = why_unreachable(uri) if mode == AUTO else None
    if mode == ONLINE or (mode == AUTO and trouble is None):
        with _on_server(resumed) as place:
            yield place
        return
    if resumed is not None:
        raise TrackingError(
            f"resume = {resumed}: that run was not made offline on this machine. It can be continued with "
            f"tracking=online, when the tracking server answers{f' ({trouble})' if trouble else ''}."
        )
    if trouble is not None:
        log.warning("%s cannot be reached: %s. The run is recorded on this machine alone.", uri, trouble)
    with _on_this_machine(store, resumed) as place:
        yield place


@contextmanager
def _on_server(resumed: str | None) -> Iterator[Recording]:
    client = connect()
    yield Recording(client, None if resumed is None else _id_on(client, resumed))


def _id_on(client: MlflowClient, run_id: str) -> str:
    """The ID that a run has on the server, whether this one is that ID or the one that it had offline."""
    return run_id if has_run(client, run_id) else sent_run(client, run_id) or run_id


def sent_run(client: MlflowClient, offline_id: str) -> str | None:
    """ID on the server of a run that had this ID offline; None if there is none."""
    run = next(search_runs(client, f"tags.`{schema.CREATION}` = '{offline_id}'", most=1), None)
    return None if run is None else str(run.info.run_id)


@contextmanager
def _on_this_machine(store: OfflineStore, resumed: str | None) -> Iterator[Recording]:
    store.make_folder()
    previous, uri = dict(os.environ), mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store.uri)  # the process of a sender inherits it
    place = None
    try:
        place = Recording(connect(), resumed, os.environ.pop(schema.MLFLOW_RUN, None), has_run=resumed is not None)
        os.environ[_EXPERIMENT_ID] = store.experiment(previous)
        yield place
    finally:
        _restore(previous, uri)
        if place is not None and place.has_run:
            log.info("the run is on this machine alone; `msl sync` sends it to the tracking server")
        elif schema.MLFLOW_RUN in previous:  # the command says in that run why none was opened
            os.environ[schema.MLFLOW_RUN] = previous[schema.MLFLOW_RUN]


def _restore(environment: Mapping[str, str], uri: str) -> None:
    """Name the same tracking store as before, and in the same way."""
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # MLflow's own way to forget it
    for name in (_URI, _EXPERIMENT_ID):
        os.environ.pop(name, None)
        if name in environment:
            os.environ[name] = environment[name]
    if mlflow.get_tracking_uri() != uri:
        mlflow.set_tracking_uri(uri)
