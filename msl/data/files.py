"""Samples that are pairs of image files."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import ClassVar

from msl.data.images import LabelReader, RawSamples, UInt8, decode_image, read_image, read_label
from msl.data.inspection import FileRecord, scan
from msl.data.samples import Kind, Problem, Report
from msl.data.unmatched import none_there
from msl.labels import IGNORE, UNKNOWN

_MIN_LIT_SHARE = 1e-3  # of an image's values that are brighter than almost black; even a night has its lamps
_MOST_SPELT = 5  # ids that a message spells out

_Size = tuple[int, int]  # width, height
_Records = tuple[FileRecord, ...]  # of an image, and of its label if that was checked


@dataclass(frozen=True)
class FilePair:
    """An image, and the path of its label, which may not exist."""

    name: str
    image: Path
    label: Path


@dataclass(frozen=True)
class FileSamples:
    """Pairs of files as a domain's samples."""

    drawn: ClassVar[bool] = False

    title: str
    pairs: Sequence[FilePair]
    decode_label: LabelReader
    one_size: bool = False  # True: an image of another size than the others is a problem
    notes: Sequence[str] = ()  # notices from the search for the files

    def __len__(self) -> int:
        return len(self.pairs)

    def name(self, index: int) -> str:
        """The pair's name."""
        return self.pairs[index].name

    def read(self, index: int, labelled: bool) -> tuple[UInt8, RawSamples | None]:
        """Image (H, W, 3) RGB and, if `labelled`, its label (H, W) of raw ids.

        Raises:
            DataError: a file is missing, unreadable or damaged.
        """
        pair = self.pairs[index]
        return read_image(pair.image), read_label(pair.label, self.decode_label) if labelled else None

    def read_label(self, index: int) -> RawSamples:
        """The label alone; raises as `read` does."""
        return read_label(self.pairs[index].label, self.decode_label)

    def modules(self) -> list[str]:
        """Modules that pair the files and decode them."""
        return [type(self).__module__, self.decode_label.__module__]

    def inspect(self, table: bytes, labelled: bool) -> Report:
        """The problems of the files, and the digest of names and content of all samples without a problem."""
        images = scan([pair.image for pair in self.pairs], decode_image, f"images of {self.title}")
        labels = scan([p.label for p in self.pairs], self.decode_label, f"labels of {self.title}") if labelled else []
        records = [tuple(pair_records) for pair_records in zip(images, *([labels] if labelled else []), strict=True)]
        sizes = Counter(image.size for image in images if not image.error)
        usual_size = sizes.most_common(1)[0][0] if self.one_size and sizes else None
        problems = [
            list(_problems(pair, pair_records, usual_size, table))
            for pair, pair_records in zip(self.pairs, records, strict=True)
        ]
        usable = [i for i, pair_problems in enumerate(problems) if not pair_problems]
        raw_pixels = _raw_pixels(label for i in usable for label in records[i][1:])
        return Report(
            count=len(self),
            usable=replace(self, pairs=[self.pairs[i] for i in usable]),
            digest=_digest((self.pairs[i].name, records[i]) for i in usable),
            problems=list(chain.from_iterable(problems)),
            sizes=sizes,
            pixels=_train_pixels(raw_pixels, table),
            raw_pixels=raw_pixels,
            palettes=[label.colours for label in labels],
            notes=[*self.notes, *_none_there(self.pairs, labels)],
        )


def _none_there(pairs: Sequence[FilePair], labels: Sequence[FileRecord]) -> Iterator[str]:
    """What is there if no label is: the pattern of the labels is wrong, perhaps by a letter."""
    if labels and all(label.missing for label in labels):
        yield f"no label is there: {none_there(pairs[0].label)}"


def _digest(samples: Iterable[tuple[str, _Records]]) -> str:
    digest = sha256()
    for name, records in samples:
        digest.update(f"{name} {' '.join(record.digest for record in records)}\n".encode())
    return digest.hexdigest()


def _raw_pixels(labels: Iterable[FileRecord]) -> Counter[int]:
    raw = Counter[int]()
    for label in labels:
        raw.update(label.pixels)
    return raw


def _train_pixels(raw: Mapping[int, int], table: bytes) -> dict[int, int]:
    merged = Counter[int]()
    for raw_id, count in raw.items():
        merged[table[raw_id]] += count
    return dict(merged)


def _problems(pair: FilePair, records: _Records, usual_size: _Size | None, table: bytes) -> Iterator[Problem]:
    image, *labels = records
    yield from _of_image(pair, image)
    for label in labels:
        yield from _of_label(pair, label, image, table)
    sizes_match = all(label.size == image.size for label in labels)  # a mismatch is reported above
    if sizes_match and not image.error and usual_size not in (None, image.size):
        sizes = f"{_size_text(image.size)}, the others are {_size_text(usual_size)}"
        yield Problem(pair.name, Kind.ODD, str(pair.image), f"the image is {sizes} (width x height)")


def _of_image(pair: FilePair, image: FileRecord) -> Iterator[Problem]:
    if image.error:
        yield Problem(pair.name, _unread(image), str(pair.image), image.error)
    elif image.lit < _MIN_LIT_SHARE:
        yield Problem(pair.name, Kind.BLACK, str(pair.image), "the image is black")


def _of_label(pair: FilePair, label: FileRecord, image: FileRecord, table: bytes) -> Iterator[Problem]:
    if label.error:
        yield Problem(pair.name, _unread(label), str(pair.label), f"{label.error} (label of {pair.image.name})")
        return
    if not image.error and image.size != label.size:
        sizes = f"{_size_text(label.size)}, its image {_size_text(image.size)}"
        yield Problem(pair.name, Kind.MISMATCH, str(pair.label), f"the label is {sizes} (width x height)")
    if unknown := [raw for raw in label.pixels if table[raw] == UNKNOWN]:
        yield Problem(pair.name, Kind.UNKNOWN, str(pair.label), _unknown_ids(unknown, label.pixels, table))
    elif all(table[raw] == IGNORE for raw in label.pixels):
        detail = f"the label has no class that counts, only ids {list(label.pixels)}, which are ignored"
        yield Problem(pair.name, Kind.VOID, str(pair.label), detail)


def _unknown_ids(unknown: Sequence[int], pixels: Mapping[int, int], table: bytes) -> str:
    """What is wrong, and the way out: to name the ids if they are most of a label, to ignore them if they are a few."""
    defined = [raw for raw, train_id in enumerate(table) if train_id != UNKNOWN]
    few = unknown[:_MOST_SPELT]
    if 2 * sum(pixels[raw] for raw in unknown) > sum(pixels.values()):
        way_out = f"say what each means: ids: {{{', '.join(f'{raw}: CLASS' for raw in few)}, …}}; null ignores one"
    else:
        way_out = f"ids: {{…, {', '.join(f'{raw}: null' for raw in few)}}} ignores them"
    return f"ids {list(unknown)} are not defined for this data set ({defined}); {way_out}"


def _unread(record: FileRecord) -> Kind:
    return Kind.MISSING if record.missing else Kind.UNREADABLE


def _size_text(size: _Size | None) -> str:
    return "x".join(map(str, size or ()))
