"""What our own runs say of the report's claims."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.claims.candidates import Candidate, Role, candidates
from analysis.claims.claims import CLAIMS, Claim, Region, Statement
from analysis.errors import AnalysisError, unknown
from analysis.seeds import (
    DROP,
    FALL,
    Difference,
    Interval,
    Measure,
    Summary,
    comparability_notes,
    find_measure,
    seed_groups,
)
from msl import schema

Verdict = Literal["supported", "not supported", "undecided", "not run"]
Assignment = dict[str, Candidate]  # seed groups by the role that they have in a claim
Case = tuple[str, ...]  # source, target and backbone


@dataclass(frozen=True)
class Evidence:
    """One statement of a claim, and our number for it."""

    statement: Statement
    verdict: Verdict
    value: float  # points, or a loss; NaN where it was not run
    interval: Interval | None
    n: int  # pairs, or the size of the smaller group
    run_ids: tuple[str, ...]
    reason: str  # why it is undecided or was not run; "" otherwise
    notes: tuple[str, ...]  # what makes the comparison unfair


@dataclass(frozen=True)
class Finding:
    """A claim in one case: a pair of domains and a backbone. `context` is empty where it was not run."""

    claim: Claim
    context: Case
    groups: Assignment
    verdict: Verdict
    evidence: tuple[Evidence, ...]


def find_claims(ids: Sequence[str] | None = None) -> list[Claim]:
    """The claims of these IDs, or all.

    Raises:
        AnalysisError: an ID is unknown.
    """
    known = {claim.id: claim for claim in CLAIMS}
    for name in ids or ():
        if name not in known:
            raise unknown("claim", name, known)
    return [known[name] for name in ids] if ids else list(CLAIMS)


def judge(runs: pd.DataFrame, claims: Sequence[Claim], which: str = schema.LAST) -> list[Finding]:
    """A finding for each claim and each of its cases among the runs.

    A case is a pair of domains and a backbone. Its groups agree in every setting in which a claim's roles must not
    differ, differ least in the settings in which they may, and have the most seeds.

    Args:
        runs: from `analysis.seeds.with_trends`.
        claims: to judge.
        which: ``last`` or ``best`` checkpoint.

    Raises:
        AnalysisError: no run of msl is finished.
    """
    known = candidates(seed_groups(runs).values())
    return [finding for claim in claims for finding in _findings(claim, known, runs, which)]


def decide(region: Region, interval: Interval | None) -> Verdict:
    """Supported if the interval is inside of the claimed region, not supported if it is outside, else undecided."""
    if interval is None:
        return "undecided"
    within = region.low < interval.low and interval.high < region.high
    apart = interval.high <= region.low or interval.low >= region.high
    if region.outside:
        within, apart = apart, within
    return "supported" if within else "not supported" if apart else "undecided"


def overall(claim: Claim, evidence: Sequence[Evidence]) -> Verdict:
    """A claim's verdict: one statement refutes it, all of them support it; a statement not run leaves it undecided."""
    verdicts = {item.verdict for item in evidence}
    if verdicts == {"not run"}:
        return "not run"
    if claim.any_role:
        verdicts.discard("not run")
    if "not supported" in verdicts:
        return "not supported"
    return "supported" if verdicts == {"supported"} else "undecided"


def _findings(claim: Claim, known: Sequence[Candidate], runs: pd.DataFrame, which: str) -> list[Finding]:
    cases = _cases(claim, known) or {(): {}}
    findings = []
    for context, groups in cases.items():
        evidence = tuple(_evidence(statement, claim, groups, runs, which) for statement in claim.statements)
        findings.append(Finding(claim, context, groups, overall(claim, evidence), evidence))
    return [finding for finding in findings if finding.verdict != "not run"] or findings[:1]


def _cases(claim: Claim, known: Sequence[Candidate]) -> dict[Case, Assignment]:
    """For each case the groups that fill most roles, in the styles and settings that fit best; then most seeds, newest.

    A group without a target is no case of a claim about adaptations.
    """
    best: dict[Case, tuple[tuple[float, ...], Assignment]] = {}
    for role in claim.roles:
        anchors = [c for c in known if c.fits(role) and (c.has_target or not claim.needs_target)]
        for anchor in anchors:
            groups, distance = _assigned(claim, role, anchor, known)
            seeds = min(len(candidate.group.runs) for candidate in groups.values())
            rank = (len(groups), -_rarity(claim, groups), -distance, seeds, anchor.newest)
            if anchor.context not in best or rank > best[anchor.context][0]:
                best[anchor.context] = rank, groups
    order = [role.name for role in claim.roles]
    return {context: {name: groups[name] for name in order if name in groups} for context, (_, groups) in best.items()}


