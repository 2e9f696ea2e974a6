"""The per-class table: IoU of every class, one row a seed group."""

import math
from collections.abc import Sequence

import pandas as pd

from analysis.comparison.compare import rank
from analysis.errors import AnalysisError
from analysis.seeds import (
    Difference,
    Measure,
    SeedGroup,
    Summary,
    comparability_notes,
    find_seed_group,
    infinite_notes,
    seed_groups,
    shared_note,
    short_names,
)
from analysis.tables import Cell, Column, Footnotes, Table, name_cell, number_text
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


def class_table(
    runs: pd.DataFrame, baseline: str | None = None, which: str = schema.LAST, domain: str = schema.TARGET
) -> Table:
    """IoU of every class, mean over seeds; the spread is in the CSV.

    Args:
        runs: as `Store.runs` gives them.
        baseline: a group's name or a part of it; every other row then shows differences to it.
        which: ``last`` or ``best`` checkpoint.
        domain: ``target`` or ``source``.

    Raises:
        AnalysisError: no finished run has such scores, or no single group fits `baseline`.
    """
    groups = {name: group for name, group in seed_groups(runs).items() if group.is_scored}
    base = None if baseline is None else find_seed_group(baseline, groups)
    measures = _measures(list(groups.values()), which, domain)
    ranked = sorted(groups.values(), key=lambda group: (group is not base, _rank(group, measures[-1])))
    footnotes = Footnotes()
    names = [group.name for group in ranked]
    short = dict(zip(names, short_names(names), strict=True))
    rows = [_row(group, short[group.name], base, measures, footnotes) for group in ranked]
    columns = (Column("group", "group", numeric=False), Column("n", "n"), *map(_column, measures))
    caption = _caption(None if base is None else short[base.name], which, domain)
    caption = "; ".join(filter(None, [caption, shared_note(names)]))
    return Table(caption, columns, tuple(rows), footnotes.texts)


def _caption(base: str | None, which: str, domain: str) -> str:
    numbers = "mean over n seeds" if base is None else f"mean over n seeds of {base}, differences to it below"
    oracle = "; best is chosen by target labels, so an upper bound" if which == schema.BEST else ""
    return f"IoU of each class in {schema.CLASS_IOU.unit} on the {domain}, {which} checkpoint, {numbers}{oracle}"


def _measures(groups: Sequence[SeedGroup], which: str, domain: str) -> list[Measure]:
    """Every class that any group has a score of, in the order of the label sets, and mIoU."""
    prefix = schema.class_iou(domain, "")
    columns = {str(c) for group in groups for c in group.runs.columns[group.runs.notna().any()]}
    names = {c.partition(prefix)[2] for c in columns if c.startswith((prefix, schema.final(which, prefix)))}
    if not names:
        raise AnalysisError(
            f"no finished run here has IoU of single classes on the {domain} ({which} checkpoint); a domain is scored "
            "only where it has labels and a split val"
        )
    known = dict.fromkeys(name for label_set in labels.LABEL_SETS.values() for name in label_set.classes)
    order = [*(name for name in known if name in names), *sorted(names - known.keys())]
    metrics = [*(schema.class_iou(domain, name) for name in order), schema.score(domain, schema.MIOU)]
    return [Measure(which, metric) for metric in metrics]


def _column(measure: Measure) -> Column:
    name = schema.parse_metric(measure.metric).name.removeprefix(schema.IOU + "/")
    return Column(_SHORT.get(name, name), measure.key, ("mean", "std", "delta"))


def _rank(group: SeedGroup, measure: Measure) -> float:
    return rank(Summary.of(group.values(measure).values()), measure)


def _row(
    group: SeedGroup, label: str, base: SeedGroup | None, measures: Sequence[Measure], footnotes: Footnotes
) -> tuple[Cell, ...]:
    n = len(group.runs)
    infinities = [note for measure in measures[:-1] for note in infinite_notes(group, measure)]
    marks = footnotes.mark([*comparability_notes(group, base, measures[-1:]), *infinities])
    cells = [name_cell(label, group.name, marks), Cell(str(n), (n,))]
    is_other = base is not None and group is not base
    for measure in measures:
        values = group.values(measure)
        score = Summary.of(values.values())
        delta = math.nan if base is None else Difference.between(values, base.values(measure)).mean
        cells.append(Cell(_one_decimal(delta if is_other else score.mean, is_other), (score.mean, score.std, delta)))
    return tuple(cells)


def _one_decimal(value: float, sign: bool) -> str:
    """As papers print classes."""
    return number_text(value, schema.PERCENT, sign, decimals=1)
