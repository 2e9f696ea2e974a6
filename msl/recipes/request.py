"""A stage as a user asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msl.config import StageConfig
from msl.recipes.catalog import find_recipe

# What means something else in each stage that deals in styles.
_OF_ONE = ("content", "decoder", "seed")
# What a stage and the parent that it starts have in common: where a user changes it, it holds for both.
_SHARED = ("source", "target", "model", "run", "evaluation", "monitor", "runtime")
_OPTIMIZER = "optimizer"  # a setting, and the group that it is in


@dataclass(frozen=True, kw_only=True)
class Request:
    """A stage as a user asks for it: a recipe, and what differs from it."""

    stage: str
    recipe: str
    overrides: Mapping[str, Any] = field(default_factory=dict)  # by setting
    group: str | None = None
    resume: str | None = None

    def settings(self) -> StageConfig:
        """The stage's settings, resolved for this machine.

        Raises:
            ConfigError: the recipe or a setting is unknown, a value does not fit, or a setting is given that the chosen
                component does not have.
        """
        config: StageConfig = getattr(find_recipe(self.recipe), self.stage)
        # What a resumed run's choices are, its record says, and not the recipe: whether they fit, its stage checks.
        config = config.edit(**self.overrides) if self.resume else config.override(**self.overrides)
        return config.located()

    def for_parent(self, stage: str) -> "Request":
        """The request for the stage that this one starts from: the recipe's own settings, but the shared overrides.

        The optimizer's settings are shared if the optimizer itself is overridden: a learning rate fits one optimizer.
        """
        groups = (*_SHARED, _OPTIMIZER) if _OPTIMIZER in self.overrides else _SHARED
        shared = {name for group, name, _ in self.settings().fields() if group in groups}
        return self._of(stage, {name: value for name, value in self.overrides.items() if name in shared})

    def for_style(self, stage: str, **asked: Any) -> "Request":
        """The request for a stage that makes what this one needs of styles: data or a decoder.

        The recipe's own settings, but those that this one was asked for and that the other has too.
        """
        known = getattr(find_recipe(self.recipe), stage).options()
        given = {name: value for name, value in self.overrides.items() if name in known and name not in _OF_ONE}
        return self._of(stage, given | asked)

    def _of(self, stage: str, overrides: Mapping[str, Any]) -> "Request":
        return Request(stage=stage, recipe=self.recipe, overrides=overrides)

    def group_name(self) -> str:
        """Name of the runs that differ from this one by seed only: stage, recipe, and what differs from the recipe."""
        if self.group is not None:
            return self.group
        own, plain = self.settings().comparable(), self._of(self.stage, {}).settings().comparable()
        differing = [f"{k}={v}" for k, v in own.items() if v != plain[k] and k not in ("seed", "checkpoint")]
        return " ".join([self.stage, self.recipe, *differing])
