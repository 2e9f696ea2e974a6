"""Prepared copies: images and labels of a domain, resized once and kept on disk as bytes.

A copy is a folder. `samples.u8` has one record for each sample, all of one length; `checksums.u32` has the CRC-32 of
each record; `copy.json` says what the copy is and is written last, so that a copy without it is not complete.

Records are read into the batch's own memory and not mapped. That costs as much, because a batch is assembled from
several records anyway, and a file that somebody cuts, or a disk that fails, is an error that can be handled: with a
mapping, Linux would end the process. All processes and runs share the pages that the system keeps of the file.
"""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from zlib import crc32

import numpy as np
import PIL
import torch
import torchvision
from numpy.typing import NDArray
from torch import Tensor

from msl.data.domain import Domain, Sample
from msl.data.transforms import mirrored, stretched_image, stretched_label
from msl.labels import IGNORE

log = logging.getLogger("msl")

LIBRARIES = [PIL.__version__, torch.__version__, torchvision.__version__]  # versions of what decodes and resizes
SAMPLES, CHECKSUMS, HEADER = "samples.u8", "checksums.u32", "copy.json"

_TEST_ROWS = 16  # of random values, to see whether resizing and mirroring can change places


@dataclass(frozen=True, kw_only=True)
class RecordLayout:
    """What a record holds: versions of the image, (H, W, 3) RGB each, then versions of the label, (H, W) each.

    There are no versions of the label if the domain is unlabelled. There are two versions if the sample can be
    mirrored and if resizing a mirrored sample gives other values than mirroring a resized one: the second version is
    of the mirrored sample, which training mirrors first.
    """

    size: tuple[int, int]  # width, height
    images: int
    labels: int

    @property
    def record_bytes(self) -> int:
        """Length of a record."""
        width, height = self.size
        return width * height * (3 * self.images + self.labels)

    def pack(self, image: Tensor, label: Tensor) -> Tensor:
        """The record of a sample at full resolution, as in `Sample`."""
        images = [stretched_image(image, self.size), stretched_image(mirrored(image), self.size)][: self.images]
        labels = [stretched_label(label, self.size), stretched_label(mirrored(label), self.size)][: self.labels]
        return torch.cat([*(image.permute(1, 2, 0).reshape(-1) for image in images), *(x.reshape(-1) for x in labels)])

    def unpack(self, record: Tensor) -> tuple[Tensor, Tensor]:
        """The versions of the image (V, 3, H, W) and of the label (V, H, W), in the strides that decoding gives."""
        width, height = self.size
        pixels = width * height
        images = record[: 3 * pixels * self.images].view(self.images, height, width, 3).permute(0, 3, 1, 2)
        return images, record[3 * pixels * self.images :].view(self.labels, height, width)


def record_layout(
    size: tuple[int, int], originals: Iterable[tuple[int, int]], labelled: bool, mirror: bool
) -> RecordLayout:
    """The layout of a domain's records.

    Args:
        size: width and height of what is kept.
        originals: the different sizes of the domain's images.
        labelled: whether labels are kept.
        mirror: whether samples will be mirrored.
    """
    widths = {width for width, _ in originals if mirror}
    images = 2 if any(_image_differs(width, size[0]) for width in widths) else 1
    labels = 2 if any(_label_differs(width, size[0]) for width in widths) else 1
    return RecordLayout(size=size, images=images, labels=labels if labelled else 0)


def _image_differs(width: int, new_width: int) -> bool:
    """Whether a mirrored image, resized, differs from a resized image, mirrored. Rows are resized one by one."""
    generator = torch.Generator().manual_seed(width)
    rows = torch.randint(256, (_TEST_ROWS, width, 3), dtype=torch.uint8, generator=generator).permute(2, 0, 1)
    size = new_width, _TEST_ROWS
    return not torch.equal(stretched_image(mirrored(rows), size), mirrored(stretched_image(rows, size)))


def _label_differs(width: int, new_width: int) -> bool:
    """The same for labels, whose pixels are those at the centres: the two differ if a centre is between two pixels."""
    places = torch.stack([torch.arange(width) // 256, torch.arange(width) % 256]).to(torch.uint8)
    size = new_width, len(places)
    return not torch.equal(stretched_label(mirrored(places), size), mirrored(stretched_label(places, size)))


class Prepared:
    """The samples of a domain, read from a complete copy.

    A record that is damaged is made again from the domain's own files, so that no result changes.
    """

    def __init__(self, folder: Path, domain: Domain, layout: RecordLayout) -> None:
        """Open it.

        Raises:
            OSError: a file cannot be read.
        """
        self.domain, self.layout, self._folder = domain, layout, folder
        self._checksums: NDArray[np.uint32] = np.fromfile(folder / CHECKSUMS, np.uint32)
        _ = self._file

    def __len__(self) -> int:
        return len(self.domain)

    def __getitem__(self, index: int) -> Sample:
        """The sample, its image and its label with an axis of versions in front (see `RecordLayout`)."""
        image, label = self.layout.unpack(self._record(index))
        if not len(label):
            label = torch.full((1, *image.shape[-2:]), IGNORE, dtype=torch.uint8)
        return Sample(image, label, self.domain.samples.name(index))

    def __str__(self) -> str:
        size = in_words(len(self) * self.layout.record_bytes)
        return f"{self.domain.name}/{self.domain.split}: {len(self)} images, {size} in {self._folder}"

    def image(self, index: int) -> Tensor:
        """The resized image (3, H, W), not mirrored."""
        return self[index].image[0]

    def __getstate__(self) -> dict[str, object]:
        """Another process opens the file anew."""
        return {name: value for name, value in vars(self).items() if name != "_file"}

    @cached_property
    def _file(self) -> "_OpenFile":
        return _OpenFile(self._folder / SAMPLES)

    def _record(self, index: int) -> Tensor:
        record = torch.empty(self.layout.record_bytes, dtype=torch.uint8)
        if self._is_read(record, index):
            return record
        _tell_damage(self._folder)
        sample = self.domain[index]
        return self.layout.pack(sample.image, sample.label)

    def _is_read(self, record: Tensor, index: int) -> bool:
        """Fill a record; False if its bytes are not those that were written."""
        content = record.numpy().data
        try:
            count = self._file.read_into(content, index * len(content))
        except OSError:
            return False
        return count == len(content) and crc32(content) == self._checksums[index]


def in_words(count: int) -> str:
    """A number of bytes in MB or GB."""
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


class _OpenFile:
    """A file that is closed when nothing reads it any more; processes that are forked share it."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Number of bytes read."""
        count = 0
        while count < len(buffer):
            step = os.preadv(self._descriptor, [buffer[count:]], offset + count)
            if step == 0:
                break
            count += step
        return count

    def __del__(self) -> None:
        os.close(self._descriptor)


@cache
def _tell_damage(folder: Path) -> None:
    """Once in a process. Without its header the copy is not complete, so the next run makes the damaged part again."""
    log.warning("%s: the prepared copy is damaged. The files of the data set are read instead.", folder)
    try:
        (folder / HEADER).unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s: delete this folder, which cannot be written here (%s)", folder, error.strerror)
