"""A stage as a user asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msl.config import TrainConfig
from msl.recipes.catalog import find_recipe

# What a stage and the parent that it starts have in common: where a user changes it, it holds for both.
_SHARED = ("source", "target", "model", "run", "evaluation", "monitor", "runtime")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A training stage as a user asks for it: a recipe, and what differs from it."""

    stage: str
    recipe: str
    overrides: Mapping[str, Any] = field(default_factory=dict)  # by setting
    group: str | None = None
    resume: str | None = None

    def config(self) -> TrainConfig:
        """The stage's settings.

        Raises:
            ConfigError: the recipe or a setting is unknown, or a value does not fit.
        """
        config: TrainConfig = getattr(find_recipe(self.recipe), self.stage)
        return config.edit(**self.overrides)

    def for_parent(self, stage: str) -> "Request":
        """The request for the stage that this one starts from: the recipe's own settings, but the shared overrides."""
        shared = {name for group, name, _ in self.config().fields() if group in _SHARED}
        return Request(
            stage=stage,
            recipe=self.recipe,
            overrides={name: value for name, value in self.overrides.items() if name in shared},
        )

    def group_name(self) -> str:
        """Name of the runs that differ from this one by seed only: stage, recipe, and what differs from the recipe."""
        if self.group is not None:
            return self.group
        own, plain = self.config().comparable(), Request(stage=self.stage, recipe=self.recipe).config().comparable()
        differing = [f"{k}={v}" for k, v in own.items() if v != plain[k] and k not in ("seed", "checkpoint")]
        return " ".join([self.stage, self.recipe, *differing])
