"""What our own runs say of the report's claims."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.claims.candidates import Candidate, Role, candidates
from analysis.claims.claims import CLAIMS, Claim, Region, Statement
from analysis.errors import AnalysisError, unknown
from analysis.seeds import comparability as guard
from analysis.seeds.groups import Measure, find_measure, seed_groups
from analysis.seeds.statistics import Difference, Interval, Summary
from analysis.seeds.trends import COURSE, DROP, FALL
from msl import schema

Verdict = Literal["supported", "not supported", "undecided", "not run"]
Cast = dict[str, Candidate]  # seed groups by role


@dataclass(frozen=True)
class Evidence:
    """One statement of a claim, and our number for it."""

    statement: Statement
    verdict: Verdict
    value: float  # points, or a loss; NaN where it was not run
    interval: Interval | None
    n: int  # pairs, or the smaller of the groups
    run_ids: tuple[str, ...]
    reason: str  # why it is undecided or was not run; "" otherwise
    notes: tuple[str, ...]  # of the comparability guard


@dataclass(frozen=True)
class Finding:
    """A claim in one case: a pair of domains and a backbone. `context` is empty where it was not run."""

    claim: Claim
    context: tuple[str, ...]
    cast: Cast
    verdict: Verdict
    evidence: tuple[Evidence, ...]


def find_claims(ids: Sequence[str] | None = None) -> list[Claim]:
    """The claims of these IDs, or all.

    Raises:
        AnalysisError: there is no such claim.
    """
    known = {claim.id: claim for claim in CLAIMS}
    for name in ids or ():
        if name not in known:
            raise unknown("claim", name, known)
    return [known[name] for name in ids] if ids else list(CLAIMS)


def judge(runs: pd.DataFrame, claims: Sequence[Claim], which: str = schema.LAST) -> list[Finding]:
    """A finding for each claim and each case of it among the runs.

    A case is a pair of domains and a backbone. In each, the groups are taken that agree in every setting in which a
    claim's roles may not differ, that differ least in those in which they may, and that have the most seeds.

    Args:
        runs: from `analysis.seeds.trends.with_courses`.
        claims: to judge.
        which: ``last`` or ``best`` checkpoint.

    Raises:
        AnalysisError: there is no finished run of msl's.
    """
    found = candidates(seed_groups(runs).values())
    return [finding for claim in claims for finding in _findings(claim, found, runs, which)]


def decide(region: Region, interval: Interval | None) -> Verdict:
    """Supported if the interval lies in the claimed region, not supported if it lies outside, else undecided."""
    if interval is None:
        return "undecided"
    within = region.low < interval.low and interval.high < region.high
    apart = interval.high <= region.low or interval.low >= region.high
    if region.outside:
        within, apart = apart, within
    return "supported" if within else "not supported" if apart else "undecided"


def overall(claim: Claim, evidence: Sequence[Evidence]) -> Verdict:
    """A claim's verdict: one statement refutes it, all of them support it; what was not run leaves it undecided."""
    verdicts = {item.verdict for item in evidence}
    if verdicts == {"not run"}:
        return "not run"
    if claim.any_role:
        verdicts.discard("not run")
    if "not supported" in verdicts:
        return "not supported"
    return "supported" if verdicts == {"supported"} else "undecided"


def _findings(claim: Claim, found: Sequence[Candidate], runs: pd.DataFrame, which: str) -> list[Finding]:
    findings = []
    for context, cast in _casts(claim, found).items():
        evidence = tuple(_evidence(statement, claim, cast, runs, which) for statement in claim.statements)
        findings.append(Finding(claim, context, cast, overall(claim, evidence), evidence))
    run = [finding for finding in findings if finding.verdict != "not run"]
    if run or findings:
        return run or findings[:1]
    evidence = tuple(_evidence(statement, claim, {}, runs, which) for statement in claim.statements)
    return [Finding(claim, (), {}, "not run", evidence)]


