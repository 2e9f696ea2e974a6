"""Which experiment of the report a seed group is, by its stage, its settings and the names of its data."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import pandas as pd

from analysis.seeds import SeedGroup, number
from msl import schema

Style = Literal["plain", "published", "retrained", "alpha1_weight1", "variant", "direct", "no network"]
AUXILIARY: tuple[Style, ...] = ("published", "retrained", "alpha1_weight1", "variant")  # the report's own one first

# Domains that are no styled copies. The name of a styled copy is NAME_STYLE.
DOMAINS = frozenset(
    {"streets", "streets_real", "streets_dusk", "camvid", "camvid_day", "camvid_dusk", "cityscapes", "gta5", "synthia"}
    | {f"crosscity_{city}" for city in ("rome", "rio", "tokyo", "taipei")}
)
# Settings that the runs of two stages must share to be compared with each other.
_BASIC = frozenset(
    {"source", "target", "style", "label_set", "network", "backbone", "width", "weights", "preprocessing", "precision"}
    | {"resize_labels", "eval_flip", "eval_scales"}
)
_DEFAULTS = {"network": "deeplabv2", "multi": "False", "split": "val"}  # of runs that are older than the setting
_ONE = r"_?1(?:[.p]0)?(?![\d.p])"
_ALPHA1_WEIGHT1 = re.compile(rf"alpha{_ONE}.*(?:wts?|weight){_ONE}")


@dataclass(frozen=True)
class Role:
    """An experiment of the report, as a rule by which a seed group is recognised."""

    name: str
    stage: str
    styles: tuple[Style, ...] = ("plain",)  # of its data; of several, an earlier one is preferred
    where: Mapping[str, str] = field(default_factory=dict)  # settings that it must have
    other: str | None = None  # a setting in which it must differ from the group that it is compared with


@dataclass(frozen=True)
class Candidate:
    """A seed group, with everything by which a role is recognised."""

    group: SeedGroup
    settings: Mapping[str, str]  # of a run that only scores, those of the network that it scores
    style: Style

    @property
    def context(self) -> tuple[str, ...]:
        """What runs must share to belong to the same case of a claim: the pair of domains and the backbone."""
        return tuple(self.settings.get(name, "") for name in ("source", "target", "backbone"))

    @property
    def has_target(self) -> bool:
        """Whether it has a target; a pretraining can do without."""
        return self.settings.get("target") != "None"

    @cached_property
    def newest(self) -> float:
        """When its last run ended, in seconds since 1970."""
        last: pd.Timestamp = self.group.runs["end"].max()
        return 0.0 if pd.isna(last) else float(last.timestamp())  # a run that another program finished has no end

    def fits(self, role: Role) -> bool:
        """Whether it is that experiment. An objective counts only with a weight above zero."""
        if self.group.stage != role.stage or self.style not in role.styles:
            return False
        if "target_mode" in role.where and not number(self.settings.get("lambda_target")) > 0:
            return False
        return all(self.settings.get(name, _DEFAULTS.get(name)) == value for name, value in role.where.items())

    def distance(self, other: "Candidate", varies: Collection[str]) -> int | None:
        """In how many of the settings that may vary two groups differ; None if they differ in another setting.

        Of pretraining and adaptation only the network and the data are compared. A setting that one group leaves open
        ("None") differs from nothing; but a pretraining without a target is compared with an adaptation only if it is
        its parent.
        """
        if self._adapts != other._adapts and not (self.has_target and other.has_target):
            pretrained, adapted = (other, self) if self._adapts else (self, other)
            if not pretrained._is_parent_of(adapted):
                return None
        names = (self.settings.keys() & other.settings.keys()) - {"split"}
        if self.group.stage != other.group.stage and not {"target_mode"} <= names:
            names &= _BASIC
        pairs = {name: (self.settings[name], other.settings[name]) for name in names}
        differing = {name for name, pair in pairs.items() if "None" not in pair and pair[0] != pair[1]}
        return len(differing) if differing <= set(varies) else None

    @property
    def _adapts(self) -> bool:
        return "target_mode" in self.settings

    def _is_parent_of(self, other: "Candidate") -> bool:
        """Whether a run of another group started from a run of this one."""
        return not set(self.group.run_ids).isdisjoint(other.group.texts(schema.PARENT))


def candidates(groups: Iterable[SeedGroup]) -> list[Candidate]:
    """The groups with the styles of their data."""
    all_groups = list(groups)
    parents = {run_id: group for group in all_groups for run_id in group.run_ids}
    names = {name for group in all_groups for role in schema.DOMAINS if (name := group.domain(role))}
    bases = _bases(names)
    return [_candidate(group, parents, bases) for group in all_groups]


def style_of(base: str, name: str, bases: Collection[str] = DOMAINS) -> Style:
    """The kind of a styled domain, by its name: the report's decoders, or another domain as the style itself.

    Args:
        base: the domain that was copied.
        name: of the copy.
        bases: the domains that are no copies.
    """
    style = name.removeprefix(base).removeprefix("_")
    if not style:
        return "plain"
    if style.endswith(("_fourier", "_colour")):
        return "no network"
    if style in bases:
        return "direct"
    if _ALPHA1_WEIGHT1.search(style):
        return "alpha1_weight1"
    if "alpha" in style:
        return "variant"
    return "retrained" if "retrain" in style else "published"


def _candidate(group: SeedGroup, parents: Mapping[str, SeedGroup], bases: Collection[str]) -> Candidate:
    trained = parents.get(group.texts(schema.PARENT)[0]) if group.stage == "evaluate" else None
    settings = group.settings if trained is None else {**group.settings, **trained.settings}
    source, target = ((trained or group).domain(role) or settings.get(role, "") for role in schema.DOMAINS)
    base = _base(source, bases)
    named = {"source": base, "target": _base(target, bases), "style": source.removeprefix(base)}
    return Candidate(group, {**settings, **named}, style_of(base, source, bases))


def _bases(names: Collection[str]) -> set[str]:
    """The domains that are no copies: those of msl, and of the others each whose name does not begin with another's."""
    originals = {name for name in names if not any(name.startswith(f"{other}_") for other in {*names, *DOMAINS})}
    return {*originals, *DOMAINS}


def _base(name: str, bases: Collection[str]) -> str:
    fitting = [base for base in bases if name == base or name.startswith(f"{base}_")]
    return max(fitting, key=len, default=name)
