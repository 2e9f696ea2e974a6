"""Attribution: how much of an adaptation's gain is BatchNorm's statistics, further source steps, the objective.

    run - source only = (bn - source only) + (twin - bn) + (run - twin)

Source only is the parent of a run, bn the run of stage bn with the same parent, the twin an adaptation with the same
parent, seed and budget and λ = 0.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.errors import AnalysisError
from analysis.seeds import Difference, Measure, SeedGroup, Summary, find_measure, number, seed_groups
from msl import schema

BN = "bn"  # the stage that estimates statistics and takes no step
_WEIGHT = "lambda_target"
# Settings that only the target objective reads: without a weight they say nothing.
_WEIGHTS = (_WEIGHT, "lambda_mixed")  # of an objective on the target; a stage has one of them
_OF_OBJECTIVE = frozenset({*_WEIGHTS, "target_mode", "iw_ratio", "threshold", "prior", "prior_weight"})
_TRAINED = "trained_weights"  # older runs, and stages without the setting, train all
# The numbers of a row, as tables name them.
SOURCE_ONLY, STATISTICS, STEPS, OBJECTIVE, TOTAL = "source only", "statistics", "further steps", "objective", "total"
ADAPTING = frozenset({"adapt", "target_solo", "self_train", "joint_adain"})

Values = Mapping[str, float]  # by seed


@dataclass(frozen=True)
class Attribution:
    """The parts of a group's gain, each over the seeds that have both of its runs scored; others have no number."""

    group: SeedGroup
    twin: SeedGroup | None
    source_only: Summary
    statistics: Difference  # bn - source only; over parents
    steps: Difference  # twin - bn; without bn: twin - source only
    objective: Difference  # run - twin
    total: Difference  # run - source only
    dose: float  # λ · Σ lr; NaN where the settings do not tell
    seeds: Mapping[str, tuple[str, ...]]  # that are behind each number, by its name in a table
    notes: tuple[str, ...]

    @property
    def has_parts(self) -> bool:
        """Whether more of the gain is known than its sum: there is a twin, or a run of stage bn."""
        return self.twin is not None or self.statistics.group.n > 0


def attribution(runs: pd.DataFrame, measure: str = schema.MIOU) -> list[Attribution]:
    """The gain of every adaptation with an objective, taken apart; the largest part of the objective first.

    Args:
        runs: as `Store.runs` gives them, with the parents.
        measure: a name as `find_measure` takes it.

    Raises:
        AnalysisError: no finished adaptation has a finished parent among the runs.
    """
    column = find_measure(measure, runs)
    groups = seed_groups(runs)
    scores, parents = _scores(groups.values(), column), _parents(groups.values())
    adapted = [group for group in groups.values() if group.stage in ADAPTING]
    parts = [_taken_apart(group, adapted, groups, column, scores, parents) for group in adapted if not _is_twin(group)]
    parts = [part for part in parts if part.total.group.n]
    if not parts:
        raise AnalysisError(
            "no finished adaptation with an objective has its finished parent among these runs: leave --experiment "
            "out if the parent is in another one"
        )
    return sorted(parts, key=lambda part: -_or_least(part.objective.mean))


def dose(group: SeedGroup) -> float:
    """λ · Σ_t lr(t) over the iterations of a group, by its polynomial schedule; NaN where its settings do not tell.

    It says how much an objective could move the weights at all: the published runs on two outputs have 0.35. Newer runs
    record it.
    """
    if schema.DOSE in group.runs and (recorded := group.runs[schema.DOSE].dropna()).size:
        return float(recorded.mean())
    weight, lr, power = (number(group.setting(name)) for name in (_WEIGHT, "lr", "poly_power"))
    epochs = [number(group.setting(name)) for name in ("round_num", "epoch_each_round", "epoch_iters")]
    horizon, stop = math.prod(epochs), group.iterations
    if any(map(math.isnan, (weight, lr, power, horizon, stop))):
        return math.nan
    return weight * lr * math.fsum((1 - step / horizon) ** power for step in range(int(stop)))


def find_twin(group: SeedGroup, candidates: Sequence[SeedGroup]) -> SeedGroup | None:
    """The group with λ = 0 that is equal in all else; None if there is none.

    It may have another objective, which a weight of 0 switches off; one that has the same comes first.
    """
    twins = [other for other in candidates if _is_twin(other) and _agree(group, other)]
    return min(twins, key=lambda twin: _objective_differences(group, twin), default=None)


def _is_twin(group: SeedGroup) -> bool:
    return any(number(group.setting(name)) == 0 for name in _WEIGHTS)


def _agree(group: SeedGroup, twin: SeedGroup) -> bool:
    """Whether two groups share all settings that both have, but those of the objective, and their budget."""
    if twin.stage != group.stage or group.iterations != twin.iterations:
        return False
    names = (group.settings.keys() & twin.settings.keys()) - _OF_OBJECTIVE
    pairs = [(group.settings[name], twin.settings[name]) for name in names]
    pairs.append((group.settings.get(_TRAINED, "all"), twin.settings.get(_TRAINED, "all")))
    return all(value == other for value, other in pairs)


def _objective_differences(group: SeedGroup, twin: SeedGroup) -> int:
    return sum(group.settings.get(name) != twin.settings.get(name) for name in _OF_OBJECTIVE - {*_WEIGHTS})


