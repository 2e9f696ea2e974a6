"""An experiment as one report: what was run, tables, curves, published rows, verdicts and panels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.claims import table as claim_table
from analysis.claims.verdicts import find_claims, judge
from analysis.comparison import compare as tables
from analysis.comparison.classes import classes
from analysis.errors import AnalysisError
from analysis.figures.curves import Band, bands
from analysis.figures.panels import panels
from analysis.figures.plots import CURVES
from analysis.seeds import comparability as guard
from analysis.seeds.groups import SeedGroup, seed_groups
from analysis.seeds.trends import with_courses
from analysis.store.artifacts import Artifacts
from analysis.tables.table import NOTHING, Cell, Column, Footnotes, Sheet, text_cell
from msl import schema

if TYPE_CHECKING:
    from PIL.Image import Image

    from analysis.store import Store

_DRAWN = 12  # groups with curves: the baseline and those that rank behind it
_PICTURED = 4  # groups with predictions
_SHOWN = 8  # hex digits of a run's ID and of a commit
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
class Panel:
    """What several groups make of the same images of a domain."""

    domain: str
    groups: tuple[str, ...]
    picture: "Image"
    notes: tuple[str, ...]  # which groups are not in it, and why


@dataclass(frozen=True)
class Report:
    """Everything that a report says, before it is HTML or Markdown."""

    experiment: str
    baseline: str
    summary: str
    runs: Sheet
    comparison: Sheet
    per_class: Sheet | None
    claims: Sheet
    curves: Mapping[str, Sequence[Band]]  # by metric
    curves_note: str
    panels: tuple[Panel, ...]
    panels_note: str  # why there are none


def make(store: "Store", experiment: str, baseline: str, artifacts: Artifacts | None = None) -> Report:
    """Read an experiment and put its report together.

    Args:
        store: to read.
        experiment: its name.
        baseline: the group to compare with: its name, or a part that no other has.
        artifacts: of the same store, for panels; without, there are none.

    Raises:
        AnalysisError: there is no such experiment, no finished run in it, or no single group that `baseline` fits.
    """
    recorded = store.runs(experiment)
    seed_groups(recorded)  # complains of an empty experiment before its histories are read
    runs = with_courses(store, recorded)
    comparison = tables.compare(runs, baseline)
    ranked = {row.group.name: row.group for row in comparison.rows}
    base = ranked[comparison.baseline]
    drawn = dict(list(ranked.items())[:_DRAWN])
    pictured, failed = ([], []) if artifacts is None else _panels(artifacts, list(ranked.values())[:_PICTURED])
    return Report(
        experiment=experiment,
        baseline=base.name,
        summary=_summary(runs, len(ranked)),
        runs=_runs(list(ranked.values())),
        comparison=tables.sheet(comparison, published=tables.beside(base)),
        per_class=_per_class(runs, base.name),
        claims=claim_table.sheet(judge(runs, find_claims(), schema.LAST), schema.LAST),
        curves=bands(store, drawn, list(CURVES)),
        curves_note=_curves_note(len(drawn), len(ranked)),
        panels=tuple(pictured),
        panels_note=" ".join(failed),
    )


def _summary(runs: pd.DataFrame, groups: int) -> str:
    runs = runs[runs[schema.GROUP].notna()]  # without those that others started, as `mlflow run` does
    finished = runs[runs["status"] == "FINISHED"]
    hours = (finished["end"] - finished["start"]).dt.total_seconds().sum() / 3600
    first, last = (f"{time:%Y-%m-%d %H:%M}" for time in (runs["start"].min(), finished["end"].max()))
    said = f"{len(finished)} finished runs in {groups} groups of runs that differ by seed only"
    if len(runs) > len(finished):
        said += f"; {len(runs) - len(finished)} unfinished left out"
    return f"{said}. {first} to {last} UTC, {hours:.1f} hours of runs."


def _runs(groups: Sequence[SeedGroup]) -> Sheet:
    """What each group is, and where its runs are found."""
    footnotes = Footnotes()
    rows = []
    for group in groups:
        took = (group.runs["end"] - group.runs["start"]).dt.total_seconds().mean() / 3600
        length = guard.iterations(group)
        commits = ", ".join(commit[:_SHOWN] or "not recorded" for commit in group.texts(schema.CODE_COMMIT))
        dirty = footnotes.mark(note for note in guard.notes(group, None, []) if "code" in note)
        rows.append(
            (
                text_cell(group.name),
                text_cell(group.stage),
                Cell(str(len(group.runs)), (len(group.runs),)),
                Cell(NOTHING if length != length else f"{length:.0f}", (length,)),
                Cell(NOTHING if took != took else f"{took:.2f}", (took,)),
                *(text_cell(", ".join(group.texts(tag))) for tag in (schema.DATA_SOURCE, schema.DATA_TARGET)),
                text_cell(commits, dirty),
                text_cell(", ".join(run_id[:_SHOWN] for run_id in group.run_ids)),
            )
        )
    caption = f"What was run. Data as name/split@digest; code and runs by the first {_SHOWN} digits of commit and ID"
    return Sheet(caption, _RUNS, tuple(rows), footnotes.texts)


def _per_class(runs: pd.DataFrame, baseline: str) -> Sheet | None:
    try:
        return classes(runs, baseline)
    except AnalysisError:  # scores of single classes are not recorded
        return None


def _curves_note(drawn: int, there_are: int) -> str:
    said = "Mean over seeds in a band of ± one standard deviation; lines join evaluations."
    return said if drawn == there_are else f"{said} The first {drawn} of {there_are} groups."


def _panels(artifacts: Artifacts, groups: Sequence[SeedGroup]) -> tuple[list[Panel], list[str]]:
    """The panels of both domains; and what is in the way of those that cannot be drawn, which spoils no report."""
    found, failed = [], []
    for domain in reversed(schema.DOMAINS):
        try:
            picture, shown, missing = panels(artifacts, groups, domain)
        except AnalysisError as error:
            failed.append(str(error))
            continue
        found.append(Panel(domain, tuple(shown), picture, tuple(missing)))
    return found, failed
