"""Settings of the stages that train a segmentation network."""

import sys
from typing import Self

from pydantic import model_validator

from msl import schema
from msl.config.domains import SourceConfig, TargetConfig
from msl.config.evaluation import EvaluationConfig
from msl.config.model import ModelConfig
from msl.config.objective import AdaptationConfig, ObjectiveConfig
from msl.config.optimizer import OptimizerConfig
from msl.config.run import MonitorConfig, RunConfig, StartConfig, TrainRuntimeConfig
from msl.config.schedule import AdaptSchedule, PretrainSchedule, TargetSoloSchedule, TrainSchedule
from msl.config.self_training import SelfTrainingConfig
from msl.config.stage import StageConfig, refuse_too_many_processes


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
        fewest = self.optimizer.batch_size if self.runtime.sync_bn else self.optimizer.batch_size // self.runtime.nproc
        if pooled and fewest == 1 and not self.optimizer.freeze_bn:
            if self.optimizer.batch_size > 1:
                raise ValueError(
                    f"batch_size = {self.optimizer.batch_size} with nproc = {self.runtime.nproc} and sync_bn = False: "
                    "BatchNorm after the image pooling needs two images in each process. Leave sync_bn out."
                )
            raise ValueError(
                f"batch_size = 1 with network = {self.model.network}: BatchNorm after its image pooling needs two "
                "images. Pass batch_size=2 or freeze_bn=true."
            )
        return self

    @model_validator(mode="after")
    def _chooses_by_what_is_computed(self) -> Self:
        chosen_by = self.monitor.choose_by
        if chosen_by not in (None, schema.SOURCE_RISK) and not self.evaluation.criteria_images:
            raise ValueError(
                f"choose_by = {chosen_by} with criteria_images = 0: the criterion is not computed. Pass "
                "criteria_images=32 or leave choose_by out."
            )
        return self

    @model_validator(mode="after")
    def _has_an_image_for_each_process(self) -> Self:
        refuse_too_many_processes(self.runtime.nproc, "batch_size", self.optimizer.batch_size)
        return self

    @model_validator(mode="after")
    def _trains_after_its_warm_up(self) -> Self:
        iterations = self.schedule.stop(
            self.schedule.epoch_iters or sys.maxsize
        )  # maxsize while the epoch's length is unknown
        if 0 < iterations <= self.optimizer.warmup_iters:
            raise ValueError(
                f"warmup_iters = {self.optimizer.warmup_iters} is not smaller than the {iterations} iterations of "
                "training: lower it"
            )
        return self


class PretrainConfig(TrainConfig):
    """Supervised training on the source. The target is only scored."""

    inert = TrainConfig.inert | {"target"}

    schedule: PretrainSchedule = PretrainSchedule()


class StartedConfig(TrainConfig):
    """Training on both domains that goes on from a pretrained network."""

    schedule: AdaptSchedule = AdaptSchedule()
    start: StartConfig = StartConfig()


class AdaptConfig(StartedConfig):
    """Training on the source and, by a target objective, on the target."""

    adaptation: AdaptationConfig = AdaptationConfig()


class SelfTrainConfig(StartedConfig):
    """Training on the source and on mixed images that a teacher labels."""

    self_training: SelfTrainingConfig = SelfTrainingConfig()

    @model_validator(mode="after")
    def _crops_fit_into_the_images(self) -> Self:
        crop, source = self.self_training.mix_crop, self.source.crop_size
        for name, size in (("crop_size", source), ("target_crop_size", self.target.target_crop_size or source)):
            if crop is not None and (crop[0] > size[0] or crop[1] > size[1]):
                raise ValueError(
                    f"mix_crop = {crop[0]},{crop[1]} is larger than {name} = {size[0]},{size[1]}: pass a smaller "
                    "mix_crop, or none for whole images"
                )
        return self


class TargetSoloConfig(AdaptConfig):
    """Adaptation that ends on the target alone."""

    schedule: TargetSoloSchedule = TargetSoloSchedule()
