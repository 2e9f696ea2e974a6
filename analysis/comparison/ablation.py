"""Ablation tables: seed groups that agree in everything but one parameter."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from analysis.comparison.compare import Comparison, row
from analysis.errors import AnalysisError, unknown
from analysis.seeds.groups import INERT, Measure, SeedGroup, find_measure, number, seed_groups

Settings = tuple[tuple[str, str], ...]


def ablation(
    runs: pd.DataFrame,
    parameter: str,
    measures: Sequence[str] = ("mIoU", "fwIoU", "PA"),
    but: Iterable[str] = (),
) -> dict[str, Comparison]:
    """What a parameter does, everything else being equal.

    Args:
        runs: as `Store.runs` gives them; for losses, with `analysis.seeds.trends.with_courses`.
        parameter: a setting, such as ``lambda_target``.
        measures: names as `find_measure` takes them.
        but: settings that may differ along with it; the rows then name their values.

    Returns:
        A comparison for each set of groups that agree in all else, under a name that says how the sets differ. Rows
        are ordered by the parameter's value, differences are to its first.

    Raises:
        AnalysisError: no run has the parameter, or no two groups differ in it alone; says which come nearest.
    """
    groups = seed_groups(runs)
    named = {name for group in groups.values() for name in group.parameters}
    for name in (parameter, *but):
        if name not in named:
            raise unknown("parameter", name, named)
    if parameter in INERT:
        raise AnalysisError(f"{parameter} changes no weights, or makes the seed groups: there is nothing to ablate")
    chosen = [find_measure(name, runs) for name in measures]
    varied = (parameter, *but)
    having = [group for group in groups.values() if parameter in group.settings]
    families = _families(having, varied)
    if not families:
        raise AnalysisError(f"no two finished groups differ in {parameter} alone; {_nearest(having, parameter)}")
    names = _names(list(families))
    return {name: _compared(family, varied, chosen) for name, family in zip(names, families.values(), strict=True)}


def _families(groups: Sequence[SeedGroup], varied: Sequence[str]) -> dict[Settings, list[SeedGroup]]:
    """Groups that agree in all but the varied settings, where the first of those has several values."""
    families: dict[Settings, list[SeedGroup]] = {}
    for group in groups:
        rest = {name: value for name, value in group.settings.items() if name not in varied}
        families.setdefault((("stage", group.stage), *sorted(rest.items())), []).append(group)
    return {key: family for key, family in families.items() if len({g.settings[varied[0]] for g in family}) > 1}


def _names(families: Sequence[Settings]) -> list[str]:
    """In what each of the families differs from the others, of the settings that all of them have."""
    everywhere = set.intersection(*({name for name, _ in family} for family in families))
    shared = set.intersection(*(set(family) for family in families))
    told = [[pair for pair in family if pair not in shared and pair[0] in everywhere] for family in families]
    return [", ".join(f"{name}={value}" for name, value in pairs) for pairs in told]


def _compared(family: Sequence[SeedGroup], varied: Sequence[str], measures: Sequence[Measure]) -> Comparison:
    ordered = sorted(family, key=lambda group: _order(group.settings[varied[0]]))
    told = [name for name in varied if len({group.settings.get(name) for group in family}) > 1]
    rows = [row(group, ordered[0], measures, label=_label(group.settings, told)) for group in ordered]
    return Comparison(ordered[0].name, tuple(measures), tuple(rows))


def _order(value: str) -> tuple[bool, float, str]:
    as_number = number(value)
    return as_number != as_number, 0.0 if as_number != as_number else as_number, value


def _label(settings: Mapping[str, str], names: Sequence[str]) -> str:
    return ", ".join([settings.get(names[0], ""), *(f"{name}={settings.get(name)}" for name in names[1:])])


def _nearest(groups: Sequence[SeedGroup], parameter: str) -> str:
    """The two groups that differ in the parameter and in the fewest others, and how to let them."""
    pairs = [
        (differing, own.name, other.name)
        for i, own in enumerate(groups)
        for other in groups[i + 1 :]
        if own.stage == other.stage
        and own.settings[parameter] != other.settings[parameter]
        and (differing := _differing(own.settings, other.settings, parameter))
    ]
    if not pairs:
        return f"it is {', '.join(sorted({g.settings[parameter] for g in groups}))} in all of a stage"
    differing, own, other = min(pairs, key=lambda pair: len(pair[0]))
    return f"nearest: {own} and {other}, which differ in {', '.join(differing)} too: allow that (--but NAME)"


def _differing(own: Mapping[str, str], other: Mapping[str, str], but: str) -> list[str]:
    return sorted(name for name in own.keys() | other.keys() if name != but and own.get(name) != other.get(name))
