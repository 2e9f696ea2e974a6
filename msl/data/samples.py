"""The source of a domain's images, and the report of a check of all of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol

from msl.data.images import RawSamples, UInt8


class Samples(Protocol):
    """Where a domain's images come from: files, or a generator."""

    drawn: ClassVar[bool]  # True: a generator draws them

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """The sample's name in messages, file names and panels."""

    def read(self, index: int, labelled: bool) -> tuple[UInt8, RawSamples | None]:
        """Image (H, W, 3) RGB and, if `labelled`, its label (H, W) of raw ids.

        Raises:
            DataError: the image or the label is missing or unreadable.
        """

    def read_label(self, index: int) -> RawSamples:
        """The label alone; raises as `read` does."""

    def modules(self) -> list[str]:
        """Modules whose code makes the samples."""

    def inspect(self, table: bytes, labelled: bool) -> "Report":
        """Check every sample once; `table` turns raw ids into train ids (see `LabelSet.table`)."""


class Kind(StrEnum):
    """Why a sample cannot be used."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    CHANGED = "changed"  # an image of a styled copy since it was written
    MISMATCH = "size mismatch"  # of an image and its label
    ODD = "odd size"  # in a data set whose images are all of one size
    BLACK = "black"
    UNKNOWN = "unknown ids"
    VOID = "no class"  # all pixels of the label are ignored


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a sample."""

    sample: str
    kind: Kind
    file: str
    detail: str

    def __str__(self) -> str:
        return f"{self.file}: {self.detail}"


@dataclass(frozen=True, kw_only=True)
class Report:
    """The result of a check of every sample."""

    count: int  # samples checked
    usable: Samples  # those without a problem
    digest: str  # of the usable samples' content, 64 hex digits
    problems: Sequence[Problem] = ()
    sizes: Mapping[tuple[int, int], int]  # images by width and height
    pixels: Mapping[int, int]  # usable labels' pixels by train id; empty if labels were not checked
    raw_pixels: Mapping[int, int] = field(default_factory=dict)  # the same by raw id
    palettes: Sequence[Mapping[int, str]] = ()  # of each label: ``#rrggbb`` by raw id; empty without a palette
    notes: Sequence[str] = ()  # possible mistakes that are no problem of a sample

    @property
    def unusable(self) -> int:
        """Samples with a problem."""
        return self.count - len(self.usable)

    def kinds(self) -> str:
        """Number of problems of each kind: ``25 missing, 2 black``."""
        counts = Counter(problem.kind for problem in self.problems)
        return ", ".join(f"{counts[kind]} {kind}" for kind in Kind if kind in counts)

    def named(self, limit: int, kind: Kind | None = None) -> list[str]:
        """A line for each of the first `limit` problems, of one kind or of all, and one that counts the others."""
        chosen = [problem for problem in self.problems if kind in (None, problem.kind)]
        more = [f"… and {len(chosen) - limit} more"] if len(chosen) > limit else []
        return [*map(str, chosen[:limit]), *more]