def _casts(claim: Claim, found: Sequence[Candidate]) -> dict[tuple[str, ...], Cast]:
    """For each case the fullest cast, then that with the most seeds, then the newest."""
    best: dict[tuple[str, ...], tuple[tuple[float, ...], Cast]] = {}
    for anchor in claim.roles:
        for leading in (candidate for candidate in found if candidate.plays(anchor)):
            cast, apart = _cast(claim, anchor, leading, found)
            seeds = min(len(candidate.group.runs) for candidate in cast.values())
            rank = (len(cast), -apart, seeds, leading.newest)
            if leading.context not in best or rank > best[leading.context][0]:
                best[leading.context] = rank, cast
    order = [role.name for role in claim.roles]
    return {context: {name: cast[name] for name in order if name in cast} for context, (_, cast) in best.items()}


def _cast(claim: Claim, anchor: Role, leading: Candidate, found: Sequence[Candidate]) -> tuple[Cast, int]:
    """The groups nearest to one, by role, and by how many settings they differ from it."""
    cast, apart = {anchor.name: leading}, 0
    for role in claim.roles:
        if role.name in cast:
            continue
        near = [
            (distance, -len(candidate.group.runs), -candidate.newest, candidate)
            for candidate in found
            if candidate.plays(role) and _comparable(candidate, role, cast, claim)
            for distance in [leading.distance(candidate, claim.varies)]
            if distance is not None
        ]
        if near:
            distance, _, _, candidate = min(near, key=lambda entry: entry[:3])
            cast[role.name], apart = candidate, apart + distance
    return cast, apart


def _comparable(candidate: Candidate, role: Role, cast: Cast, claim: Claim) -> bool:
    """Whether a group is new in the cast, fits all of it, and differs where the role says that it must."""
    there = list(cast.values())
    if any(candidate.group.name == member.group.name for member in there):
        return False
    if role.other is not None and any(
        member.settings.get(role.other) == candidate.settings.get(role.other)
        and member.settings.get("network") == candidate.settings.get("network")
        for member in there
    ):
        return False
    return all(candidate.distance(member, claim.varies) is not None for member in there)


def _evidence(statement: Statement, claim: Claim, cast: Cast, runs: pd.DataFrame, which: str) -> Evidence:
    needed = [name for name in (statement.own, statement.other) if name is not None]
    missing = [name for name in needed if name not in cast]
    if missing:
        roles = {role.name: role for role in claim.roles}
        return _not_run(statement, f"no finished, comparable group: {'; '.join(_described(roles[m]) for m in missing)}")
    try:
        measure = _measure(statement.metric, runs, which)
    except AnalysisError as error:
        return _not_run(statement, str(error))
    groups = [cast[name].group for name in needed]
    value, interval, n = _number(statement, [group.values(measure) for group in groups])
    verdict = decide(statement.region, interval)
    reason = "" if verdict in ("supported", "not supported") else _reason(interval, n, statement)
    notes = guard.notes(groups[0], groups[1] if len(groups) > 1 else None, [measure])
    run_ids = tuple(run_id for group in groups for run_id in group.run_ids)
    return Evidence(statement, verdict, value, interval, n, run_ids, reason, tuple(notes))


def _not_run(statement: Statement, reason: str) -> Evidence:
    return Evidence(statement, "not run", math.nan, None, 0, (), reason, ())


def _measure(metric: str, runs: pd.DataFrame, which: str) -> Measure:
    if metric.startswith(FALL) or metric == DROP:
        return Measure(COURSE, metric)
    return find_measure(metric, runs, schema.LAST if metric.endswith("_loss") else which)


def _number(statement: Statement, values: Sequence[dict[str, float]]) -> tuple[float, Interval | None, int]:
    """A statement's value, its interval, and the number of seeds behind it."""
    if len(values) == 2:
        difference = Difference.between(*values)
        return difference.mean, difference.interval(), min(difference.own.n, difference.other.n)
    summary = Summary.of(values[0].values())
    if statement.of_std:
        return summary.std, summary.std_interval(), summary.n
    return summary.mean, summary.interval(), summary.n


def _reason(interval: Interval | None, n: int, statement: Statement) -> str:
    if not n:
        return "too few evaluations" if statement.metric == DROP else f"{statement.metric} is no number in these runs"
    if interval is None:
        return "too few seeds"
    return "interval crosses"


def _described(role: Role) -> str:
    settings = [f"{name}={value}" for name, value in role.where.items()]
    styles = "" if role.styles == {"plain"} else f", data styled ({' or '.join(sorted(role.styles))})"
    return f"{role.name} (stage {role.stage}, {', '.join(settings)}{styles})"
