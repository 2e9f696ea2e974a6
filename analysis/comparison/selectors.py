"""Criteria that choose without target labels, judged afterwards by these labels: the regret of each choice.

A case is a set of candidates of which one is chosen: the evaluations of a run, or runs that share their parent and
seed. The regret is the best score of a candidate minus the score of the one that the criterion chooses.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd

from analysis.errors import AnalysisError
from analysis.seeds import Summary
from msl import schema

if TYPE_CHECKING:
    from analysis.store import Store

Among = Literal["checkpoints", "runs"]

SCORE = schema.score(schema.TARGET, schema.MIOU)
LAST_STEP, CHANCE = "last step", "chance"  # what needs no criterion: the end of training, and any candidate
_FEWEST = 2  # candidates of a case

Candidates = pd.DataFrame  # one row a candidate: SCORE and the metrics of criteria


@dataclass(frozen=True)
class Selector:
    """A criterion and what it chose."""

    name: str
    regrets: tuple[float, ...]  # one a case, in the unit of the score

    @property
    def summary(self) -> Summary:
        """Mean and spread over the cases."""
        return Summary.of(self.regrets)

    @property
    def worst(self) -> float:
        """The largest regret."""
        return max(self.regrets)

    @property
    def hits(self) -> int:
        """Cases in which the best candidate was chosen."""
        return sum(regret == 0 for regret in self.regrets)


def selectors(store: "Store", runs: pd.DataFrame, among: Among = "checkpoints") -> list[Selector]:
    """Every criterion that the runs record, the smallest mean regret first.

    Args:
        store: of the runs.
        runs: as `Store.runs` gives them.
        among: checkpoints = the evaluations of each run after its first step; runs = the last evaluations of runs with
            one parent and seed, the parent among them.

    Raises:
        AnalysisError: there is no case: no finished run has two evaluations, or no two runs share a parent.
    """
    finished = runs[runs["status"] == schema.FINISHED]
    cases = list(_checkpoints(store, finished) if among == "checkpoints" else _families(finished))
    if not cases:
        lacking = (
            "two evaluations with target mIoU; a training with a smaller eval_every has more"
            if among == "checkpoints"
            else "a parent and a seed with another"
        )
        raise AnalysisError(f"nothing to choose among {among}: no finished run here has {lacking}")
    criteria = [_selector(name, cases) for name in (*schema.CRITERION_METRICS, LAST_STEP, CHANCE)]
    return sorted((s for s in criteria if s.regrets), key=lambda selector: selector.summary.mean)


def _selector(name: str, cases: Sequence[Candidates]) -> Selector:
    return Selector(name, tuple(regret for case in cases if not math.isnan(regret := _regret(name, case))))


def _regret(name: str, case: Candidates) -> float:
    """The regret of a criterion in a case; NaN if a candidate lacks it."""
    best = float(case[SCORE].max())
    if name == CHANCE:
        return best - float(case[SCORE].mean())
    if name == LAST_STEP:
        return best - float(case[SCORE].iloc[-1]) if case.index.name == "step" else math.nan
    metric = schema.criterion(name)
    if metric not in case or case[metric].isna().any():
        return math.nan
    values = case[metric].to_numpy()
    place = values.argmax() if schema.higher_is_better(metric) else values.argmin()  # of equal ones the first
    return best - float(case[SCORE].iloc[int(place)])


def _checkpoints(store: "Store", runs: pd.DataFrame) -> Iterable[Candidates]:
    """The evaluations of each run, by step; that before the first step is the parent's."""
    names = [name for name in (SCORE, *schema.CRITERION_METRICS.values()) if name in runs]
    if SCORE not in names:
        return
    history = store.history(list(runs.loc[runs[SCORE].notna(), "run_id"]), names)
    history = history[history["step"] > 0]
    for _, rows in history.groupby("run_id", sort=False):
        case = rows.pivot_table(index="step", columns="metric", values="value", aggfunc="last").sort_index()
        case = case[case[SCORE].notna()] if SCORE in case else case.iloc[:0]
        if len(case) >= _FEWEST:
            yield case


def _families(runs: pd.DataFrame) -> Iterable[Candidates]:
    """The last evaluations of runs that share their parent and their seed."""
    columns = {schema.final(schema.LAST, name): name for name in (SCORE, *schema.CRITERION_METRICS.values())}
    recorded = {column: name for column, name in columns.items() if column in runs}
    seed = schema.param(schema.SEED)
    if schema.final(schema.LAST, SCORE) not in recorded or not {schema.PARENT, seed} <= set(runs.columns):
        return
    scored = runs[runs[schema.final(schema.LAST, SCORE)].notna()]
    parents = scored[schema.PARENT].fillna("")
    roots = parents.where(parents != "", scored["run_id"])
    for _, family in scored.groupby([roots, scored[seed]], sort=False):
        if len(family) >= _FEWEST:
            yield family[list(recorded)].rename(columns=recorded).reset_index(drop=True)


def explained_choices(among: Among) -> Mapping[str, str]:
    """What chooses, in words, by its name."""
    criteria = {
        name: f"{schema.heading(metric)}, {'highest' if schema.higher_is_better(metric) else 'lowest'}"
        for name, metric in schema.CRITERION_METRICS.items()
    }
    last = {LAST_STEP: "the end of training"} if among == "checkpoints" else {}
    return {**criteria, **last, CHANCE: "any candidate, on average"}
