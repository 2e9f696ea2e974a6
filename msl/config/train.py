"""Settings of the stages that train a segmentation network."""

import sys
from typing import Self

from pydantic import model_validator

from msl.config.domains import SourceConfig, TargetConfig
from msl.config.evaluation import EvaluationConfig
from msl.config.model import ModelConfig
from msl.config.objective import AdaptationConfig, ObjectiveConfig
from msl.config.optimizer import OptimizerConfig
from msl.config.run import MonitorConfig, RunConfig, StartConfig, TrainRuntimeConfig
from msl.config.schedule import AdaptSchedule, PretrainSchedule, TargetSoloSchedule, TrainSchedule
from msl.config.stage import StageConfig


class TrainConfig(StageConfig):
    """Settings of every stage that trains a segmentation network."""

    @property
    def quarters(self) -> bool:
        """Whether training uses quarters of images, each of size crop_size."""
        return False

    source: SourceConfig = SourceConfig()
    target: TargetConfig = TargetConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    schedule: TrainSchedule
    run: RunConfig = RunConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    monitor: MonitorConfig = MonitorConfig()
    runtime: TrainRuntimeConfig = TrainRuntimeConfig()

    @model_validator(mode="after")
    def _normalises_over_more_than_one(self) -> Self:
        """Image pooling gives one value for each channel and image: BatchNorm needs two images to have a deviation."""
        pooled = self.model.network in ("deeplabv3", "deeplabv3plus")
        if pooled and self.optimizer.batch_size == 1 and not self.optimizer.freeze_bn:
            raise ValueError(
                f"batch_size = 1 with network = {self.model.network}: BatchNorm after its image pooling needs two "
                "images. Pass batch_size=2 or freeze_bn=true."
            )
        return self

    @model_validator(mode="after")
    def _trains_after_its_warm_up(self) -> Self:
        iterations = self.schedule.stop(
            self.schedule.epoch_iters or sys.maxsize
        )  # maxsize while the epoch's length is unknown
        if self.optimizer.warmup_iters >= iterations:
            raise ValueError(
                f"warmup_iters = {self.optimizer.warmup_iters} is not smaller than the {iterations} iterations of "
                "training: lower it"
            )
        return self


class PretrainConfig(TrainConfig):
    """Supervised training on the source. The target is only scored."""

    inert = TrainConfig.inert | {"target"}

    schedule: PretrainSchedule = PretrainSchedule()


class AdaptConfig(TrainConfig):
    """Training on the source and the target together."""

    adaptation: AdaptationConfig = AdaptationConfig()
    schedule: AdaptSchedule = AdaptSchedule()
    start: StartConfig = StartConfig()


class TargetSoloConfig(AdaptConfig):
    """Adaptation that ends on the target alone."""

    schedule: TargetSoloSchedule = TargetSoloSchedule()
