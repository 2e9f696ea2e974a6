"""What a recipe is: the settings of every training stage of an experiment."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from msl.config import AdaptConfig, PretrainConfig, TargetSoloConfig, TrainConfig
from msl.errors import ConfigError


class Recipe(BaseModel):
    """The settings of every training stage."""

    model_config = ConfigDict(frozen=True)

    pretrain: PretrainConfig = PretrainConfig()
    adapt: AdaptConfig = AdaptConfig()
    target_solo: TargetSoloConfig = TargetSoloConfig()

    def edit(self, *stages: str, **values: Any) -> Self:
        """A copy with settings changed in the named stages, or in all; a stage without the setting stays as it is."""
        chosen: dict[str, TrainConfig] = {stage: getattr(self, stage) for stage in stages or type(self).model_fields}
        if unknown := set(values).difference(*(config.options() for config in chosen.values())):
            raise ConfigError(f"no stage of {', '.join(chosen)} has a setting {', '.join(sorted(unknown))}")
        changed = {
            stage: config.edit(**{name: value for name, value in values.items() if name in config.options()})
            for stage, config in chosen.items()
        }
        return self.model_copy(update=changed)
