"""The questions that every run store answers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import AnalysisError, unknown
from analysis.store.columns import Codebook, Numbering, Rows, framed, in_order, without_superseded
from analysis.store.life import true_status, with_changes
from msl import schema

LONG = ("run_id", "key", "value")
LATEST = ("run_id", "key", "step", "timestamp", "value")


@dataclass(frozen=True)
class RunTables:
    """Runs as they are recorded, before they become one wide frame."""

    runs: pd.DataFrame  # run_id name experiment status start end; times UTC
    tags: pd.DataFrame  # LONG
    params: pd.DataFrame  # LONG
    latest: pd.DataFrame  # LATEST: of each metric the row with the highest step; time in milliseconds, UTC


class Store(ABC):
    """A run store, opened for reading only. Deleted runs and experiments are left out; times are UTC."""

    uri: str  # without a password, so that it may be shown

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
    def rows(self, run_ids: Sequence[str], metrics: Sequence[str] | None, codebook: Codebook) -> Iterator[Rows]:
        """Every row of these runs as it was logged, superseded rows too, in portions and in no order."""

    @abstractmethod
    def thinned(
        self, run_ids: Sequence[str], metrics: Sequence[str] | None, max_points: int, codebook: Codebook
    ) -> Iterator[Rows]:
        """The rows of `history` with `max_points`, in no order."""

    @abstractmethod
    def known_runs(self, run_ids: Sequence[str]) -> set[str]:
        """Those of the runs that exist and are not deleted."""

    @abstractmethod
    def known_metrics(self) -> set[str]:
        """Names of all metrics of all runs."""

    def runs(self, experiment: str | None = None, filter: Mapping[str, object] | None = None) -> pd.DataFrame:
        """One row a run: ``run_id name experiment status start end``, its tags and parameters, its last metrics.

        The status is the one that the run itself tells: `mlflow run` shows a killed run as failed.

        Args:
            experiment: name of the one to read; all if left out.
            filter: values that columns must have, such as ``{"msl.stage": "adapt", "status": "FINISHED"}``.

        Raises:
            AnalysisError: the experiment or a column of `filter` cannot be found, or the store cannot be read.
        """
        self.require(experiment)
        tables = self.tables(experiment)
        runs = tables.runs.set_index("run_id")
        for table, kind in ((tables.tags, object), (tables.params, object), (tables.latest, float)):
            runs = _widened(runs, table, kind)
        runs = with_changes(runs.assign(status=true_status(runs)))
        for column, value in (filter or {}).items():
            if column not in runs:
                raise unknown("column", column, runs.columns)
            runs = runs[runs[column] == value]
        return runs.reset_index()

    def history(
        self, run_ids: Sequence[str], metrics: Iterable[str] | None = None, max_points: int | None = None
    ) -> pd.DataFrame:
        """Every logged value as ``run_id metric step value timestamp``, sorted by run, metric, step and time.

        Of a resumed run, rows that were logged before the resume at later steps are left out: those steps were trained
        again.

        Args:
            run_ids: the runs.
            metrics: names of the metrics; all if left out.
            max_points: at most so many rows a curve. A longer curve is cut into stretches of equally many steps, of
                each of which the rows with the lowest and the highest value stay (Jugel et al., M4, VLDB 2014).

        Raises:
            AnalysisError: a run or a metric is not in the store, or the store cannot be read.
        """
        ids = list(dict.fromkeys(run_ids))
        names = None if metrics is None else list(dict.fromkeys(metrics))
        codebook = Codebook()
        if max_points is None:
            with_attempts = None if names is None else [*dict.fromkeys([*names, schema.ATTEMPT])]
            rows = in_order(Rows.joined(list(self.rows(ids, with_attempts, codebook))), codebook)
            rows = without_superseded(rows, codebook)
            if names is not None and schema.ATTEMPT not in names:
                rows = rows.where(rows.metric != codebook.metrics[schema.ATTEMPT])
        else:
            if max_points < 2:
                raise AnalysisError(
                    f"max_points is {max_points}, but each stretch of a curve keeps two points; give 2 or more"
                )
            rows = in_order(Rows.joined(list(self.thinned(ids, names, max_points, codebook))), codebook)
        self._refuse_unknown(ids, names, rows, codebook)
        return framed(rows, codebook)

    def require(self, experiment: str | None) -> None:
        """Raise AnalysisError, with the nearest names, unless the experiment exists."""
        if experiment is not None and experiment not in (names := self.experiments()):
            raise unknown("experiment", experiment, names)

    def _refuse_unknown(
        self, run_ids: Sequence[str], metrics: Sequence[str] | None, rows: Rows, codebook: Codebook
    ) -> None:
        """Raise AnalysisError for a run or metric that does not exist; one without rows here may exist."""
        runs = [run_id for run_id in run_ids if run_id not in codebook.runs]
        if runs and (missing := set(runs) - self.known_runs(runs)):
            raise unknown("run", min(missing), self.tables().runs["run_id"])
        logged = set(np.unique(rows.metric).tolist())
        names = {name for name in metrics or () if codebook.metrics.get(name) not in logged}
        if names and run_ids and (missing := names - (known := self.known_metrics())):
            raise unknown("metric", min(missing), known)


def _widened(runs: pd.DataFrame, long: pd.DataFrame, kind: type) -> pd.DataFrame:
    """Runs with a column for each new key; a key that is a column already is left out.

    Args:
        runs: indexed by ID.
        long: ``run_id key value``.
        kind: of the values: float or object.
    """
    keys = Numbering()
    columns = keys.of(long["key"].tolist())
    cells: NDArray[Any] = np.full((len(keys), len(runs)), np.nan, kind)
    cells[columns, runs.index.get_indexer(pd.Index(long["run_id"]))] = long["value"].to_numpy(kind)
    taken = set(runs.columns)
    wide = {key: cells[place] for key, place in sorted(keys.items()) if key not in taken}
    return pd.concat([runs, pd.DataFrame(wide, index=runs.index)], axis=1)
