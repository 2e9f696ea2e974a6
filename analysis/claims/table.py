"""The verdicts on the report's claims as a sheet: a row a claim, below it a row a statement."""

import math
from collections.abc import Sequence

from analysis.claims.claims import Region, Statement
from analysis.claims.verdicts import Evidence, Finding
from analysis.seeds.trends import DROP, FALL
from analysis.tables.table import NOTHING, Cell, Column, Footnotes, Sheet, show, show_interval, text_cell

_COLUMNS = (
    Column("claim", "claim", numeric=False),
    Column("case", "case", numeric=False),
    Column("claimed", "claimed", numeric=False),
    Column("reported", "reported", numeric=False),
    Column("ours [95 % t interval]", "ours", ("", "low", "high")),
    Column("n", "n"),
    Column("verdict", "verdict", ("", "reason", "runs"), numeric=False),
)
_INDENT = "\N{NO-BREAK SPACE}" * 2
_SHOWN = 8  # hex digits of a run's ID; MLflow's pages find it by them


def sheet(findings: Sequence[Finding], which: str) -> Sheet:
    """The verdicts to be written, each with its numbers; footnotes name the groups and runs behind them."""
    footnotes = Footnotes()
    rows = [row for finding in findings for row in _rows(finding, footnotes)]
    caption = (
        f"The report's claims and our runs: points of the {which} checkpoint's scores, or losses. Supported: the "
        "interval lies within what is claimed; not supported: outside; undecided: it crosses, or seeds are too few"
    )
    return Sheet(caption, _COLUMNS, tuple(rows), footnotes.texts)


def _rows(finding: Finding, footnotes: Footnotes) -> list[tuple[Cell, ...]]:
    case = _case(finding)
    behind = [
        f"{role} = {candidate.group.name}, runs {', '.join(run_id[:_SHOWN] for run_id in candidate.group.run_ids)}"
        for role, candidate in finding.cast.items()
        if finding.verdict != "not run"
    ]
    missing = list(dict.fromkeys(item.reason for item in finding.evidence if finding.verdict == "not run"))
    head = (
        Cell(f"{finding.claim.id} {finding.claim.text}", (finding.claim.id,), footnotes.mark(behind)),
        text_cell(case),
        text_cell(""),
        text_cell(""),
        Cell("", (math.nan, math.nan, math.nan)),
        Cell("", (math.nan,)),
        Cell(finding.verdict, (finding.verdict, "; ".join(missing), ""), footnotes.mark(missing)),
    )
    shown = [item for item in finding.evidence if item.verdict != "not run" or not finding.claim.any_role]
    return [head, *(_statement_row(item, finding, case, footnotes) for item in shown if finding.verdict != "not run")]


def _statement_row(item: Evidence, finding: Finding, case: str, footnotes: Footnotes) -> tuple[Cell, ...]:
    statement, percent = item.statement, "loss" not in item.statement.metric
    name = _statement(statement)
    bounds = (math.nan, math.nan) if item.interval is None else (item.interval.low, item.interval.high)
    shown = show(item.value, percent, sign=statement.other is not None)
    if item.interval is not None:
        shown += " " + show_interval(item.interval, percent, sign=statement.other is not None)
    reasons = [item.reason] if item.reason and item.verdict == "not run" else []
    verdict = f"{item.verdict}: {item.reason}" if item.reason and item.verdict == "undecided" else item.verdict
    return (
        Cell(f"{_INDENT}{name}", (f"{finding.claim.id}: {name}",), footnotes.mark(item.notes)),
        Cell("", (case,)),
        text_cell(_claimed(statement.region)),
        text_cell(statement.reported),
        Cell(shown, (item.value, *bounds)),
        Cell(str(item.n) if item.n else NOTHING, (item.n,)),
        Cell(verdict, (item.verdict, item.reason, " ".join(item.run_ids)), footnotes.mark(reasons)),
    )


def _case(finding: Finding) -> str:
    if not finding.context or finding.verdict == "not run":
        return NOTHING
    source, target, backbone = finding.context
    return f"{source} → {target}, {backbone}"


def _statement(statement: Statement) -> str:
    metric = statement.metric
    if metric.startswith(FALL):
        return f"{statement.own}: {metric.removeprefix(FALL)}, last third − first third"
    if metric == DROP:
        return f"{statement.own}: mIoU, largest drop below an earlier evaluation"
    if statement.of_std:
        return f"{statement.own}: {metric}, std over seeds"
    return f"{statement.own} − {statement.other}: {metric}"


def _claimed(region: Region) -> str:
    if region.outside:
        return f"beyond ±{region.high:g}"
    if math.isfinite(region.low) and math.isfinite(region.high):
        return f"within ±{region.high:g}"
    return f"> {region.low:g}" if math.isfinite(region.low) else f"< {region.high:g}"
