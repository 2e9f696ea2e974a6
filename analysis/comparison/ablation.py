"""Ablation tables: seed groups that agree in everything but one parameter."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import pandas as pd

from analysis.comparison.compare import Comparison, compare_group
from analysis.errors import AnalysisError, unknown
from analysis.seeds import (
    INERT,
    Measure,
    SeedGroup,
    find_measures,
    headline_scores,
    number,
    recorded_measures,
    seed_groups,
)

Settings = tuple[tuple[str, str], ...]


def ablation(
    runs: pd.DataFrame,
    parameter: str,
    measures: Sequence[str] | None = None,
    but: Iterable[str] = (),
) -> dict[str, Comparison]:
    """What a parameter does when everything else is equal.

    Args:
        runs: as `Store.runs` gives them; for losses, with `analysis.seeds.with_trends`.
        parameter: a setting, such as ``lambda_target``.
        measures: names as `find_measure` takes them; if left out, the headline scores that are recorded.
        but: settings that may differ too; the rows then name their values.

    Returns:
        A comparison for each set of groups that agree in everything else, by a name that says how the sets differ. Rows
        are sorted by the parameter's value, differences are to the first row.

    Raises:
        AnalysisError: no run has the parameter, or no two groups differ in it alone; it names the nearest two.
    """
    groups = seed_groups(runs)
    named = {name for group in groups.values() for name in group.parameters}
    for name in (parameter, *but):
        if name not in named:
            raise unknown("parameter", name, named)
    if parameter in INERT:
        raise AnalysisError(f"{parameter} changes no weights, or makes the seed groups: there is nothing to ablate")
    columns = recorded_measures(headline_scores(), runs) if measures is None else find_measures(measures, runs)
    varied = (parameter, *but)
    candidates = [group for group in groups.values() if parameter in group.settings]
    families = _families(candidates, varied)
    if not families:
        raise AnalysisError(f"no two finished groups differ in {parameter} alone; {_nearest(candidates, parameter)}")
    names = _names(list(families))
    return {name: _compared(family, varied, columns) for name, family in zip(names, families.values(), strict=True)}


def _families(groups: Sequence[SeedGroup], varied: Sequence[str]) -> dict[Settings, list[SeedGroup]]:
    """Groups that agree in all settings but the varied ones, of which the first has several values."""
    families: dict[Settings, list[SeedGroup]] = {}
    for group in groups:
        rest = {name: value for name, value in group.settings.items() if name not in varied}
        families.setdefault((("stage", group.stage), *sorted(rest.items())), []).append(group)
    return {key: family for key, family in families.items() if len({g.settings[varied[0]] for g in family}) > 1}


def _names(families: Sequence[Settings]) -> list[str]:
    """For each family, the settings by which it differs from the others, of those that all families have."""
    everywhere = set.intersection(*({name for name, _ in family} for family in families))
    shared = set.intersection(*(set(family) for family in families))
    distinctive = [[pair for pair in family if pair not in shared and pair[0] in everywhere] for family in families]
    return [", ".join(f"{name}={value}" for name, value in pairs) for pairs in distinctive]


def _compared(family: Sequence[SeedGroup], varied: Sequence[str], measures: Sequence[Measure]) -> Comparison:
    ordered = sorted(family, key=lambda group: _order(group.settings[varied[0]]))
    names = [name for name in varied if len({group.settings.get(name) for group in family}) > 1]
    rows = [compare_group(group, ordered[0], measures, _label(group.settings, names)) for group in ordered]
    return Comparison(ordered[0].name, tuple(measures), tuple(rows))


def _order(value: str) -> tuple[bool, float, str]:
    """Numbers by value, then texts."""
    as_number = number(value)
    return (True, 0.0, value) if math.isnan(as_number) else (False, as_number, value)


def _label(settings: Mapping[str, str], names: Sequence[str]) -> str:
    return ", ".join([settings.get(names[0], ""), *(f"{name}={settings.get(name)}" for name in names[1:])])


def _nearest(groups: Sequence[SeedGroup], parameter: str) -> str:
    """The two groups that differ in the parameter and in the fewest other settings, and the option that allows it."""
    pairs = [
        (differing, one.name, other.name)
        for one, other in combinations(groups, 2)
        if one.stage == other.stage
        and one.settings[parameter] != other.settings[parameter]
        and (differing := _differing(one.settings, other.settings, parameter))
    ]
    if not pairs:
        return f"it is {', '.join(sorted({g.settings[parameter] for g in groups}))} in all of a stage"
    differing, one, other = min(pairs, key=lambda pair: len(pair[0]))
    return f"nearest: {one} and {other}, which differ in {', '.join(differing)} too: allow that (--but NAME)"


def _differing(one: Mapping[str, str], other: Mapping[str, str], but: str) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if name != but and one.get(name) != other.get(name))
