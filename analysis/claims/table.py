"""The verdicts on the report's claims as a table: a row for each claim, and below it a row for each statement."""

import math
from collections.abc import Sequence
from typing import Final

from analysis.claims.claims import Region, Statement
from analysis.claims.verdicts import Evidence, Finding, Verdict
from analysis.seeds import DROP, FALL, Measure, SeedGroup
from analysis.tables import ID_DIGITS, NOTHING, Cell, Column, Footnotes, Table, interval_text, number_text, text_cell

_COLUMNS = (
    Column("claim", "claim", numeric=False),
    Column("case", "case", numeric=False),
    Column("claimed", "claimed", numeric=False),
    Column("reported", "reported", numeric=False),
    Column("ours [95 % t interval]", "ours", ("", "low", "high")),
    Column("n", "n"),
    Column("verdict", "verdict", ("", "reason", "runs"), numeric=False),
)
_NOT_RUN: Final[Verdict] = "not run"
_INDENT = "\N{NO-BREAK SPACE}" * 2


def claim_table(findings: Sequence[Finding], which: str, *, is_short: bool = False) -> Table:
    """The verdicts with their numbers; footnotes name the groups and runs behind them.

    Args:
        findings: the verdicts.
        which: the checkpoint, ``last`` or ``best``.
        is_short: one row for all claims that were not run, in place of one for each.
    """
    footnotes = Footnotes()
    absent = [finding for finding in findings if finding.verdict == _NOT_RUN] if is_short else []
    shown = [finding for finding in findings if finding.verdict != _NOT_RUN] if is_short else findings
    rows = [row for finding in shown for row in _rows(finding, footnotes)]
    if absent:
        rows.append(_absent_row(absent, footnotes))
    caption = (
        f"The report's claims and our runs: points of the {which} checkpoint's scores, or losses. Supported: the "
        "interval is inside of what is claimed; not supported: outside; undecided: it crosses a bound, or too few seeds"
    )
    return Table(caption, _COLUMNS, tuple(rows), footnotes.texts)


def _absent_row(findings: Sequence[Finding], footnotes: Footnotes) -> tuple[Cell, ...]:
    names = ", ".join(finding.claim.id for finding in findings)
    reasons = footnotes.mark(f"{finding.claim.id}: {'; '.join(_reasons(finding))}" for finding in findings)
    empty = [text_cell(NOTHING), text_cell(""), text_cell(""), Cell("", (math.nan,) * 3), Cell("", (math.nan,))]
    return (Cell(names, (names,)), *empty, Cell(_NOT_RUN, (_NOT_RUN, "", ""), reasons))


def _reasons(finding: Finding) -> list[str]:
    return list(dict.fromkeys(evidence.reason for evidence in finding.evidence))


def _rows(finding: Finding, footnotes: Footnotes) -> list[tuple[Cell, ...]]:
    if finding.verdict == _NOT_RUN:
        return [_claim_row(finding, footnotes)]
    evidence = [item for item in finding.evidence if item.verdict != _NOT_RUN or not finding.claim.any_role]
    return [_claim_row(finding, footnotes), *(_statement_row(item, finding, footnotes) for item in evidence)]


def _claim_row(finding: Finding, footnotes: Footnotes) -> tuple[Cell, ...]:
    is_run = finding.verdict != _NOT_RUN
    groups = [_group_note(role, candidate.group) for role, candidate in finding.groups.items()]
    reasons = [] if is_run else _reasons(finding)
    claim = finding.claim
    return (
        Cell(f"{claim.id} {claim.text}", (claim.id,), footnotes.mark(groups if is_run else [])),
        text_cell(_case(finding)),
        text_cell(""),
        text_cell(""),
        Cell("", (math.nan, math.nan, math.nan)),
        Cell("", (math.nan,)),
        Cell(finding.verdict, (finding.verdict, "; ".join(reasons), ""), footnotes.mark(reasons)),
    )


def _group_note(role: str, group: SeedGroup) -> str:
    return f"{role} = {group.name}, runs {', '.join(run_id[:ID_DIGITS] for run_id in group.run_ids)}"


def _statement_row(evidence: Evidence, finding: Finding, footnotes: Footnotes) -> tuple[Cell, ...]:
    statement, text = evidence.statement, _statement(evidence.statement)
    interval = evidence.interval
    bounds = (math.nan, math.nan) if interval is None else (interval.low, interval.high)
    reasons = [evidence.reason] if evidence.reason and evidence.verdict == _NOT_RUN else []
    is_undecided = evidence.reason and evidence.verdict == "undecided"
    verdict = f"{evidence.verdict}: {evidence.reason}" if is_undecided else evidence.verdict
    return (
        Cell(f"{_INDENT}{text}", (f"{finding.claim.id}: {text}",), footnotes.mark(evidence.notes)),
        Cell("", (_case(finding),)),
        text_cell(_claimed(statement.region)),
        text_cell(statement.reported),
        Cell(_number(evidence), (evidence.value, *bounds)),
        Cell(str(evidence.n) if evidence.n else NOTHING, (evidence.n,)),
        Cell(verdict, (evidence.verdict, evidence.reason, " ".join(evidence.run_ids)), footnotes.mark(reasons)),
    )


def _number(evidence: Evidence) -> str:
    unit, sign = evidence.statement.unit, evidence.statement.reference is not None
    text = number_text(evidence.value, unit, sign)
    if evidence.interval is None:
        return text
    return f"{text} {interval_text(evidence.interval.low, evidence.interval.high, unit, sign)}"


def _case(finding: Finding) -> str:
    if not finding.context or finding.verdict == _NOT_RUN:
        return NOTHING
    source, target, backbone = finding.context
    domains = source if target == "None" else f"{source} → {target}"  # a pretraining can do without a target
    return f"{domains}, {backbone}"


def _statement(statement: Statement) -> str:
    trend, _, metric = statement.metric.partition("/")
    if trend == FALL:
        return f"{statement.role}: {metric}, last third − first third"
    if trend == DROP:
        return f"{statement.role}: {Measure(trend, metric).name}, largest drop below an earlier evaluation"
    if statement.of_std:
        return f"{statement.role}: {statement.metric}, std over seeds"
    return f"{statement.role} − {statement.reference}: {statement.metric}"


def _claimed(region: Region) -> str:
    if region.outside:
        return f"beyond ±{region.high:g}"
    if math.isfinite(region.low) and math.isfinite(region.high):
        return f"within ±{region.high:g}"
    return f"> {region.low:g}" if math.isfinite(region.low) else f"< {region.high:g}"
