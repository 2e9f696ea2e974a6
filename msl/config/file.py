"""Settings of a network that a file of weights leaves open."""

from typing import Any

from pydantic import Field

from msl.config.group import Group
from msl.config.values import Dilations


class FileConfig(Group):
    """What a checkpoint of another program does not say of its network."""

    dilations: Dilations | None = Field(
        None,
        description="Dilations of the convolutions that the head sums; none = as in the file. Files of other programs "
        "do not say it: ADVENT sums four, 6,12,18,24; AdaptSegNet and the authors of the loss sum two, 6,12 (none).",
    )

    def typed(self) -> dict[str, Any]:
        """The settings that somebody typed, as fields of `ModelConfig`."""
        return {name: value for name, value in self if value is not None}
