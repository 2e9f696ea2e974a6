"""Settings of stage bn, which estimates statistics and takes no step."""

from typing import ClassVar

from pydantic import Field

from msl.config.group import Group
from msl.config.optimizer import OptimizerConfig
from msl.config.schedule import NoSteps
from msl.config.train import StartedConfig


class StatisticsConfig(Group):
    """The images of BatchNorm's statistics."""

    bn_images: int = Field(
        200,
        ge=1,
        description="Target training images over which BatchNorm's statistics are estimated, spread evenly over the "
        "split; all of them if there are fewer.",
    )


class BnConfig(StartedConfig):
    """BatchNorm's statistics on target images: the source only with nothing else of an adaptation."""

    # Groups that only a training step reads: they are no settings of this stage.
    of_steps: ClassVar[frozenset[str]] = frozenset({"optimizer", "objective", "schedule"})

    optimizer: OptimizerConfig = OptimizerConfig(freeze_bn=True)
    schedule: NoSteps = NoSteps()
    statistics: StatisticsConfig = StatisticsConfig()

    @classmethod
    def groups(cls) -> dict[str, type[Group]]:
        """The groups that the stage reads, in order."""
        return {name: group for name, group in super().groups().items() if name not in cls.of_steps}
