"""The per-class table: IoU of every class, one row a seed group."""

from collections.abc import Sequence

import pandas as pd

from analysis.errors import AnalysisError
from analysis.seeds import comparability as guard
from analysis.seeds.groups import Measure, SeedGroup, find_group, seed_groups
from analysis.seeds.statistics import Difference, Summary
from analysis.tables.table import Cell, Column, Footnotes, Sheet, text_cell
from msl import labels, schema

# As papers shorten them.
_SHORT = {
    "sidewalk": "sidew.",
    "building": "build.",
    "traffic light": "light",
    "traffic sign": "sign",
    "vegetation": "veget.",
    "motorcycle": "motor",
    "bicycle": "bike",
}


def classes(
    runs: pd.DataFrame, baseline: str | None = None, which: str = schema.LAST, domain: str = schema.TARGET
) -> Sheet:
    """IoU of every class in percent, mean over seeds; the spread is in the CSV.

    Args:
        runs: as `Store.runs` gives them.
        baseline: a group's name or a part of it; all rows but its own then show differences to it.
        which: ``last`` or ``best`` checkpoint.
        domain: ``target`` or ``source``.

    Raises:
        AnalysisError: there is no finished run with such scores, or no single group that `baseline` fits.
    """
    groups = seed_groups(runs)
    base = None if baseline is None else find_group(baseline, groups)
    measures = _measures(list(groups.values()), which, domain)
    overall = measures[-1]
    ranked = sorted(groups.values(), key=lambda group: _rank(group, base, overall))
    footnotes = Footnotes()
    rows = [_row(group, base, measures, footnotes) for group in ranked]
    columns = (Column("group", "group", numeric=False), Column("n", "n"), *map(_column, measures))
    shown = "mean over n seeds" if base is None else f"mean over n seeds of {base.name}, differences to it below"
    oracle = "; best is chosen by target labels, so an upper bound" if which == schema.BEST else ""
    return Sheet(
        f"IoU of each class in percent on the {domain}, {which} checkpoint, {shown}{oracle}",
        columns,
        tuple(rows),
        footnotes.texts,
    )


def _measures(groups: Sequence[SeedGroup], which: str, domain: str) -> list[Measure]:
    """Every class that is scored anywhere, in the order of the label sets, and mIoU."""
    prefix = schema.class_iou(domain, "")
    columns = {str(c) for group in groups for c in group.runs.columns[group.runs.notna().any()]}
    names = {c.rpartition(prefix)[2] for c in columns if c.startswith((prefix, schema.final(which, prefix)))}
    if not names:
        raise AnalysisError(f"no finished run here has IoU of single classes on the {domain} ({which} checkpoint)")
    known = dict.fromkeys(name for label_set in labels.LABEL_SETS.values() for name in label_set.classes)
    order = [*(name for name in known if name in names), *sorted(names - known.keys())]
    metrics = [*(schema.class_iou(domain, name) for name in order), schema.score(domain, schema.MIOU)]
    return [Measure(which, metric) for metric in metrics]


def _column(measure: Measure) -> Column:
    name = measure.metric.rpartition("/")[2]
    return Column(_SHORT.get(name, name), measure.key, ("mean", "std", "delta"))


def _rank(group: SeedGroup, base: SeedGroup | None, overall: Measure) -> tuple[bool, bool, float]:
    mean = Summary.of(group.values(overall).values())
    return group is not base, not mean.n, -mean.mean if mean.n else 0.0


def _row(
    group: SeedGroup, base: SeedGroup | None, measures: Sequence[Measure], footnotes: Footnotes
) -> tuple[Cell, ...]:
    cells = [text_cell(group.name, footnotes.mark(guard.notes(group, base, measures[-1:])))]
    cells.append(Cell(str(len(group.runs)), (len(group.runs),)))
    for measure in measures:
        values = group.values(measure)
        score = Summary.of(values.values())
        delta = float("nan") if base is None else Difference.between(values, base.values(measure)).mean
        differs = base is not None and group is not base
        cells.append(Cell(_one_decimal(delta if differs else score.mean, differs), (score.mean, score.std, delta)))
    return tuple(cells)


def _one_decimal(value: float, sign: bool) -> str:
    """As papers print classes."""
    if value != value:
        return "–"
    return f"{value:+.1f}" if sign else f"{value:.1f}"
