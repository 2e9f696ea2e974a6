"""Put an exported experiment into another store.

This uses MLflow's own client and not its tables: MLflow then chooses IDs and artifact locations, it works for servers
whose database cannot be reached, and it stays right when the tables change. A row that is sent twice is stored once,
so an import that was interrupted is completed when it is started again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import AnalysisError
from analysis.store.base import ROLE
from analysis.store.export import LAYOUT, ROWS_A_PORTION
from analysis.store.ids import NewIds
from analysis.store.models import Model, complete_model, create_models, exported_models, register_versions
from msl import schema
from msl.console import masked, reason
from msl.store_lock import opening

if TYPE_CHECKING:  # importing MLflow takes seconds, and reading stores does not need it
    from mlflow.tracking import MlflowClient

_METRICS_A_BATCH, _TEXTS_A_BATCH = 1000, 100  # MLflow's limits

Texts = dict[str, list[tuple[str, str]]]  # by run ID


@dataclass(frozen=True)
class _Exported:
    """The content of a folder that `export` wrote."""

    folder: Path
    name: str
    experiment_tags: dict[str, str]
    runs: list[dict[str, Any]]  # run_id name status start end
    tags: Texts
    params: Texts
    rows: pq.ParquetFile
    inputs: dict[str, list[dict[str, Any]]]  # data sets by run ID
    models: list[Model]


def load(
    folder: Path, uri: str, experiment: str | None = None, progress: Callable[[str], None] = lambda line: None
) -> dict[str, str]:
    """Put an exported experiment into a store; runs that it already has complete are not touched.

    Args:
        folder: as `export` wrote it.
        uri: tracking URI of the other store.
        experiment: its name in the other store; None = the exported name. If the experiment exists, runs are added.
        progress: is called with a line for each run.

    Returns:
        The new run ID of each exported one, which the new run names in its tag ``msl.imported``.

    Raises:
        AnalysisError: the folder is no export, or the store refuses a run.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from sqlalchemy.exc import SQLAlchemyError

    exported = _opened(folder)
    try:
        with opening(uri):
            client = MlflowClient(tracking_uri=uri)
            client.search_experiments(max_results=1)  # makes the tables of an empty store
        experiment_id = _experiment(client, experiment or exported.name, exported.experiment_tags)
        new, complete = _imported(client, [experiment_id])
        elsewhere, _ = _imported(client, _others(client, experiment_id))  # parents may be in another experiment
        for run in exported.runs:
            if run["run_id"] not in new:
                new[run["run_id"]] = _create(client, experiment_id, run)
        models = create_models(client, exported.models, experiment_id, new)
        versions = register_versions(client, exported.models, models, new)
        ids = NewIds(experiment_id, {**elsewhere, **new, **models}, versions)
        for model in exported.models:
            complete_model(client, model, models[model["model_id"]], folder, ids)
        missing = [run for run in exported.runs if run["run_id"] not in complete]
        _log_rows(client, exported.rows, {run["run_id"]: new[run["run_id"]] for run in missing})
        for run in missing:
            _log_texts(client, exported, run["run_id"], new[run["run_id"]], ids)
            _log_inputs(client, exported.inputs.get(run["run_id"], ()), new[run["run_id"]])
            if (files := folder / "artifacts" / run["run_id"]).is_dir():
                client.log_artifacts(new[run["run_id"]], str(files))
                _log_config(client, files / schema.CONFIG_FILE, new[run["run_id"]], ids)
            _finish(client, new[run["run_id"]], run)
            progress(f"{run['run_id']} -> {new[run['run_id']]}  {run['name']}")
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        text = f"import into {masked(uri)} stopped: {reason(error, uri)}"
        raise AnalysisError(f"{text.rstrip('.')}. The same command continues from there.") from error
    return {run["run_id"]: new[run["run_id"]] for run in exported.runs}


def _opened(folder: Path) -> _Exported:
    try:
        about = json.loads((folder / "experiment.json").read_text())
        runs, tags, params = (pq.read_table(folder / f"{name}.parquet") for name in ("runs", "tags", "params"))
        rows = pq.ParquetFile(folder / "metrics.parquet")
        inputs = _inputs(folder / "inputs.parquet")
        models = exported_models(folder)
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{folder} is no exported experiment: {error}") from error
    if about.get("layout") != LAYOUT:
        raise AnalysisError(f"{folder} has layout {about.get('layout')}; this version of msl reads layout {LAYOUT}")
    texts = (_by_run(tags), _by_run(params))
    return _Exported(folder, about["name"], about["tags"], runs.to_pylist(), *texts, rows, inputs, models)


def _inputs(path: Path) -> dict[str, list[dict[str, Any]]]:
    inputs: dict[str, list[dict[str, Any]]] = {}
    for row in pq.read_table(path).to_pylist() if path.exists() else ():  # older exports have none
        inputs.setdefault(row["run_id"], []).append(row)
    return inputs


