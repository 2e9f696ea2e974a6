"""The contents of a report: what was run, tables, curves, published rows, verdicts and panels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.claims import claim_table, find_claims, judge
from analysis.comparison import (
    ADAPTING,
    Attribution,
    Selector,
    attribution,
    attribution_table,
    class_table,
    compare,
    comparison_table,
    published_beside,
    selector_table,
    selectors,
)
from analysis.errors import AnalysisError
from analysis.figures import GroupCurve, SideBySide, group_curves, report_metrics, side_by_side
from analysis.seeds import Measure, SeedGroup, comparability_notes, find_measure, seed_groups, with_trends
from analysis.store import passed_over_text
from analysis.tables import ID_DIGITS, NOTHING, Cell, Column, Footnotes, Table, text_cell
from msl import schema

if TYPE_CHECKING:
    from analysis.store import Artifacts, Store

_WITH_CURVES = 12  # groups: the baseline and those that rank best
_WITH_PANELS = 4
_RUNS = (
    Column("group", "group", numeric=False),
    Column("stage", "stage", numeric=False),
    Column("seeds", "seeds"),
    Column("iterations", "iterations"),
    Column("hours a run", "hours"),
    Column("source", "source", numeric=False),
    Column("target", "target", numeric=False),
    Column("code", "code", numeric=False),
    Column("runs", "runs", numeric=False),
)


@dataclass(frozen=True)
class Report:
    """Everything that a report says, before it is HTML or Markdown."""

    experiment: str
    baseline: str
    summary: str
    runs: Table
    comparison: Table
    gains: tuple[Attribution, ...]  # none without an adaptation whose parent is here
    criteria: tuple[Selector, ...]  # none without criteria that need no target labels
    per_class: Table | None
    claims: Table
    curves: Mapping[str, Sequence[GroupCurve]]  # by metric
    curves_note: str
    panels: tuple[SideBySide, ...]
    panels_note: str  # why there are none
    miou: Measure

    @property
    def attribution(self) -> Table | None:
        """The gains as a table."""
        return attribution_table(self.gains, self.miou) if self.gains else None

    @property
    def selection(self) -> Table | None:
        """The regrets of the criteria as a table."""
        return selector_table(self.criteria, "checkpoints") if self.criteria else None


def gather(store: "Store", experiment: str, baseline: str, artifacts: "Artifacts | None" = None) -> Report:
    """Read an experiment and put its report together.

    Args:
        store: to read.
        experiment: its name.
        baseline: the group to compare with: its name, or a part that no other group's name has.
        artifacts: of the same store, for panels; without them, the report has none.

    Raises:
        AnalysisError: the experiment cannot be found, has no finished run, or no single group fits `baseline`.
    """
    recorded, passed_over = store.marked_runs(experiment)
    seed_groups(recorded)  # refuses an empty experiment before its histories are read
    runs = with_trends(store, recorded)
    comparison = compare(runs, baseline)
    ranked = {row.group.name: row.group for row in comparison.rows}
    base = ranked[comparison.baseline]
    with_curves = dict(list(ranked.items())[:_WITH_CURVES])
    panels, reasons = ([], []) if artifacts is None else _panels(artifacts, list(ranked.values())[:_WITH_PANELS])
    return Report(
        experiment=experiment,
        baseline=base.name,
        summary=_summary(runs, len(ranked), passed_over),
        runs=_run_table(list(ranked.values())),
        comparison=comparison_table(comparison, published=published_beside(base), intervals=True),
        gains=_gains(runs),
        criteria=_criteria(store, runs),
        per_class=_class_table(runs, base.name),
        claims=claim_table(judge(runs, find_claims(), schema.LAST), schema.LAST, is_short=True),
        curves=group_curves(store, with_curves, report_metrics()),
        curves_note=_curves_note(len(with_curves), len(ranked)),
        panels=tuple(panels),
        panels_note=" ".join(reasons),
        miou=find_measure(schema.MIOU, runs),
    )


def _summary(runs: pd.DataFrame, groups: int, passed_over: int) -> str:
    runs = runs[runs[schema.GROUP].notna()]  # without those that started others, as `mlflow run` does
    finished = runs[runs["status"] == schema.FINISHED]
    hours = (finished["end"] - finished["start"]).dt.total_seconds().sum() / 3600
    first, last = (_minute(time) for time in (runs["start"].min(), finished["end"].max()))
    text = f"{len(finished)} finished runs in {groups} groups of runs that differ by seed only"
    if len(runs) > len(finished):
        text += f"; {len(runs) - len(finished)} unfinished left out"
    if passed_over:
        text += f"; {passed_over_text(passed_over)}"
    return f"{text}. {first} to {last} UTC, {hours:.1f} hours of runs."


def _minute(time: pd.Timestamp) -> str:
    return "unknown" if pd.isna(time) else f"{time:%Y-%m-%d %H:%M}"


def _run_table(groups: Sequence[SeedGroup]) -> Table:
    """What each group is, and which its runs are."""
    footnotes = Footnotes()
    rows = [_run_row(group, footnotes) for group in groups]
    caption = f"What was run. Data as name/split@digest; code and runs by the first {ID_DIGITS} digits of commit and ID"
    return Table(caption, _RUNS, tuple(rows), footnotes.texts)


def _run_row(group: SeedGroup, footnotes: Footnotes) -> tuple[Cell, ...]:
    hours = (group.runs["end"] - group.runs["start"]).dt.total_seconds().mean() / 3600
    codes = ", ".join(code or "not recorded" for code in group.codes)
    code_notes = footnotes.mark(note for note in comparability_notes(group, None, []) if "code" in note)
    return (
        text_cell(group.name),
        text_cell(group.stage),
        Cell(str(len(group.runs)), (len(group.runs),)),
        Cell(NOTHING if math.isnan(group.iterations) else f"{group.iterations:.0f}", (group.iterations,)),
        Cell(NOTHING if math.isnan(hours) else f"{hours:.2f}", (hours,)),
        *(text_cell(", ".join(group.texts(tag))) for tag in (schema.DATA_SOURCE, schema.DATA_TARGET)),
        text_cell(codes, code_notes),
        text_cell(", ".join(run_id[:ID_DIGITS] for run_id in group.run_ids)),
    )


def _gains(runs: pd.DataFrame) -> tuple[Attribution, ...]:
    """The parts of each gain in target mIoU; none if no adaptation has a twin or a run of stage bn beside it."""
    try:
        parts = attribution(runs)
    except AnalysisError:  # there is no such score, or no adaptation with its parent
        return ()
    return tuple(parts) if any(part.has_parts for part in parts) else ()


def _criteria(store: "Store", runs: pd.DataFrame) -> tuple[Selector, ...]:
    """What the criteria would have chosen among the evaluations of each adaptation."""
    adapted = runs[runs[schema.STAGE].isin(ADAPTING)] if schema.STAGE in runs else runs[:0]
    try:
        criteria = tuple(selectors(store, adapted))
    except AnalysisError:  # no run has two evaluations
        return ()
    return criteria if any(selector.name in schema.CRITERION_METRICS for selector in criteria) else ()


def _class_table(runs: pd.DataFrame, baseline: str) -> Table | None:
    try:
        return class_table(runs, baseline)
    except AnalysisError:  # scores of single classes are not recorded
        return None


def _curves_note(shown: int, total: int) -> str:
    text = "Mean over seeds in a band of ± one standard deviation; lines join evaluations."
    return text if shown == total else f"{text} The first {shown} of {total} groups."


def _panels(artifacts: "Artifacts", groups: Sequence[SeedGroup]) -> tuple[list[SideBySide], list[str]]:
    """The panels of both domains; and why others cannot be drawn, which does not stop a report."""
    panels, reasons = [], []
    for domain in reversed(schema.DOMAINS):
        try:
            panels.append(side_by_side(artifacts, groups, domain))
        except AnalysisError as error:
            reasons.append(str(error))
    return panels, reasons
