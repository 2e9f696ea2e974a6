"""A study's scale: the experiments of the report on other domains, with other sizes and another budget."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msl.config import StageConfig
from msl.recipes import Recipe

_FILES = ("source", "target", "content", "style")  # settings that name domains
_PAPER = "paper"  # the recipes of the report are called paper/NAME


@dataclass(frozen=True)
class Scale:
    """Makes recipes of the report smaller: the same stages, objectives, styles and needs."""

    name: str  # a recipe paper/NAME becomes NAME_OF_THE_SCALE/NAME
    domains: Mapping[str, str]  # what takes the place of gta5 and cityscapes, also in the names of styled copies
    settings: Mapping[str, Any]  # of every stage that has them
    needs: Mapping[str, Any] = field(default_factory=dict)  # cores, memory and cards of a job
    locate: Callable[[str], str] = str  # where a domain is described: its name, or a file

    def of(self, name: str, recipe: Recipe) -> tuple[str, Recipe]:
        """Name and settings of the recipe at this scale."""
        small = recipe.model_copy(update={"styled": {}})
        for stage in Recipe.stages():
            config: StageConfig = getattr(recipe, stage)
            values = {**self.settings, **self._files(config.flat())}
            options = config.options()
            small = small.edit(stage, **{option: value for option, value in values.items() if option in options})
        copies = {self._renamed(copy): self.domain(domain) for copy, domain in recipe.styled.items()}
        return name.replace(f"{_PAPER}/", f"{self.name}/"), small.copies(**copies)

    def domain(self, name: str) -> str:
        """What the domain is here: ``camvid_day`` for ``gta5``."""
        return self.locate(self._renamed(name))

    def _files(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The domains and the decoder of a stage; a published decoder is trained here instead."""
        named = {setting: str(settings[setting]) for setting in _FILES if settings.get(setting)}
        domains = {setting: ",".join(map(self.domain, names.split(","))) for setting, names in named.items()}
        return {**domains, "decoder": None}

    def _renamed(self, name: str) -> str:
        """``camvid_day_ambulance`` for ``gta5_ambulance``."""
        for domain, small in self.domains.items():
            name = name.replace(domain, small)
        return name
