"""What every run store answers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError, unknown
from analysis.store.columns import Labels, Rows, framed, in_order, widened, without_superseded
from msl import schema

LONG = ("run_id", "key", "value")
LATEST = ("run_id", "key", "step", "timestamp", "value")


@dataclass(frozen=True)
class RunTables:
    """Runs as they are recorded, before they are made one wide frame."""

    runs: pd.DataFrame  # run_id name experiment status start end; times UTC
    tags: pd.DataFrame  # LONG
    params: pd.DataFrame  # LONG
    latest: pd.DataFrame  # LATEST: of each metric the row with the highest step; time in milliseconds, UTC


class Store(ABC):
    """A run store, opened for reading only. Deleted runs and experiments are left out; times are UTC."""

    uri: str  # as it may be shown: without a password

    @abstractmethod
    def experiments(self) -> list[str]:
        """Names of the experiments."""

    @abstractmethod
    def experiment_tags(self, experiment: str) -> dict[str, str]:
        """Tags of an experiment that exists."""

    @abstractmethod
    def tables(self, experiment: str | None = None, status: str | None = None) -> RunTables:
        """The runs of an experiment that exists, or of all; only those of a status, if one is given."""

    @abstractmethod
    def rows(self, run_ids: Sequence[str], metrics: Sequence[str] | None, labels: Labels) -> Iterator[Rows]:
        """Every row of these runs as it was logged, the superseded too, in portions and in no order."""

    @abstractmethod
    def thinned(
        self, run_ids: Sequence[str], metrics: Sequence[str] | None, max_points: int, labels: Labels
    ) -> Iterator[Rows]:
        """The rows of `history` with `max_points`, in no order."""

    @abstractmethod
    def known_runs(self, run_ids: Sequence[str]) -> set[str]:
        """Those of the runs that are there and not deleted."""

    @abstractmethod
    def known_metrics(self) -> set[str]:
        """Names of all metrics of all runs."""

    def runs(self, experiment: str | None = None, filter: Mapping[str, object] | None = None) -> pd.DataFrame:
        """One row a run: ``run_id name experiment status start end``, its tags and parameters, its last metrics.

        Args:
            experiment: name of the one to read; all if left out.
            filter: values that columns must have, such as ``{"msl.stage": "adapt", "status": "FINISHED"}``.

        Raises:
            AnalysisError: there is no such experiment, or no such column to filter by; the store cannot be read.
        """
        self.require(experiment)
        tables = self.tables(experiment)
        runs = tables.runs.set_index("run_id")
        for table, kind in ((tables.tags, object), (tables.params, object), (tables.latest, float)):
            runs = widened(runs, table, kind)
        for column, value in (filter or {}).items():
            if column not in runs:
                raise unknown("column", column, runs.columns)
            runs = runs[runs[column] == value]
        return runs.reset_index()

    def history(
        self, run_ids: Sequence[str], metrics: Iterable[str] | None = None, max_points: int | None = None
    ) -> pd.DataFrame:
        """Every logged value as ``run_id metric step value timestamp``, sorted by run, metric, step and time.

        Of a resumed run, rows logged behind the step that it was resumed from are left out: they were trained again.

        Args:
            run_ids: the runs.
            metrics: names of the metrics; all if left out.
            max_points: at most so many rows a curve. A longer one is cut into stretches of equally many steps, and of
                each stretch the rows with the lowest and the highest value stay (Jugel et al., M4, VLDB 2014).

        Raises:
            AnalysisError: a run or a metric is not in the store, or the store cannot be read.
        """
        ids = list(dict.fromkeys(run_ids))
        names = None if metrics is None else list(dict.fromkeys(metrics))
        labels = Labels()
        if max_points is None:
            asked = None if names is None else [*dict.fromkeys([*names, schema.ATTEMPT])]
            rows = in_order(Rows.joined(list(self.rows(ids, asked, labels))), labels)
            rows = without_superseded(rows, labels)
            if names is not None and schema.ATTEMPT not in names:
                rows = rows.where(rows.metric != labels.metrics[schema.ATTEMPT])
        else:
            if max_points < 2:
                raise AnalysisError(f"max_points is {max_points}; a stretch keeps two, so it is 2 at least")
            rows = in_order(Rows.joined(list(self.thinned(ids, names, max_points, labels))), labels)
        self._complain(ids, names, rows, labels)
        return framed(rows, labels)

    def require(self, experiment: str | None) -> None:
        """Raise AnalysisError, with the nearest names, unless there is such an experiment."""
        if experiment is not None and experiment not in (names := self.experiments()):
            raise unknown("experiment", experiment, names)

    def _complain(self, run_ids: Sequence[str], metrics: Sequence[str] | None, rows: Rows, labels: Labels) -> None:
        """Tell names that nobody logged from runs and metrics that only have no row here."""
        silent = [run_id for run_id in run_ids if run_id not in labels.runs]
        if silent and (lost := set(silent) - self.known_runs(silent)):
            raise unknown("run", min(lost), self.tables().runs["run_id"])
        found = set(np.unique(rows.metric).tolist())
        silent = [name for name in metrics or () if labels.metrics.get(name) not in found]
        if silent and (run_ids and (lost := set(silent) - (known := self.known_metrics()))):
            raise unknown("metric", min(lost), known)