def _assigned(claim: Claim, anchor_role: Role, anchor: Candidate, known: Sequence[Candidate]) -> tuple[Assignment, int]:
    """The groups nearest to one of them, the anchor, by role; and in how many settings they differ from it."""
    groups, total = {anchor_role.name: anchor}, 0
    for role in claim.roles:
        if role.name in groups:
            continue
        near = [
            (role.styles.index(candidate.style), distance, -len(candidate.group.runs), -candidate.newest, candidate)
            for candidate in known
            if candidate.fits(role) and _comparable(candidate, role, groups, claim)
            if (distance := anchor.distance(candidate, claim.varies)) is not None
        ]
        if near:
            _, distance, _, _, candidate = min(near, key=lambda entry: entry[:4])
            groups[role.name], total = candidate, total + distance
    return groups, total


def _rarity(claim: Claim, groups: Assignment) -> int:
    """How far the groups' styles are from those that their roles prefer."""
    return sum(role.styles.index(groups[role.name].style) for role in claim.roles if role.name in groups)


def _comparable(candidate: Candidate, role: Role, groups: Assignment, claim: Claim) -> bool:
    """Whether a group has no role yet, fits all that have one, and differs where its role says that it must."""
    members = list(groups.values())
    if any(candidate.group.name == member.group.name for member in members):
        return False
    if role.other is not None and any(
        member.settings.get(role.other) == candidate.settings.get(role.other)
        and member.settings.get("network") == candidate.settings.get("network")
        for member in members
    ):
        return False
    return all(candidate.distance(member, claim.varies) is not None for member in members)


def _evidence(statement: Statement, claim: Claim, groups: Assignment, runs: pd.DataFrame, which: str) -> Evidence:
    names = [name for name in (statement.role, statement.reference) if name is not None]
    missing = [role for role in claim.roles if role.name in names and role.name not in groups]
    if missing:
        return _not_run(statement, f"no finished, comparable group: {'; '.join(map(_described, missing))}")
    try:
        measure = _measure(statement.metric, runs, which)
    except AnalysisError as error:
        return _not_run(statement, str(error))
    compared = [groups[name].group for name in names]
    value, interval, n = _number(statement, [group.values(measure) for group in compared])
    verdict = decide(statement.region, interval)
    reason = "" if verdict in ("supported", "not supported") else _reason(interval, n, statement)
    footnotes = comparability_notes(compared[0], compared[1] if len(compared) > 1 else None, [measure])
    run_ids = tuple(run_id for group in compared for run_id in group.run_ids)
    return Evidence(statement, verdict, value, interval, n, run_ids, reason, tuple(footnotes))


def _not_run(statement: Statement, reason: str) -> Evidence:
    return Evidence(statement, "not run", math.nan, None, 0, (), reason, ())


def _measure(name: str, runs: pd.DataFrame, which: str) -> Measure:
    trend, _, metric = name.partition("/")
    if trend in (FALL, DROP):
        return Measure(trend, metric)
    return find_measure(name, runs, schema.LAST if name.endswith("_loss") else which)


def _number(statement: Statement, values: Sequence[dict[str, float]]) -> tuple[float, Interval | None, int]:
    """A statement's value, its interval, and the number of seeds behind it."""
    if len(values) == 2:
        difference = Difference.between(*values)
        return difference.mean, difference.interval(), min(difference.group.n, difference.reference.n)
    summary = Summary.of(values[0].values())
    if statement.of_std:
        return summary.std, summary.std_interval(), summary.n
    return summary.mean, summary.interval(), summary.n


def _reason(interval: Interval | None, n: int, statement: Statement) -> str:
    if not n:
        few = {DROP: "too few evaluations", FALL: "too few logged losses"}
        return few.get(statement.metric.partition("/")[0], f"{statement.metric} is no number in these runs")
    if interval is None:
        return "too few seeds"
    return "interval crosses a bound"


def _described(role: Role) -> str:
    settings = [f"{name}={value}" for name, value in role.where.items()]
    styles = "" if role.styles == ("plain",) else f", data styled ({' or '.join(sorted(role.styles))})"
    return f"{role.name} (stage {role.stage}, {', '.join(settings)}{styles})"
