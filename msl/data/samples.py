"""What a domain's images come from, and what a look at all of them reports."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol

from msl.data.images import RawSamples, UInt8


class Samples(Protocol):
    """Where a domain's images come from: files, or a generator."""

    drawn: ClassVar[bool]  # by a generator

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """What to call the sample in messages, file names and panels."""

    def read(self, index: int, labelled: bool) -> tuple[UInt8, RawSamples | None]:
        """Image (H, W, 3) RGB and, where asked for, its label (H, W) of raw ids.

        Raises:
            DataError: the image or the label is missing or unreadable.
        """

    def modules(self) -> list[str]:
        """Modules whose code makes the samples."""

    def inspect(self, table: bytes, labelled: bool) -> "Report":
        """Look at every sample once; `table` turns raw ids into train ids (see `LabelSet.table`)."""


class Kind(StrEnum):
    """Why a sample cannot be used."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    MISMATCH = "size mismatch"  # of an image and its label
    ODD = "odd size"  # in a data set whose images are all of one size
    BLACK = "black"
    UNKNOWN = "unknown ids"
    VOID = "no class"  # a label that is ignored everywhere


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
    """What a look at every sample has found."""

    count: int  # samples looked at
    usable: Samples  # those without a problem
    digest: str  # of the usable samples' content, 64 hex digits
    problems: Sequence[Problem] = ()
    sizes: Mapping[tuple[int, int], int]  # images by width and height
    pixels: Mapping[int, int]  # usable labels' pixels by train id; empty where labels were not looked at
    raw_pixels: Mapping[int, int] = field(default_factory=dict)  # the same by raw id
    notes: Sequence[str] = ()  # what is no problem, but may not be meant

    @property
    def unusable(self) -> int:
        """Samples with a problem."""
        return self.count - len(self.usable)

    def kinds(self) -> str:
        """What is wrong, in a few words: ``25 missing, 2 black``."""
        counts = Counter(problem.kind for problem in self.problems)
        return ", ".join(f"{counts[kind]} {kind}" for kind in Kind if kind in counts)

    def named(self, limit: int, kind: Kind | None = None) -> list[str]:
        """A line for each of the first `limit` problems, of one kind or of all, and one that counts the others."""
        chosen = [problem for problem in self.problems if kind in (None, problem.kind)]
        more = [f"… and {len(chosen) - limit} more"] if len(chosen) > limit else []
        return [*map(str, chosen[:limit]), *more]
