"""Comparison tables: one row a seed group, with its differences to a baseline group."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.errors import AnalysisError, unknown
from analysis.statistics import Summary
from msl import schema

# Scores after the last step; and the best of all evaluations, which an oracle chose by looking at target labels.
COLUMNS = (
    (schema.LAST, schema.MIOU),
    (schema.LAST, schema.FWIOU),
    (schema.LAST, schema.PA),
    (schema.BEST, schema.MIOU),
)


@dataclass(frozen=True)
class Row:
    """A seed group."""

    group: str
    scores: tuple[Summary, ...]  # of each of COLUMNS
    deltas: tuple[float, ...]  # of their means to the baseline's
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Target scores in percent, the baseline's row first, the others by mIoU after the last step."""

    baseline: str
    rows: tuple[Row, ...]


def compare(runs: pd.DataFrame, baseline: str) -> Comparison:
    """Compare the seed groups among `runs` with one of them; of several finished runs with one seed the newest counts.

    Args:
        runs: as `Store.runs` gives them.
        baseline: the group's name, or a part that only its name has.

    Raises:
        AnalysisError: there is no finished run of msl's, or no single group that `baseline` fits.
    """
    if schema.GROUP not in runs:
        raise AnalysisError("no run of msl here; `mlflow run . -e adapt --env-manager local` makes one")
    groups = {str(name): frame for name, frame in runs.groupby(schema.GROUP) if (frame["status"] == "FINISHED").any()}
    if not groups:
        raise AnalysisError(f"none of the {len(runs)} runs here is finished; their groups appear as soon as one is")
    chosen = find_group(baseline, groups)
    base = _summaries(groups[chosen])
    rows = [_row(name, frame, base) for name, frame in groups.items()]
    rows.sort(key=lambda row: (row.group != chosen, -row.scores[0].mean if row.scores[0].n else math.inf))
    return Comparison(chosen, tuple(rows))


def find_group(name: str, groups: Mapping[str, object]) -> str:
    """The group of that name, or the only one whose name contains it.

    Raises:
        AnalysisError: there is none, or more than one.
    """
    if name in groups:
        return name
    fitting = [group for group in groups if name in group]
    if not fitting:
        raise unknown("finished group", name, groups)
    if len(fitting) > 1:
        raise AnalysisError(f"{name!r} fits several groups: {'; '.join(sorted(fitting))}. Give more of the name.")
    return fitting[0]


def as_text(table: Comparison) -> str:
    """Aligned columns for a terminal."""
    header, *body = _cells(table)
    widths = [max(len(row[i]) for row in (header, *body)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join([cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))])

    rule = "-" * len(line(header))
    return "\n".join([_caption(table), "", line(header), rule, *map(line, body), *_footnotes(table)])


def as_markdown(table: Comparison) -> str:
    """A table for a page."""
    header, *body = _cells(table)
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *body]
    rows = ["| " + " | ".join(cells) + " |" for cells in lines]
    return "\n".join([_caption(table), "", *rows, *(f"\n{note}" for note in _footnotes(table))])


def as_csv(table: Comparison) -> str:
    """Unrounded numbers for a program: mean, std and delta of each score in columns of their own."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [f"{which}/{schema.score(schema.TARGET, name)}" for which, name in COLUMNS]
    writer.writerow(["group", "n", *(f"{name} {part}" for name in names for part in ("mean", "std", "delta")), "notes"])
    for row in table.rows:
        numbers = [x for s, delta in zip(row.scores, row.deltas, strict=True) for x in (s.mean, s.std, delta)]
        plain = ["" if math.isnan(x) else repr(x) for x in numbers]
        writer.writerow([row.group, row.scores[0].n, *plain, "; ".join(row.notes)])
    return out.getvalue().rstrip("\n")


def _row(name: str, frame: pd.DataFrame, base: Sequence[Summary]) -> Row:
    scores = _summaries(frame)
    deltas = tuple(own.mean - other.mean for own, other in zip(scores, base, strict=True))
    return Row(name, scores, deltas, tuple(_notes(frame)))


def _summaries(frame: pd.DataFrame) -> tuple[Summary, ...]:
    newest = _newest_of_each_seed(frame)
    return tuple(Summary.of(_column(newest, which, name).tolist()) for which, name in COLUMNS)


def _newest_of_each_seed(frame: pd.DataFrame) -> pd.DataFrame:
    finished = frame[frame["status"] == "FINISHED"].sort_values("end")
    seed = schema.param(schema.SEED)
    return finished.drop_duplicates(seed, keep="last") if seed in finished else finished


def _column(frame: pd.DataFrame, which: str, name: str) -> pd.Series:
    """A final score; of runs that only evaluate, which have no prefix, the score itself."""
    plain = schema.score(schema.TARGET, name)
    values = frame.get(schema.final(which, plain))
    if values is not None and values.notna().any():
        return values
    only = frame.get(plain)
    return pd.Series(math.nan, frame.index) if only is None else only


def _notes(frame: pd.DataFrame) -> Iterator[str]:
    finished = frame[frame["status"] == "FINISHED"]
    if unfinished := len(frame) - len(finished):
        yield f"{unfinished} unfinished left out"
    if repeated := len(finished) - len(_newest_of_each_seed(frame)):
        yield f"{repeated} older of the same seed left out"


def _caption(table: Comparison) -> str:
    return f"Target scores in percent, mean ± std over n seeds; Δ to {table.baseline}"


def _cells(table: Comparison) -> list[list[str]]:
    header = ["group", "n"]
    for which, name in COLUMNS:
        header += [f"{name} {which}", "Δ"]
    body = []
    for row in table.rows:
        cells = [row.group + ("*" if row.notes else ""), str(row.scores[0].n)]
        for score, delta in zip(row.scores, row.deltas, strict=True):
            cells += [_score(score), "" if row.group == table.baseline or math.isnan(delta) else f"{delta:+.2f}"]
        body.append(cells)
    return [header, *body]


def _score(score: Summary) -> str:
    if not score.n:
        return "–"
    return f"{score.mean:.2f}" if math.isnan(score.std) else f"{score.mean:.2f} ± {score.std:.2f}"


def _footnotes(table: Comparison) -> list[str]:
    return [f"* {row.group}: {'; '.join(row.notes)}" for row in table.rows if row.notes]
