"""Generated scenes as a domain's samples."""

from dataclasses import dataclass
from typing import ClassVar

from msl.data.images import RawSamples, UInt8
from msl.data.samples import Report
from msl.streets import Streets


@dataclass(frozen=True)
class GeneratedSamples:
    """Street scenes that are drawn when they are read."""

    drawn: ClassVar[bool] = True

    streets: Streets

    def __len__(self) -> int:
        return len(self.streets)

    def name(self, index: int) -> str:
        """The scene's name."""
        return self.streets.name(index)

    def read(self, index: int, labelled: bool) -> tuple[UInt8, RawSamples | None]:
        """Image (H, W, 3) RGB and, if `labelled`, its label (H, W) of Cityscapes' ids."""
        image, label = self.streets.sample(index)
        return image, label if labelled else None

    def read_label(self, index: int) -> RawSamples:
        """The label alone."""
        label: UInt8 = self.streets.sample(index)[1]
        return label

    def modules(self) -> list[str]:
        """This module, which imports the generator."""
        return [__name__]

    def inspect(self, table: bytes, labelled: bool) -> Report:
        """Digest of the generator's parameters and a few scenes; generated scenes have no problems."""
        sizes = {self.streets.size: len(self)}
        return Report(count=len(self), usable=self, digest=self.streets.digest(), sizes=sizes, pixels={})
