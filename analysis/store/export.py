"""A whole experiment as Parquet files, which every tool can read and `load` puts into another store.

experiment.json                     name and tags of the experiment, version of this layout
runs.parquet                        run_id name status start end
tags.parquet params.parquet         run_id key value
metrics.parquet                     run_id metric step value timestamp: every row, superseded rows too
inputs.parquet                      run_id name digest source_type source schema profile role: data sets
artifacts/RUN_ID/ models/           on request: all files; and the MLflow models, see `models`
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import AnalysisError
from analysis.store.base import DATASETS, Store
from analysis.store.columns import Codebook, Rows
from analysis.store.models import FOLDER, export_models
from msl.console import reason

LAYOUT = 1
ROWS_A_PORTION = 100_000  # in a group of the file, and in memory

_TEXT, _TIME = pa.string(), pa.timestamp("ms", tz="UTC")
_RUNS = pa.schema({"run_id": _TEXT, "name": _TEXT, "status": _TEXT, "start": _TIME, "end": _TIME})
_TEXTS = pa.schema({"run_id": _TEXT, "key": _TEXT, "value": _TEXT})
_INPUTS = pa.schema(dict.fromkeys(DATASETS, _TEXT))
_ROWS = pa.schema({"run_id": _TEXT, "metric": _TEXT, "step": pa.int64(), "value": pa.float64(), "timestamp": _TIME})


def export(store: Store, experiment: str, folder: Path, artifacts_of: str | None = None) -> pd.DataFrame:
    """Write an experiment into a new folder, which appears when it is complete.

    Args:
        store: to read from.
        experiment: its name.
        folder: must not exist yet.
        artifacts_of: tracking URI through which artifacts are fetched; None = without artifacts.

    Returns:
        One row a run: ``run_id`` and its number of ``rows``.

    Raises:
        AnalysisError: the experiment cannot be found, the folder exists or cannot be written, or the store cannot be
            read.
    """
    store.require(experiment)
    if folder.exists():
        raise AnalysisError(f"{folder} exists already; give the name of a new folder")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
    except OSError as error:
        raise AnalysisError(f"{folder} cannot be written: {error.strerror}") from error
    tables = store.tables(experiment)
    about = {"layout": LAYOUT, "name": experiment, "tags": store.experiment_tags(experiment), "store": store.uri}
    (part / "experiment.json").write_text(json.dumps(about, indent=2))
    for name, frame, columns in (
        ("runs", tables.runs, _RUNS),
        ("tags", tables.tags, _TEXTS),
        ("params", tables.params, _TEXTS),
        ("inputs", store.dataset_inputs(experiment), _INPUTS),
    ):
        cells = [pa.array(frame[column.name].tolist(), column.type, from_pandas=True) for column in columns]
        pq.write_table(pa.table(cells, schema=columns), part / f"{name}.parquet")
    run_ids = tables.runs["run_id"].tolist()
    counts = _write_rows(store, run_ids, part / "metrics.parquet")
    if artifacts_of is not None:
        _fetch_artifacts(artifacts_of, experiment, run_ids, part)
    part.rename(folder)
    return pd.DataFrame({"run_id": run_ids, "rows": [counts.get(run_id, 0) for run_id in run_ids]})


def _write_rows(store: Store, run_ids: list[str], path: Path) -> dict[str, int]:
    """Write every row of the runs; the number of rows of each."""
    counts = np.zeros(0, np.int64)
    codebook = Codebook()
    with pq.ParquetWriter(path, _ROWS) as file:
        for rows in _gathered(store.rows(run_ids, None, codebook)):
            names = [
                pa.DictionaryArray.from_arrays(codes, list(numbering)).cast(_TEXT)
                for codes, numbering in ((rows.run, codebook.runs), (rows.metric, codebook.metrics))
            ]
            times = pa.array(rows.timestamp).cast(_TIME)
            file.write_table(pa.table([*names, rows.step, rows.value, times], schema=_ROWS))
            counts = np.pad(counts, (0, len(codebook.runs) - len(counts)))
            counts += np.bincount(rows.run, minlength=len(counts))
    return dict(zip(codebook.runs, counts.tolist(), strict=True))


def _gathered(portions: Iterator[Rows]) -> Iterator[Rows]:
    """The same rows in portions that are large enough to be written."""
    waiting: list[Rows] = []
    count = 0
    for portion in portions:
        waiting.append(portion)
        count += len(portion.run)
        if count >= ROWS_A_PORTION:
            yield Rows.joined(waiting)
            waiting, count = [], 0
    if waiting:
        yield Rows.joined(waiting)


def _fetch_artifacts(uri: str, experiment: str, run_ids: list[str], folder: Path) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    for run_id in run_ids:
        of_run = folder / "artifacts" / run_id
        of_run.mkdir(parents=True)
        try:
            client.download_artifacts(run_id, "", str(of_run))
        except Exception as error:  # each artifact store raises its own kind
            raise AnalysisError(f"artifacts of run {run_id} cannot be fetched: {reason(error, uri)}") from error
    try:
        export_models(client, uri, experiment, run_ids, folder / FOLDER)
    except AnalysisError:
        raise
    except Exception as error:
        raise AnalysisError(f"models of {experiment!r} cannot be fetched: {reason(error, uri)}") from error
