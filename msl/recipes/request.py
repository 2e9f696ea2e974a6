"""A stage as a user asks for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from msl.config import StageConfig
from msl.errors import ConfigError
from msl.recipes.catalog import find_recipe
from msl.recipes.fitting import FITTED
from msl.recipes.group_name import DOMAIN_SETTINGS, differing, join_words, titled
from msl.recipes.recipe import Recipe

AUTO = "auto"  # in place of the name of a recipe: it is chosen
NEWEST = "auto"  # in place of the ID of a run to continue: the newest interrupted one
DRAWN = "streets"  # the recipe of the domains that msl draws itself

# Settings that mean something else in each of the style stages.
_NEVER_SHARED = ("content", "decoder", "seed")
# Groups of settings that a stage shares with its parent stage: what a user changes in them, changes in both.
_SHARED = ("source", "target", "model", "run", "evaluation", "monitor", "runtime")
_OPTIMIZER = "optimizer"  # the name of a setting and of its group
_LR = "lr"


def is_new(resume: str | None) -> bool:
    """Whether a request describes a whole run, and not the changes of a run that exists."""
    return resume in (None, NEWEST)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A stage as a user asks for it: a recipe, what differs from it, and the settings that result."""

    stage: str
    recipe: str  # its name
    base: Recipe  # its settings
    overrides: Mapping[str, Any]  # by setting
    settings: StageConfig  # resolved for this machine
    group: str | None
    resume: str | None  # ID of a run to continue, or NEWEST
    reasons: Mapping[str, str] = field(default_factory=dict)  # why a recipe that was chosen has its settings
    force: bool = False  # of a resume, with other code
    tracking: str = "online"  # or auto, offline

    @classmethod
    def of(
        cls,
        *,
        stage: str,
        recipe: str,
        overrides: Mapping[str, Any] | None = None,
        group: str | None = None,
        resume: str | None = None,
        base: Recipe | None = None,
        reasons: Mapping[str, str] | None = None,
        force: bool = False,
        tracking: str = "online",
    ) -> Self:
        """The request with its settings resolved; without `base`, the settings of the recipe of that name.

        Raises:
            ConfigError: the recipe or a setting is unknown, a value does not fit, the chosen component lacks a
                setting that is given, or another optimizer would have the recipe's learning rate.
        """
        overrides, base = overrides or {}, base or find_recipe(recipe)
        config: StageConfig = getattr(base, stage)
        # The choices of a resumed run are in its record, not in the recipe; `msl.runs.resume` checks them.
        edited = config.override(**overrides) if is_new(resume) else config.edit(**overrides)
        if is_new(resume):
            _refuse_lr_of_another_optimizer(config.flat(), overrides, edited.flat())
        return cls(
            stage=stage,
            recipe=recipe,
            base=base,
            overrides=overrides,
            settings=edited.located(),
            group=group,
            resume=resume,
            force=force,
            tracking=tracking,
            reasons=reasons or {},
        )

    def for_parent(self, stage: str) -> "Request":
        """The request for the parent stage: the recipe's settings, and the overrides that both stages share.

        The optimizer's settings are shared if the optimizer itself is overridden: a learning rate fits one optimizer.
        """
        groups = (*_SHARED, _OPTIMIZER) if _OPTIMIZER in self.overrides else _SHARED
        shared = {name for group, name, _ in self.settings.fields() if group in groups}
        return self._of(stage, {name: value for name, value in self.overrides.items() if name in shared})

    def for_style(self, stage: str, **settings: Any) -> "Request":
        """The request for a style stage, which makes a styled copy or a decoder for this stage.

        It has the recipe's settings, the overrides of this request that it can take, and the given settings.
        """
        options = getattr(self.base, stage).options()
        shared = {name for name in options if name not in _NEVER_SHARED}
        overrides = {name: value for name, value in self.overrides.items() if name in shared}
        return self._of(stage, overrides | settings)

    def _of(self, stage: str, overrides: Mapping[str, Any]) -> "Request":
        return Request.of(stage=stage, recipe=self.recipe, overrides=overrides, base=self.base, reasons=self.reasons)

    def group_name(self, title: Callable[[str], str] = str) -> str:
        """Name of the runs that differ from this one only by seed: stage, recipe, and settings that differ from it.

        A recipe that was made to fit the data has the names of its domains.

        Args:
            title: of a domain, by its name or the path of its YAML file, which can be typed in several ways.
        """
        if self.group is not None:
            return self.group
        settings = self.settings.comparable()
        defaults = self._of(self.stage, {}).settings.comparable()
        domains = [defaults[name] for name in DOMAIN_SETTINGS if defaults.get(name)]
        subject = [titled(name, title) for name in domains] if self.recipe == FITTED else [self.recipe]
        return join_words([self.stage, *subject, *differing(settings, defaults, title)])


def _refuse_lr_of_another_optimizer(
    recipe: Mapping[str, Any], overrides: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    """A learning rate fits one optimizer: SegFormer and DAFormer train with AdamW at 6e-5, SGD needs a larger one."""
    if settings.get(_OPTIMIZER) != recipe.get(_OPTIMIZER) and _LR not in overrides:
        raise ConfigError(
            f"optimizer = {settings[_OPTIMIZER]}: the recipe's lr = {recipe[_LR]} is for {recipe[_OPTIMIZER]}. "
            "Pass lr too; adamw usually needs lr=6e-5."
        )
