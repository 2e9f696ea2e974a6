"""The numbers that tables and figures show of a finished run, by the names that people type."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.errors import AnalysisError, unknown
from msl import schema

ALIASES = {"target_loss": schema.loss(schema.TARGET), "train_loss": schema.loss(schema.SOURCE)}


@dataclass(frozen=True)
class Measure:
    """A number of a finished run: a score or loss of the last or of the best checkpoint, or a trend."""

    which: str  # last, or best, which target labels choose; fall or drop, see `analysis.seeds.trends`
    metric: str  # target/mIoU, loss/source, …

    @property
    def key(self) -> str:
        """Its name in the run store, or in `analysis.seeds.with_trends`."""
        return schema.final(self.which, self.metric)

    @property
    def name(self) -> str:
        """Its name without the checkpoint; target scores go without their domain."""
        score, (_, domain, name) = schema.find_score(self.metric), schema.parse_metric(self.metric)
        if score is None:
            return next((alias for alias, metric in ALIASES.items() if metric == self.metric), self.metric)
        text = score.heading + name.removeprefix(score.name)
        return schema.score(domain, text) if domain == schema.SOURCE else text

    @property
    def heading(self) -> str:
        """Its name above a column."""
        return f"{self.name} {self.which}"

    @property
    def unit(self) -> str:
        """Unit of the number, "" where it has none."""
        return schema.unit(self.metric)

    @property
    def is_loss(self) -> bool:
        """Whether it is a part of what training minimises, and no score."""
        return schema.is_loss(self.metric)

    @property
    def lower_is_better(self) -> bool:
        """Whether the lowest number is the best; of a number without a direction the highest comes first."""
        return schema.higher_is_better(self.metric) is False


def headline_scores() -> list[str]:
    """Names of the scores that every table and every report shows."""
    return [score.name for score in schema.SCORES if score.is_headline]


def find_measure(name: str, runs: pd.DataFrame, which: str = schema.LAST) -> Measure:
    """The measure that a name means.

    Args:
        name: a target score (``mIoU``, ``IoU/road``), a metric with its domain (``source/PA``), ``target_loss`` or
            ``train_loss``; after ``best/`` or ``last/``, of that checkpoint.
        runs: as `Store.runs` gives them.
        which: checkpoint where the name does not say it.

    Raises:
        AnalysisError: no run records such a number, or it is NaN in all of them.
    """
    checkpoint = schema.parse_metric(name).which
    plain = name.removeprefix(f"{checkpoint}/")
    for metric in (ALIASES.get(plain, plain), schema.score(schema.TARGET, plain)):
        measure = Measure(checkpoint or which, metric)
        columns = [column for column in (measure.key, metric) if column in runs]
        if not columns:
            continue
        if runs.loc[runs["status"] == schema.FINISHED, columns].isna().all(axis=None):
            raise AnalysisError(f"metric {name!r} is no number in any finished run here; look at the runs' losses")
        return measure
    raise unknown("metric", name, _measurable(runs.columns))


def find_measures(names: Sequence[str], runs: pd.DataFrame) -> list[Measure]:
    """The measures that these names mean; raises as `find_measure` does."""
    return [find_measure(name, runs) for name in names]


def recorded_measures(names: Sequence[str], runs: pd.DataFrame) -> list[Measure]:
    """The measures of these target scores that the runs record; where no target has labels, those of the source.

    Raises:
        AnalysisError: they record none of either.
    """
    measures, reasons = _recorded(names, runs)
    if not measures:
        parts = [schema.parse_metric(name) for name in names]
        of_source = [schema.score(schema.SOURCE, name) for which, _, name in parts if which != schema.BEST]
        measures, _ = _recorded(of_source, runs)
    if not measures:
        raise reasons[0]
    return measures


def _recorded(names: Sequence[str], runs: pd.DataFrame) -> tuple[list[Measure], list[AnalysisError]]:
    measures, reasons = [], []
    for name in names:
        try:
            measures.append(find_measure(name, runs))
        except AnalysisError as error:
            reasons.append(error)
    return measures, reasons


def _measurable(columns: Iterable[object]) -> set[str]:
    """Names that `find_measure` knows, without the checkpoint."""
    parsed = [schema.parse_metric(str(column)) for column in columns]
    names = [parts for parts in parsed if parts.name]  # the columns `source` and `target` are data, no metrics
    metrics = {f"{domain}/{name}" if domain else name for which, domain, name in names if which or domain}
    metrics |= {name for _, _, name in names if name.startswith(schema.LOSS_PREFIX)}
    short = {metric.removeprefix(schema.TARGET + "/") for metric in metrics}
    return metrics | short | {alias for alias, metric in ALIASES.items() if metric in metrics}
