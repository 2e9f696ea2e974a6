"""Samples that are pairs of image files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from msl.data.images import Decoder, UInt8, decode_rgb, read
from msl.data.inspection import FileRecord, scan
from msl.errors import DataError
from msl.labels import RawIds

_NAMED = 5  # problems that a message spells out


@dataclass(frozen=True)
class FilePair:
    """An image and where its label is, or would be."""

    name: str
    image: Path
    label: Path


@dataclass(frozen=True)
class FileSamples:
    """Pairs of files as a domain's samples."""

    title: str
    pairs: Sequence[FilePair]
    decode_label: Decoder

    def __len__(self) -> int:
        return len(self.pairs)

    def name(self, index: int) -> str:
        """The pair's name."""
        return self.pairs[index].name

    def read(self, index: int, labelled: bool) -> tuple[UInt8, UInt8 | None]:
        """Image (H, W, 3) RGB and, where asked for, its label (H, W) of raw ids.

        Raises:
            DataError: a file is missing, unreadable or damaged.
        """
        pair = self.pairs[index]
        return read(pair.image, decode_rgb), read(pair.label, self.decode_label) if labelled else None

    def inspect(self, ids: RawIds, labelled: bool) -> str:
        """Digest of names and content, after a look at every file.

        Raises:
            DataError: a file is unreadable, a label is missing, has another size or ids that are not in `ids`.
        """
        images = scan([pair.image for pair in self.pairs], decode_rgb, f"images of {self.title}")
        labels = scan([p.label for p in self.pairs], self.decode_label, f"labels of {self.title}") if labelled else []
        problems = [problem for i, p in enumerate(self.pairs) for problem in _problems(p, images[i], labels[i:], ids)]
        if problems:
            named = "\n  ".join(problems[:_NAMED])
            more = f"\n  … and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
            raise DataError(f"{self.title}: {len(problems)} problems in {len(self.pairs)} samples\n  {named}{more}")
        digest = sha256()
        for pair, *records in zip(self.pairs, images, *([labels] if labelled else []), strict=True):
            digest.update(f"{pair.name} {' '.join(record.digest for record in records)}\n".encode())
        return digest.hexdigest()


def _problems(pair: FilePair, image: FileRecord, labels: Sequence[FileRecord], ids: RawIds) -> Iterator[str]:
    label = labels[0] if labels else None
    if image.error:
        yield f"{pair.image}: {image.error}"
    if label is not None and label.error:
        yield f"{pair.label} (label of {pair.image.name}): {label.error}"
    if label is None or image.error or label.error:
        return
    if (image.width, image.height) != (label.width, label.height):
        sizes = f"{label.width}x{label.height}, its image {image.width}x{image.height}"
        yield f"{pair.label}: the label is {sizes} (width x height)"
    if unknown := [raw for raw in label.ids if raw not in ids]:
        yield f"{pair.label}: ids {unknown} are not defined for this data set ({sorted(ids)})"