def _by_run(long: pa.Table) -> Texts:
    texts: Texts = {}
    for row in long.to_pylist():
        texts.setdefault(row["run_id"], []).append((row["key"], row["value"]))
    return texts


def _experiment(client: "MlflowClient", name: str, tags: dict[str, str]) -> str:
    """ID of the experiment, which is made if it does not exist."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return str(client.create_experiment(name, tags=tags))
    if experiment.lifecycle_stage != "active":
        raise AnalysisError(
            f"experiment {name!r} is deleted in that store: restore it, or import under another name (--experiment)"
        )
    return str(experiment.experiment_id)


def _others(client: "MlflowClient", experiment_id: str) -> list[str]:
    """IDs of all other experiments of the store."""
    ids, token = [], None
    while True:
        page = client.search_experiments(page_token=token)
        ids += [str(experiment.experiment_id) for experiment in page]
        token = page.token
        if not token:
            return [other for other in ids if other != experiment_id]


def _imported(client: "MlflowClient", experiment_ids: list[str]) -> tuple[dict[str, str], set[str]]:
    """The new ID, by the old one, of each run that an earlier import began; and the old IDs of the complete ones."""
    new: dict[str, str] = {}
    complete: set[str] = set()
    token = None
    while experiment_ids:
        page = client.search_runs(experiment_ids, f"tags.`{schema.IMPORTED}` != ''", page_token=token)
        for run in page:
            old = run.data.tags[schema.IMPORTED]
            new[old] = run.info.run_id
            if schema.IMPORT_COMPLETE in run.data.tags:
                complete.add(old)
        token = page.token
        if not token:
            break
    return new, complete


def _create(client: "MlflowClient", experiment_id: str, run: Mapping[str, Any]) -> str:
    tags = {schema.IMPORTED: run["run_id"]}
    created = client.create_run(experiment_id, _milliseconds(run["start"]), tags, run["name"])
    return str(created.info.run_id)


def _log_rows(client: "MlflowClient", file: pq.ParquetFile, new: Mapping[str, str]) -> None:
    from mlflow.entities import Metric

    for batch in file.iter_batches(ROWS_A_PORTION):
        cells = {name: batch.column(name) for name in ("run_id", "metric", "value", "timestamp", "step")}
        cells["timestamp"] = cells["timestamp"].cast(pa.int64())
        rows: dict[str, list[Metric]] = {}
        for run_id, *row in zip(*(column.to_pylist() for column in cells.values()), strict=True):
            if run_id in new:
                rows.setdefault(run_id, []).append(Metric(*row))
        for run_id, metrics in rows.items():
            for i in range(0, len(metrics), _METRICS_A_BATCH):
                client.log_batch(new[run_id], metrics=metrics[i : i + _METRICS_A_BATCH])


def _log_texts(client: "MlflowClient", exported: _Exported, old: str, run_id: str, ids: NewIds) -> None:
    """Parameters and tags, the note too, with the new IDs of imported runs and models."""
    from mlflow.entities import Param, RunTag

    params = [Param(key, ids.rewritten(value)) for key, value in exported.params.get(old, ())]
    tags = [
        RunTag(key, ids.rewritten(value))
        for key, value in exported.tags.get(old, ())
        if key not in (schema.IMPORTED, schema.IMPORT_COMPLETE)  # of an earlier import
    ]
    for i in range(0, max(len(params), len(tags)), _TEXTS_A_BATCH):
        client.log_batch(run_id, params=params[i : i + _TEXTS_A_BATCH], tags=tags[i : i + _TEXTS_A_BATCH])


def _log_inputs(client: "MlflowClient", inputs: Sequence[Mapping[str, Any]], run_id: str) -> None:
    """The data sets that MLflow lists as inputs of a run."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    names = ("name", "digest", "source_type", "source", "schema", "profile")
    entries = [
        DatasetInput(
            Dataset(**{name: row[name] for name in names}), [InputTag(ROLE, row["role"])] if row["role"] else []
        )
        for row in inputs
    ]
    if entries:
        client.log_inputs(run_id, entries)


def _log_config(client: "MlflowClient", file: Path, run_id: str, ids: NewIds) -> None:
    """The run's settings once more, with new IDs."""
    if file.is_file() and (text := file.read_text(encoding="utf-8")) != (rewritten := ids.rewritten(text)):
        client.log_text(run_id, rewritten, file.name)


def _finish(client: "MlflowClient", run_id: str, run: Mapping[str, Any]) -> None:
    end = _milliseconds(run["end"])
    if end is None:
        client.update_run(run_id, status=run["status"])
    else:
        client.set_terminated(run_id, run["status"], end)
    client.set_tag(run_id, schema.IMPORT_COMPLETE, "true")


def _milliseconds(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1000)
