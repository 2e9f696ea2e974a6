"""Comparisons: one row a seed group, with its differences to a baseline group."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from analysis.seeds import (
    Difference,
    Measure,
    SeedGroup,
    Summary,
    comparability_notes,
    find_measures,
    find_seed_group,
    headline_scores,
    recorded_measures,
    seed_groups,
    shared_note,
    short_names,
)
from msl import schema

# The columns of the report's last table.
REPORT_MEASURES = ("mIoU", "fwIoU", "PA", "target_loss", "train_loss")


@dataclass(frozen=True)
class Row:
    """A seed group beside the baseline."""

    group: SeedGroup
    name: str  # of the row; the group's, or a value of a parameter
    label: str  # as the table shows it
    scores: tuple[Summary, ...]  # of each measure
    differences: tuple[Difference, ...]  # to the baseline
    notes: tuple[str, ...]

    @property
    def deltas(self) -> tuple[float, ...]:
        """Differences of the means."""
        return tuple(difference.mean for difference in self.differences)


@dataclass(frozen=True)
class Comparison:
    """Seed groups beside a baseline, whose row is the first; the others follow, the best by the first measure first."""

    baseline: str
    measures: tuple[Measure, ...]
    rows: tuple[Row, ...]
    shared: str = ""  # what the names of all groups share, and the labels leave out

    @property
    def title(self) -> str:
        """The baseline as the rows call it."""
        return next((row.label for row in self.rows if row.group.name == self.baseline), self.baseline)


def compare(runs: pd.DataFrame, baseline: str, measures: Sequence[str] | None = None) -> Comparison:
    """Compare the seed groups among `runs` with one of them; of several finished runs with one seed the newest counts.

    Decoders, styled copies and checks of data have no scores, and a row only where they have one of the measures.

    Args:
        runs: as `Store.runs` gives them; for losses, with `analysis.seeds.with_trends`.
        baseline: the group's name, or a part that only its name has.
        measures: names as `find_measure` takes them; if left out, the last headline scores and the best mIoU, of
            the target; of the source where no target has labels.

    Raises:
        AnalysisError: no run of msl is finished, no single group fits `baseline`, or no run records such a measure.
    """
    groups = seed_groups(runs)
    base = find_seed_group(baseline, groups)
    columns = recorded_measures(_usual_measures(), runs) if measures is None else find_measures(measures, runs)
    rows = [compare_group(group, base, columns) for group in groups.values()]
    scored = [row for row in rows if row.group is base or row.group.is_scored or _has_scores(row)]
    ranked = sorted(scored, key=lambda row: (row.group is not base, rank(row.scores[0], columns[0])))
    names = [row.group.name for row in ranked]
    labelled = [replace(row, label=label) for row, label in zip(ranked, short_names(names), strict=True)]
    return Comparison(base.name, tuple(columns), tuple(labelled), shared_note(names))


def compare_group(group: SeedGroup, base: SeedGroup, measures: Sequence[Measure], label: str | None = None) -> Row:
    """A group's row in a comparison with `base`."""
    values = [group.values(measure) for measure in measures]
    differences = [Difference.between(v, base.values(measure)) for v, measure in zip(values, measures, strict=True)]
    footnotes = comparability_notes(group, base, measures)
    if group.name != base.name:
        footnotes += _common_seeds(differences[0], len(group.runs), len(base.runs))
    summaries = tuple(Summary.of(v.values()) for v in values)
    name = group.name if label is None else label
    return Row(group, name, name, summaries, tuple(differences), tuple(footnotes))


def rank(summary: Summary, measure: Measure) -> float:
    """The key that sorts groups by a measure, the best first and those without a number last."""
    if not summary.n:
        return math.inf
    return summary.mean if measure.lower_is_better else -summary.mean


def _usual_measures() -> list[str]:
    """Scores after the last step; and the best mIoU of all evaluations, which target labels choose."""
    return [*(schema.final(schema.LAST, name) for name in headline_scores()), schema.final(schema.BEST, schema.MIOU)]


def _has_scores(row: Row) -> bool:
    return any(summary.n for summary in row.scores)


def _common_seeds(difference: Difference, n: int, base_n: int) -> list[str]:
    """What the reader has to know of the seeds that were compared."""
    match difference.method:
        case "paired" if difference.group.n < max(n, base_n):
            return [f"Δ over the {difference.group.n} seeds that it has in common with the baseline"]
        case "unpaired":
            return ["fewer than two seeds in common with the baseline: Δ of the means, Welch's interval"]
        case "one pair" if max(n, base_n) > 1:
            return ["Δ over the one seed that it has in common with the baseline, so without interval"]
        case "means":
            return ["no seed in common with the baseline: Δ of the means, without interval"]
    return []
