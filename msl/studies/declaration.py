"""A study as its author declares it: rows of a stage, a recipe, settings and seeds; from Python or from a YAML file."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from msl.config import validated
from msl.config.catalog import STAGES, STUDIES
from msl.config.registry import unknown_name
from msl.config.values import Cards
from msl.errors import ConfigError
from msl.inputs.fitting import find_request
from msl.recipes import Recipe, Request, find_recipe
from msl.recipes.request import AUTO
from msl.studies.executors import Needs

_TWIN = {"lambda_target": 0.0}
_SUFFIXES = (".yaml", ".yml")


class Row(BaseModel):
    """Runs that differ by seed only, and perhaps their twins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    recipe: str = AUTO
    settings: Mapping[str, Any] = {}
    seeds: tuple[int, ...] | None = Field(None, min_length=1)  # None = those of the study
    twins: bool = False  # also the same with lambda_target = 0
    cores: int = Field(Needs().cores, ge=1)  # CPU cores of a job
    memory_gb: float = Field(Needs().memory_gb, gt=0)  # of a job
    cards: Cards | None = Needs().cards  # GPUs of a job

    def needs(self, said: Mapping[str, Any]) -> Needs:
        """What a job needs, where a user says nothing else of all jobs."""
        return Needs(self.cores, self.memory_gb, self.cards)._replace(**said)


class _Declared(BaseModel):
    """The content of a YAML file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    rows: tuple[Row, ...] = Field(min_length=1)
    settings: Mapping[str, Any] = {}
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    baseline: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A run that a study declares."""

    request: Request
    row: Row


@dataclass(frozen=True, kw_only=True)
class Study:
    """A table of runs."""

    name: str
    rows: tuple[Row, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)  # of every row whose stage has them
    seeds: tuple[int, ...] = (0,)
    baseline: str | None = None  # the group that the report compares with; None = no report
    scaled: Callable[[str, Recipe], tuple[str, Recipe]] | None = None  # name and settings of a recipe at a scale

    def wanted(self) -> Iterator[Wanted]:
        """The runs in the order of the rows: each seed, and its twin behind it.

        Raises:
            ConfigError: a stage, a recipe or a setting is unknown, or a value does not fit.
        """
        bases: dict[str, tuple[str, Recipe]] = {}
        for row in self.rows:
            if row.stage not in STAGES:
                raise ConfigError(f"study {self.name}: stage = {row.stage!r} is {unknown_name(row.stage, STAGES)}")
            if row.recipe not in bases:
                bases[row.recipe] = (AUTO, Recipe()) if row.recipe == AUTO else self._base(row.recipe)
            name, base = bases[row.recipe]
            for overrides in self._overrides(row, base):
                yield Wanted(request=_request(row.stage, name, overrides, base), row=row)

    def _base(self, name: str) -> tuple[str, Recipe]:
        """Name and settings of a recipe at the study's scale."""
        recipe = _recipe(name)
        return (name, recipe) if self.scaled is None else self.scaled(name, recipe)

    def _overrides(self, row: Row, base: Recipe) -> Iterator[dict[str, Any]]:
        options = getattr(base, row.stage).options()
        shared = {name: value for name, value in self.settings.items() if name in options}
        for seed in row.seeds or self.seeds:
            values = {**shared, **row.settings, "seed": seed}
            yield values
            if row.twins:
                yield values | _TWIN


def _request(stage: str, recipe: str, overrides: Mapping[str, Any], base: Recipe) -> Request:
    """A run's request; without a recipe, one is chosen that fits its data."""
    if recipe == AUTO:
        return find_request(stage=stage, overrides=overrides, is_told=False)
    return Request.of(stage=stage, recipe=recipe, overrides=overrides, base=base)


def find_study(name: str, scale: str = "full") -> Study:
    """A study by its name, by the path of a YAML file, or as ``module:function`` of one's own.

    Args:
        name: of the study.
        scale: full, camvid_gpu, camvid, or smoke: the same graph with less to do. A YAML file has one scale.

    Raises:
        ConfigError: it cannot be found or read; the message lists the names.
    """
    if name.endswith(_SUFFIXES):
        return _read(Path(name))
    if name in STUDIES:
        declare: Callable[[str], Study] = STUDIES.load(name)
        return declare(scale)
    if ":" in name:
        study: Study = _imported(name)(scale)
        return study
    raise ConfigError(f"study = {name!r} is {unknown_name(name, STUDIES)}, a YAML file, or MODULE:FUNCTION")


def _read(file: Path) -> Study:
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"study {file} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"study {file}: it needs `rows:`, a list of {{stage, recipe, settings, seeds, twins}}")
    try:
        declared = validated(_Declared, content)
    except ConfigError as error:
        raise ConfigError(f"study {file}: {error}") from error
    values = {name: getattr(declared, name) for name in ("rows", "settings", "seeds", "baseline")}
    return Study(name=declared.name or file.stem, **values)


def _recipe(name: str) -> Recipe:
    """A recipe by its name, or a function of one's own, ``module:function``, from recipe to recipe."""
    if ":" not in name:
        return find_recipe(name)
    edit: Callable[[Recipe], Recipe] = _imported(name)
    return edit(Recipe())


def _imported(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{name}: {error}. Name a module that Python can import, and a function in it") from error
