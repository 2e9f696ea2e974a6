"""An exported experiment into another store.

This goes through MLflow's own client and not into its tables: MLflow then gives out IDs and artifact locations and
keeps its indices, it works for servers whose database is out of reach, and it stays right when the tables change.
Sending a row twice changes nothing there, so an import that was cut short is completed by starting it again.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import AnalysisError
from analysis.store.export import LAYOUT, ROWS
from msl import schema

if TYPE_CHECKING:  # importing MLflow takes seconds; reading stores does without it
    from mlflow.tracking import MlflowClient

_METRICS, _TEXTS = 1000, 100  # in one batch: MLflow's limits
_PARENT = "mlflow.parentRunId"

Texts = dict[str, list[tuple[str, str]]]  # by run ID


@dataclass(frozen=True)
class _Exported:
    """What `export` wrote."""

    folder: Path
    name: str
    experiment_tags: dict[str, str]
    runs: list[dict[str, Any]]  # run_id name status start end
    tags: Texts
    params: Texts
    rows: pq.ParquetFile


def load(
    folder: Path, uri: str, experiment: str | None = None, told: Callable[[str], None] = lambda line: None
) -> dict[str, str]:
    """Put an exported experiment into a store; runs that are complete there already are left alone.

    Args:
        folder: as `export` wrote it.
        uri: tracking URI of the other store.
        experiment: name to give it there; its own if left out. It may exist: the runs are added.
        told: is given a line a run.

    Returns:
        The new run ID of each exported one, which the new run names in its tag ``msl.imported``.

    Raises:
        AnalysisError: the folder is no export, or the store refuses something.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    exported = _opened(folder)
    try:
        client = MlflowClient(tracking_uri=uri)
        place = _experiment(client, experiment or exported.name, exported.experiment_tags)
        new, complete = _begun(client, place)
        for run in exported.runs:
            if run["run_id"] not in new:
                new[run["run_id"]] = _create(client, place, run)
        missing = [run for run in exported.runs if run["run_id"] not in complete]
        _log_rows(client, exported.rows, {run["run_id"]: new[run["run_id"]] for run in missing})
        for run in missing:
            _log_texts(client, exported, run["run_id"], new)
            if (files := folder / "artifacts" / run["run_id"]).is_dir():
                client.log_artifacts(new[run["run_id"]], str(files))
            _finish(client, new[run["run_id"]], run)
            told(f"{run['run_id']} -> {new[run['run_id']]}  {run['name']}")
    except (MlflowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise AnalysisError(f"import into {uri} stopped: {reason}. The same command goes on from there.") from error
    return {run["run_id"]: new[run["run_id"]] for run in exported.runs}


def _opened(folder: Path) -> _Exported:
    try:
        about = json.loads((folder / "experiment.json").read_text())
        runs, tags, params = (pq.read_table(folder / f"{name}.parquet") for name in ("runs", "tags", "params"))
        rows = pq.ParquetFile(folder / "metrics.parquet")
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{folder} is no exported experiment: {error}") from error
    if about.get("layout") != LAYOUT:
        raise AnalysisError(f"{folder} has layout {about.get('layout')}; this version of msl reads layout {LAYOUT}")
    return _Exported(folder, about["name"], about["tags"], runs.to_pylist(), _by_run(tags), _by_run(params), rows)


def _by_run(long: pa.Table) -> Texts:
    texts: Texts = {}
    for row in long.to_pylist():
        texts.setdefault(row["run_id"], []).append((row["key"], row["value"]))
    return texts


def _experiment(client: "MlflowClient", name: str, tags: dict[str, str]) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, tags=tags))
    if found.lifecycle_stage != "active":
        raise AnalysisError(f"experiment {name!r} is deleted there: restore it, or import under another name")
    return str(found.experiment_id)


def _begun(client: "MlflowClient", experiment_id: str) -> tuple[dict[str, str], set[str]]:
    """New ID by old one of the runs that an earlier import has begun; and the old IDs of those that it completed."""
    begun: dict[str, str] = {}
    complete: set[str] = set()
    token = None
    while True:
        page = client.search_runs([experiment_id], f"tags.`{schema.IMPORTED}` != ''", page_token=token)
        for run in page:
            old = run.data.tags[schema.IMPORTED]
            begun[old] = run.info.run_id
            if schema.IMPORT_COMPLETE in run.data.tags:
                complete.add(old)
        token = page.token
        if not token:
            return begun, complete


def _create(client: "MlflowClient", experiment_id: str, run: Mapping[str, Any]) -> str:
    tags = {schema.IMPORTED: run["run_id"]}
    created = client.create_run(experiment_id, _milliseconds(run["start"]), tags, run["name"])
    return str(created.info.run_id)


def _log_rows(client: "MlflowClient", file: pq.ParquetFile, new: Mapping[str, str]) -> None:
    from mlflow.entities import Metric

    for batch in file.iter_batches(ROWS):
        cells = {name: batch.column(name) for name in ("run_id", "metric", "value", "timestamp", "step")}
        cells["timestamp"] = cells["timestamp"].cast(pa.int64())
        rows: dict[str, list[Metric]] = {}
        for run_id, *row in zip(*(column.to_pylist() for column in cells.values()), strict=True):
            if run_id in new:
                rows.setdefault(run_id, []).append(Metric(*row))
        for run_id, own in rows.items():
            for i in range(0, len(own), _METRICS):
                client.log_batch(new[run_id], metrics=own[i : i + _METRICS])


def _log_texts(client: "MlflowClient", exported: _Exported, old: str, new: Mapping[str, str]) -> None:
    """Parameters and tags; a tag that names a run that came along names its new ID."""
    from mlflow.entities import Param, RunTag

    params = [Param(key, value) for key, value in exported.params.get(old, ())]
    tags = [
        RunTag(key, new.get(value, value) if key in (_PARENT, schema.PARENT) else value)
        for key, value in exported.tags.get(old, ())
        if key not in (schema.IMPORTED, schema.IMPORT_COMPLETE)  # of an import before this one
    ]
    for i in range(0, max(len(params), len(tags)), _TEXTS):
        client.log_batch(new[old], params=params[i : i + _TEXTS], tags=tags[i : i + _TEXTS])


def _finish(client: "MlflowClient", run_id: str, run: Mapping[str, Any]) -> None:
    end = _milliseconds(run["end"])
    if end is None:
        client.update_run(run_id, status=run["status"])
    else:
        client.set_terminated(run_id, run["status"], end)
    client.set_tag(run_id, schema.IMPORT_COMPLETE, "true")


def _milliseconds(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1000)
