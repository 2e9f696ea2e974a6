"""The way of offline runs to the tracking server. Whatever was sent before is not doubled by sending it again."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from mlflow.entities import Metric, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from msl import schema
from msl.tracking.adoption import is_untouched
from msl.tracking.creation import create_once
from msl.tracking.description import PARAMS, log_description, log_inputs
from msl.tracking.direct import BATCH_ROWS
from msl.tracking.note import note_of
from msl.tracking.offline import OfflineStore, sent_run
from msl.tracking.publish import publish
from msl.tracking.record import RunRecord
from msl.tracking.run_folder import work_folder

T = TypeVar("T")
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_ONLY_HERE = (schema.CREATION, schema.SYNCED, schema.ADOPTED, schema.LEASE, MLFLOW_RUN_NOTE)  # tags that are not copied
_BATCH_TAGS = 100  # MLflow's limit


class Transfer:
    """Sends runs of the offline store. Each gets an ID of the server; what names a sent run then has that ID."""

    def __init__(self, client: MlflowClient, store: OfflineStore) -> None:
        """Set it up.

        Args:
            client: of the tracking server.
            store: of the offline runs.
        """
        self._client, self._store = client, store
        synced = {run.info.run_id: run.data.tags.get(schema.SYNCED) for run in store.runs()}
        self._ids: dict[str, str] = {local: remote for local, remote in synced.items() if remote}

    def make(self, runs: Iterable[Run]) -> None:
        """Make all runs on the server before the first is sent: a run and the one that it starts from name each other.

        Raises:
            MlflowException: the server does not take it.
        """
        for run in runs:
            self._ids[run.info.run_id] = self._made(run)

    def send(self, run: Run) -> str:
        """Send a run that is made; gives its ID on the server, where all of it is then.

        Raises:
            MlflowException, OSError, TrackingError: the server or its artifact store does not take it.
        """
        run_id, remote = run.info.run_id, self._ids[run.info.run_id]
        self._fill(run, remote)
        self._store.client.set_tag(run_id, schema.SYNCED, remote)
        move_folder(run_id, remote)
        return remote

    def _made(self, run: Run) -> str:
        """ID of the run on the server, where it is made if no earlier attempt has made it."""
        adopted = run.data.tags.get(schema.ADOPTED)
        if adopted is not None and self._is_for(adopted, run):
            return str(adopted)
        experiment = self._store.experiment_on(self._client, run)
        return sent_run(self._client, run.info.run_id) or create_once(
            self._client, experiment, run.info.run_name, {}, run.info.run_id, run.info.start_time
        )

    def _is_for(self, adopted: str, run: Run) -> bool:
        """Whether the run that `mlflow run` has made is still there, and empty or begun by an earlier attempt."""
        try:
            remote = self._client.get_run(adopted)
        except MlflowException as error:
            if error.get_http_status_code() not in (400, 404):
                raise
            return False
        is_begun = remote.data.tags.get(schema.CREATION) == run.info.run_id
        return remote.info.lifecycle_stage == "active" and (is_begun or is_untouched(remote))

    def _fill(self, run: Run, remote: str) -> None:
        files = Path(run.info.artifact_uri)
        record = self._record(files / schema.CONFIG_FILE, remote)
        self._texts(run, remote, record)
        self._rows(run, remote)
        self._files(files, remote)
        if run.inputs:
            log_inputs(self._client, remote, run.inputs.dataset_inputs)
        self._client.set_terminated(remote, run.info.status, run.info.end_time)

    def _texts(self, run: Run, remote: str, record: RunRecord | None) -> None:
        """Parameters and tags; the description has links, which are made anew."""
        tags = {name: self._named(value) for name, value in run.data.tags.items() if name not in _ONLY_HERE}
        tags = {schema.CREATION: run.info.run_id, **tags}  # first: it says whose an adopted run is
        if record is not None:
            tags[MLFLOW_RUN_NOTE] = note_of(self._client.get_run(remote).info, record, tags)
        for names in _parts(list(tags), _BATCH_TAGS):
            self._client.log_batch(remote, tags=[RunTag(name, tags[name]) for name in names])
        params = {name: self._named(value) for name, value in run.data.params.items()}
        log_description(self._client, remote, PARAMS, params)

    def _rows(self, run: Run, remote: str) -> None:
        for name in run.data.metrics:
            rows: list[Metric] = self._store.client.get_metric_history(run.info.run_id, name)
            for part in _parts(rows, BATCH_ROWS):
                self._client.log_batch(remote, metrics=part)

    def _files(self, folder: Path, remote: str) -> None:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            place = str(path.relative_to(folder).parent)
            if (place, path.name) == (schema.CHECKPOINT_FOLDER, schema.LAST_CHECKPOINT):
                publish(self._client, remote, path)
            elif path != folder / schema.CONFIG_FILE:
                self._client.log_artifact(remote, str(path), None if place == "." else place)

    def _record(self, file: Path, remote: str) -> RunRecord | None:
        """Send ``config.json`` with the IDs of the server; None if the run has ended before it was described."""
        if not file.is_file():
            return None
        text = self._named(file.read_text())
        self._client.log_text(remote, text, schema.CONFIG_FILE)
        return RunRecord.from_json(json.loads(text))

    def _named(self, text: str) -> str:
        """A text with the server's IDs of the runs that it names."""
        return _RUN_ID.sub(lambda match: self._ids.get(match[0], match[0]), text)


def _parts(values: list[T], size: int) -> Iterator[list[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def move_folder(local: str, remote: str) -> None:
    """Give a run's folder, from which it is resumed on this machine, the name of its new ID."""
    with suppress(FileNotFoundError):
        (work_folder() / local).rename(work_folder() / remote)
