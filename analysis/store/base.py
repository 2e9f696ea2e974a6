"""The questions that every run store answers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError, unknown
from analysis.store.columns import Codebook, Rows, framed, in_order, without_superseded
from analysis.store.life import true_status, with_changes
from analysis.store.wide import all_by_kind, find_column, widened
from msl import schema

LONG = ("run_id", "key", "value")
_MARKS = (schema.STAGE, schema.GROUP, schema.HEARTBEAT)
ROLE = "mlflow.data.context"  # MLflow's tag of an input: what the data set was for
DATASETS = ("run_id", "name", "digest", "source_type", "source", "schema", "profile", "role")
LATEST = ("run_id", "key", "step", "timestamp", "value")


@dataclass(frozen=True)
class RunTables:
    """Runs as they are recorded, before they become one wide frame."""

    runs: pd.DataFrame  # run_id name experiment status start end; times UTC
    tags: pd.DataFrame  # LONG
    params: pd.DataFrame  # LONG
    latest: pd.DataFrame  # LATEST: of each metric the row with the highest step; time in milliseconds, UTC

    @property
    def by_kind(self) -> dict[str, pd.DataFrame]:
        """Tags, parameters and last metrics, by kind."""
        return {schema.TAGS: self.tags, schema.PARAMS: self.params, schema.METRICS: self.latest}

    def marked(self) -> "RunTables":
        """Only the runs that the tags of msl mark as its own."""
        ids = set(self.tags.loc[self.tags["key"].isin(_MARKS), "run_id"])
        tables = (self.runs, self.tags, self.params, self.latest)
        return RunTables(*(table[table["run_id"].isin(ids)].reset_index(drop=True) for table in tables))


class MarkedRuns(NamedTuple):
    """The runs of msl, and how many of other programs are beside them."""

    runs: pd.DataFrame  # as `Store.runs` gives them
    passed_over: int


def passed_over_text(count: int) -> str:
    """A sentence about runs of other programs."""
    return f"{count} run{'' if count == 1 else 's'} without the tags of msl passed over"


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
    def dataset_inputs(self, experiment: str) -> pd.DataFrame:
        """The data sets that MLflow lists as inputs of the runs of an experiment that exists: `DATASETS`."""

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

    def runs(
        self, experiment: str | None = None, filter: Mapping[str, object] | None = None, by_kind: bool = False
    ) -> pd.DataFrame:
        """One row a run: ``run_id name experiment status start end``, its tags and parameters, its last metrics.

        The status is the one that the run itself tells: `mlflow run` shows a killed run as failed. A name that two
        kinds have is had by its kind: ``params.p`` and ``tags.p``. The names of msl are always there as they are:
        ``lr`` is the metric, and a parameter of that name, which `mlflow run` records, is ``params.lr``.

        Args:
            experiment: name of the one to read; all if left out.
            filter: values that columns must have, such as ``{"msl.stage": "adapt", "status": "FINISHED"}``. Every
                column may be named by its kind.
            by_kind: name every tag, parameter and metric by its kind. These names do not depend on what others record.

        Raises:
            AnalysisError: the experiment or a column of `filter` cannot be found, or the store cannot be read.
        """
        self.require(experiment)
        tables = self.tables(experiment)
        runs = _frame(tables)
        for name, value in (filter or {}).items():
            runs = runs[runs[find_column(name, runs, tables.by_kind)] == value]
        runs = runs.reset_index(drop=True)
        return all_by_kind(runs, tables.by_kind) if by_kind else runs

    def marked_runs(self, experiment: str | None = None) -> MarkedRuns:
        """The runs that the tags of msl mark, as `runs` gives them, and the number of the others; raises as `runs`."""
        self.require(experiment)
        tables = self.tables(experiment)
        marked = tables.marked()
        return MarkedRuns(_frame(marked), len(tables.runs) - len(marked.runs))

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


def _frame(tables: RunTables) -> pd.DataFrame:
    runs = widened(tables.runs, tables.by_kind)
    return with_changes(runs.assign(status=true_status(runs)))
