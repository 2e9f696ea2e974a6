"""An MLflow server, read over http with several requests at the same time."""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError, unknown
from analysis.store.api import AT_ONCE, Api
from analysis.store.base import DATASETS, LATEST, LONG, ROLE, RunTables, Store
from analysis.store.cache import Cache, Curve, State
from analysis.store.columns import Codebook, Rows, as_times, in_order, with_infinities, without_superseded
from analysis.store.thinning import thinned
from msl import schema

_RUNS_A_PAGE = 1000
_ROWS_A_PAGE = 25_000  # the server searches and sorts again for each page
_IDS_A_QUESTION = 100
_RUN_ID = re.compile(r"[\w-]+")


class ServerStore(Store):
    """A tracking server.

    Histories are read run by run through ``metrics/get-history``, several runs at once and page by page. The server's
    bulk answer would be faster, but without notice it leaves out rows beyond 25 000.
    """

    def __init__(self, uri: str) -> None:
        self._api = Api(uri)
        self.uri = self._api.uri
        self._cache = Cache(self.uri)
        self.experiments()

    def experiments(self) -> list[str]:
        """Names of the experiments."""
        return [experiment["name"] for experiment in self._experiments()]

    def experiment_tags(self, experiment: str) -> dict[str, str]:
        """Tags of an experiment that exists."""
        (match,) = (entry for entry in self._experiments() if entry["name"] == experiment)
        return {tag["key"]: tag["value"] for tag in match.get("tags", ())}

    def tables(self, experiment: str | None = None, status: str | None = None) -> RunTables:
        """The runs of an experiment that exists, or of all; only those of a status, if one is given."""
        names = {e["experiment_id"]: e["name"] for e in self._experiments() if experiment in (None, e["name"])}
        runs, tags, params, latest = [], [], [], []
        for run in self._search(list(names), f"attributes.status = '{status}'" if status else ""):
            info, data = run["info"], run.get("data", {})
            run_id = info["run_id"]
            times = (info.get("start_time"), info.get("end_time"))
            runs.append((run_id, info.get("run_name"), names[info["experiment_id"]], info.get("status"), *times))
            tags += [(run_id, tag["key"], tag.get("value", "")) for tag in data.get("tags", ())]
            params += [(run_id, param["key"], param.get("value", "")) for param in data.get("params", ())]
            latest += [(run_id, *_last_row(metric)) for metric in data.get("metrics", ())]
        frame = pd.DataFrame(runs, columns=["run_id", "name", "experiment", "status", "start", "end"])
        for column in ("start", "end"):
            frame[column] = as_times(frame[column])
        newest = pd.DataFrame(latest, columns=LATEST)
        newest["value"] = with_infinities(newest["value"].to_numpy(np.float64, copy=True))
        return RunTables(frame, pd.DataFrame(tags, columns=LONG), pd.DataFrame(params, columns=LONG), newest)

    def dataset_inputs(self, experiment: str) -> pd.DataFrame:
        """The data sets that MLflow lists as inputs of the runs of an experiment that exists: `DATASETS`."""
        ids = [entry["experiment_id"] for entry in self._experiments() if entry["name"] == experiment]
        rows = [
            (run["info"]["run_id"], *(entry["dataset"].get(name) for name in DATASETS[1:-1]), _role(entry))
            for run in self._search(ids)
            for entry in run.get("inputs", {}).get("dataset_inputs", ())
        ]
        return pd.DataFrame(rows, columns=list(DATASETS), dtype=object)

    def rows(self, run_ids: Sequence[str], metrics: Sequence[str] | None, codebook: Codebook) -> Iterator[Rows]:
        """Every row of these runs as it was logged, superseded rows too, in portions and in no order."""
        for state, curves in self._each(run_ids, lambda state: self._curves(state, metrics)):
            yield _rows(state.run_id, curves, codebook)

    def thinned(
        self, run_ids: Sequence[str], metrics: Sequence[str] | None, max_points: int, codebook: Codebook
    ) -> Iterator[Rows]:
        """The rows of `history` with `max_points`, in no order; whole curves are in memory only while they are read."""
        with_attempts = None if metrics is None else [*metrics, schema.ATTEMPT]

        def read(state: State) -> dict[str, Curve]:
            of_run = Codebook()
            rows = in_order(_rows(state.run_id, self._curves(state, with_attempts), of_run), of_run)
            rows = thinned(without_superseded(rows, of_run), max_points)
            names = of_run.metrics if metrics is None else [name for name in metrics if name in of_run.metrics]
            curves = {name: rows.where(rows.metric == of_run.metrics[name]) for name in names}
            return {name: Curve(curve.step, curve.value, curve.timestamp) for name, curve in curves.items()}

        for state, curves in self._each(run_ids, read):
            yield _rows(state.run_id, curves, codebook)

    def known_runs(self, run_ids: Sequence[str]) -> set[str]:
        """Those of the runs that exist and are not deleted."""
        return {state.run_id for state in self._states(run_ids)}

    def known_metrics(self) -> set[str]:
        """Names of all metrics of all runs."""
        return set(self.tables().latest["key"])

    def _experiments(self) -> list[dict[str, Any]]:
        pages = self._api.pages("POST", "experiments/search", max_results=_RUNS_A_PAGE, view_type="ACTIVE_ONLY")
        return [experiment for page in pages for experiment in page.get("experiments", ())]

    def _search(self, experiment_ids: Sequence[str], filter: str = "") -> Iterator[dict[str, Any]]:
        if experiment_ids:
            question = {"experiment_ids": experiment_ids, "filter": filter, "run_view_type": "ACTIVE_ONLY"}
            for page in self._api.pages("POST", "runs/search", max_results=_RUNS_A_PAGE, **question):
                yield from page.get("runs", ())

    def _states(self, run_ids: Sequence[str]) -> Iterator[State]:
        """The states of the runs that exist."""
        experiments = [experiment["experiment_id"] for experiment in self._experiments()]
        valid = [run_id for run_id in run_ids if _RUN_ID.fullmatch(run_id)]
        for i in range(0, len(valid), _IDS_A_QUESTION):
            quoted = ", ".join(f"'{run_id}'" for run_id in valid[i : i + _IDS_A_QUESTION])
            for run in self._search(experiments, f"attributes.run_id IN ({quoted})"):
                yield _state(run)

    def _each(
        self, run_ids: Sequence[str], read: Callable[[State], dict[str, Curve]]
    ) -> Iterator[tuple[State, dict[str, Curve]]]:
        """Read every run, several at the same time, and not many more than the caller has taken."""
        states = {state.run_id: state for state in self._states(run_ids)}
        if missing := [run_id for run_id in run_ids if run_id not in states]:
            raise unknown("run", missing[0], self.tables().runs["run_id"])
        waiting: deque[tuple[State, Future[dict[str, Curve]]]] = deque()
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            for state in states.values():
                waiting.append((state, pool.submit(read, state)))
                if len(waiting) > 2 * AT_ONCE:
                    first, future = waiting.popleft()
                    yield first, future.result()
            for state, future in waiting:
                yield state, future.result()
        except AnalysisError as error:
            raise AnalysisError(
                f"{str(error).rstrip('.')}. The histories of finished runs that were read are in {self._cache.folder}; "
                "the same command continues from there."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)

    def _curves(self, state: State, metrics: Sequence[str] | None) -> dict[str, Curve]:
        """A run's curves, from the cache or the server; what the server sent is stored, even if it fails later."""
        names = [name for name in state.latest if metrics is None or name in metrics]
        cached = self._cache.read(state)
        curves = dict(cached)
        try:
            for name in names:
                if name not in curves:
                    curves[name] = self._curve(state.run_id, name)
        finally:
            if len(curves) > len(cached):
                self._cache.write(state, curves)
        return {name: curves[name] for name in names}

    def _curve(self, run_id: str, name: str) -> Curve:
        question = {"run_id": run_id, "metric_key": name, "max_results": _ROWS_A_PAGE}
        pages = self._api.pages("GET", "metrics/get-history", **question)
        rows = [row for page in pages for row in page.get("metrics", ())]
        return Curve(
            np.array([row.get("step", 0) for row in rows], np.int64),
            with_infinities(np.array([row.get("value", 0.0) for row in rows], np.float64)),  # "NaN" comes as text
            np.array([row["timestamp"] for row in rows], np.int64),
        )


def _role(entry: dict[str, Any]) -> str | None:
    """What a data set was for: MLflow has it in a tag of the input."""
    return {tag["key"]: tag["value"] for tag in entry.get("tags", ())}.get(ROLE)


def _last_row(metric: dict[str, Any]) -> tuple[str, int, int, float]:
    return metric["key"], int(metric.get("step", 0)), int(metric["timestamp"]), float(metric.get("value", 0))


def _state(run: dict[str, Any]) -> State:
    info, metrics = run["info"], run.get("data", {}).get("metrics", ())
    latest = {m["key"]: f"{m.get('step', 0)} {m.get('timestamp')} {m.get('value', 0.0)!r}" for m in metrics}
    return State(info["run_id"], info["status"], info.get("end_time"), latest)


def _rows(run_id: str, curves: dict[str, Curve], codebook: Codebook) -> Rows:
    run = codebook.runs[run_id]
    parts = [
        Rows(np.full(len(c.step), run, np.int32), np.full(len(c.step), codebook.metrics[name], np.int32), *c)
        for name, c in curves.items()
    ]
    return Rows.joined(parts)
