"""A domain: the images of one split of a data set, with labels in one label set."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from msl.data.images import RawSamples, UInt8
from msl.data.notices import image_notices, label_notices
from msl.data.samples import Report, Samples
from msl.errors import DataError
from msl.labels import IGNORE, UNKNOWN, LabelSet, RawIds

if TYPE_CHECKING:
    from torch import Tensor


class Sample(NamedTuple):
    """One image with its label, at full resolution."""

    image: "Tensor"  # (3, H, W) uint8 RGB
    label: "Tensor"  # (H, W) uint8 train ids, 255 = ignored
    name: str


@dataclass(frozen=True)
class Domain:
    """A sequence of `Sample`.

    An unlabelled domain never opens its label files and gives 255 everywhere: a target is trained on in this way.
    """

    name: str
    split: str
    samples: Samples
    ids: RawIds
    label_set: LabelSet
    labelled: bool = True
    style: Mapping[str, str] = field(default_factory=dict)  # how the images of a styled copy were made
    native: LabelSet | None = None  # the data set's own classes, with its colours; None = `label_set`

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        """The sample at `index`.

        Raises:
            DataError: it cannot be read, or its label has another size or an id that the data set does not define.
        """
        import torch  # here, because the files of a domain are also listed without it

        image, raw = self.samples.read(index, self.labelled)
        name = self.samples.name(index)
        label = np.full(image.shape[:2], IGNORE, np.uint8) if raw is None else self._train_ids(raw, name)
        if label.shape != image.shape[:2]:
            raise DataError(f"{name}: the image is {_size(image)}, its label {_size(label)} (width x height)")
        return Sample(torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(label), name)

    def label(self, index: int) -> "Tensor":
        """The label (H, W) of a sample of a labelled domain, without its image; raises as the whole sample does."""
        import torch

        return torch.from_numpy(self._train_ids(self.samples.read_label(index), self.samples.name(index)))

    def inspect(self) -> Report:
        """Check every sample, and report problems and usable samples. Unchanged files are not read again."""
        table = self.label_set.table(self.ids) if self.labelled else b""
        report = self.samples.inspect(table, self.labelled)
        notices_on_labels = label_notices(report, self.ids, self.label_set, self.native) if self.labelled else []
        notes = [*report.notes, *image_notices(report), *notices_on_labels]
        return replace(report, notes=notes)

    def modules(self) -> list[str]:
        """Modules whose code turns the files, or the generator's scenes, into samples."""
        return [__name__, *self.samples.modules()]

    def table_digest(self) -> str:
        """Digest (64 hex digits) of how raw ids become classes."""
        return sha256(repr((self.label_set.classes, self.label_set.table(self.ids))).encode()).hexdigest()

    def _train_ids(self, raw: RawSamples, name: str) -> UInt8:
        label: UInt8 = self._table[raw]
        if (label == UNKNOWN).any():
            unknown = np.unique(raw[label == UNKNOWN]).tolist()
            raise DataError(
                f"{name}: its label has ids {unknown}, which {self.name} does not define ({sorted(self.ids)})"
            )
        return label

    @cached_property
    def _table(self) -> UInt8:
        return np.frombuffer(self.label_set.table(self.ids), np.uint8)


def _size(array: UInt8) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
