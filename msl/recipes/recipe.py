"""The type of a recipe: settings of every stage of an experiment that trains or makes data."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from msl.config import (
    AdaptConfig,
    BnConfig,
    JointAdainConfig,
    PretrainConfig,
    SelfTrainConfig,
    StageConfig,
    StylizeConfig,
    TargetSoloConfig,
    TrainStyleConfig,
)
from msl.errors import ConfigError


class Recipe(BaseModel):
    """The settings of every stage, and the styled copies of domains that the experiment needs."""

    model_config = ConfigDict(frozen=True)

    pretrain: PretrainConfig = PretrainConfig()
    adapt: AdaptConfig = AdaptConfig()
    bn: BnConfig = BnConfig()
    target_solo: TargetSoloConfig = TargetSoloConfig()
    self_train: SelfTrainConfig = SelfTrainConfig()
    joint_adain: JointAdainConfig = JointAdainConfig()
    train_style: TrainStyleConfig = TrainStyleConfig()
    stylize: StylizeConfig = StylizeConfig()

    # By name of a domain that stage stylize makes: the domain that it copies.
    styled: Mapping[str, str] = {}

    @classmethod
    def stages(cls) -> list[str]:
        """The names of the stages that a recipe has settings for."""
        return [name for name in cls.model_fields if name != "styled"]

    def copies(self, **domains: str) -> Self:
        """A copy of the recipe that makes these domains: ``gta5_ambulance="gta5"``."""
        return self.model_copy(update={"styled": {**self.styled, **domains}})

    def edit(self, *stages: str, **values: Any) -> Self:
        """A copy with settings changed in the named stages, or in all; a stage without the setting stays as it is."""
        chosen: dict[str, StageConfig] = {stage: getattr(self, stage) for stage in stages or self.stages()}
        if unknown := set(values).difference(*(config.options() for config in chosen.values())):
            raise ConfigError(f"no stage of {', '.join(chosen)} has a setting {', '.join(sorted(unknown))}")
        changed = {
            stage: config.override(**{name: value for name, value in values.items() if name in config.options()})
            for stage, config in chosen.items()
        }
        return self.model_copy(update=changed)