def _taken_apart(
    group: SeedGroup,
    adapted: Sequence[SeedGroup],
    groups: Mapping[str, SeedGroup],
    measure: Measure,
    scores: Values,
    parents: Mapping[str, str],
) -> Attribution:
    twin = find_twin(group, adapted)
    values = group.values(measure)
    parent_of = {seed: parents.get(run_id, "") for seed, run_id in _run_ids(group).items()}
    source = {seed: scores.get(parent, math.nan) for seed, parent in parent_of.items()}
    of_twin = {} if twin is None else _with_the_same_parent(twin, parent_of, measure, parents)
    of_bn = _bn_scores(groups.values(), measure, parents, group)
    bn = {seed: of_bn.get(parent, math.nan) for seed, parent in parent_of.items()}
    has_bn = any(math.isfinite(value) for value in bn.values())
    compared = {
        SOURCE_ONLY: (source, source),
        STATISTICS: (bn, source),
        STEPS: (of_twin, bn if has_bn else source),
        OBJECTIVE: (values, of_twin),
        TOTAL: (values, source),
    }
    seeds = {name: _common(*sides) for name, sides in compared.items()}
    return Attribution(
        group=group,
        twin=twin,
        source_only=Summary.of({parent: source[seed] for seed, parent in parent_of.items()}.values()),
        statistics=_by_parent(bn, source, parent_of),
        steps=_paired(*compared[STEPS]),
        objective=_paired(*compared[OBJECTIVE]),
        total=_paired(*compared[TOTAL]),
        dose=dose(group),
        seeds=seeds,
        notes=(*_notes(twin, has_bn, parent_of, values, of_twin), *_seeds_notes(seeds, has_bn)),
    )


def _notes(
    twin: SeedGroup | None, has_bn: bool, parent_of: Mapping[str, str], values: Values, of_twin: Values
) -> list[str]:
    notes = []
    if twin is None:
        notes.append("no finished twin: no group with λ = 0 agrees with it in everything else")
    elif lacking := [seed for seed in values if seed not in of_twin]:
        notes.append(f"no twin from the same parent for seed {', '.join(lacking)}")
    if twin is not None and not has_bn:
        notes.append("no run of stage bn has its parent: further steps include the statistics")
    if len(values) > 1 and len(set(parent_of.values())) == 1:
        notes.append("its seeds share one parent: source only and statistics have no interval")
    elif len(set(parent_of.values())) < len(values):
        notes.append("some of its seeds share a parent, which source only and statistics count once")
    return notes


def _seeds_notes(seeds: Mapping[str, tuple[str, ...]], has_bn: bool) -> list[str]:
    """What the seeds behind the numbers of a row do to their sum."""
    notes = []
    if has_bn and not seeds[STATISTICS]:
        notes.append("no seed has both a run of stage bn and its parent scored")
    if len({over for over in seeds.values() if over}) > 1:
        notes.append("its numbers are over different seeds, so they do not add up")
    return notes


def _common(values: Values, reference: Values) -> tuple[str, ...]:
    """The seeds of which both have a number."""
    finite = [seed for seed, value in values.items() if math.isfinite(value)]
    return tuple(seed for seed in finite if math.isfinite(reference.get(seed, math.nan)))


def _paired(values: Values, reference: Values) -> Difference:
    """The difference over the seeds that both have."""
    common = _common(values, reference)
    return Difference.between({seed: values[seed] for seed in common}, {seed: reference[seed] for seed in common})


def _by_parent(values: Values, reference: Values, parent_of: Mapping[str, str]) -> Difference:
    """The difference over parents: seeds that share one give it once."""
    by_parent = [{parent_of[seed]: value for seed, value in side.items()} for side in (values, reference)]
    return _paired(*by_parent)


def _with_the_same_parent(
    twin: SeedGroup, parent_of: Mapping[str, str], measure: Measure, parents: Mapping[str, str]
) -> dict[str, float]:
    ids, values = _run_ids(twin), twin.values(measure)
    return {seed: value for seed, value in values.items() if parents.get(ids[seed], "") == parent_of.get(seed)}


def _bn_scores(
    groups: Iterable[SeedGroup], measure: Measure, parents: Mapping[str, str], group: SeedGroup
) -> dict[str, float]:
    """Scores of stage bn by parent; of groups that are scored in another way, none."""
    scores: dict[str, float] = {}
    for other in groups:
        names = (other.settings.keys() & group.settings.keys()) - {"max_iters"}  # bn takes no step
        if other.stage == BN and all(other.settings[name] == group.settings[name] for name in names):
            ids = _run_ids(other)
            scores |= {parents.get(ids[seed], ""): value for seed, value in other.values(measure).items()}
    return scores


def _scores(groups: Iterable[SeedGroup], measure: Measure) -> dict[str, float]:
    """The score of every run that counts, by its ID."""
    return {_run_ids(group)[seed]: value for group in groups for seed, value in group.values(measure).items()}


def _parents(groups: Iterable[SeedGroup]) -> dict[str, str]:
    """The parent of every run that counts, by its ID."""
    return {
        str(run["run_id"]): str(run.get(schema.PARENT) or "")
        for group in groups
        for run in group.runs.to_dict("records")
    }


def _run_ids(group: SeedGroup) -> dict[str, str]:
    return dict(zip(group.seeds, group.run_ids, strict=True))


def _or_least(value: float) -> float:
    return -math.inf if math.isnan(value) else value
