"""Patterns of file names, the same for YAML files and for predictions.

The rules are those of Python's `glob` with ``recursive=True``: ``*`` is any text, ``?`` a character, ``[…]`` one of
several, ``**`` any number of folders; only a pattern that begins with a dot matches a name that does.
There are three more rules: only files match, the suffix matches in capital and small letters, and a link back to a
folder above it is not followed.
"""

import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from msl.data.images import SUFFIXES
from msl.errors import DataError

_WILD = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]")
_BRACES = re.compile(r"\{[^{}/]*,[^{}/]*\}")
_SUFFIX = re.compile(r"(?P<stem>.*)\.(?P<suffix>[A-Za-z0-9]+)")
_ANY_DEPTH = "**"


@dataclass(frozen=True)
class Match:
    """A file that a pattern matches."""

    path: Path
    place: tuple[str, ...]  # folders and file below the pattern's base
    fillings: tuple[str, ...]  # what each star, question mark or bracket stands for
    as_spelled: bool  # False if the suffix has capital letters where the pattern has small ones, or the reverse


@dataclass
class Listing:
    """What a pattern matches below a folder, in the order of the paths."""

    matches: list[Match] = field(default_factory=list)
    beside: list[Path] = field(default_factory=list)  # image files in the same folders that it does not match


@dataclass(frozen=True)
class Pattern:
    """A pattern of paths."""

    text: str  # as it was written
    parts: tuple[str, ...]  # names of folders, and of the file, with wildcards
    absolute: bool

    @classmethod
    def of(cls, text: str) -> "Pattern":
        """The pattern that a text stands for.

        Raises:
            ValueError: it names no file, or has braces, which have no meaning in patterns.
        """
        if braces := _BRACES.search(text):
            raise ValueError(f"{text}: {braces[0]} has no meaning in a pattern: write * or […]")
        parts = tuple(part for part in text.split("/") if part not in ("", "."))
        if not parts or text.endswith("/"):
            raise ValueError(f"{text!r} is a folder: name the files in it, such as {text.rstrip('/') or '.'}/*.png")
        return cls(text, parts, text.startswith("/"))

    @staticmethod
    def is_meant(text: str) -> bool:
        """Whether a text has wildcards."""
        return any(_WILD.search(part) for part in text.split("/"))

    @cached_property
    def wildcards(self) -> list[str]:
        """``**``, ``*``, ``?`` and brackets, in their order."""
        return [wild for part in self.parts for wild in _WILD.findall(part)]

    @property
    def fixed(self) -> int:
        """Number of the parts before the first wildcard, without the name of the file."""
        wild = (place for place, part in enumerate(self.parts) if _WILD.search(part))
        return min([*wild, len(self.parts) - 1])

    def base(self, root: Path) -> Path:
        """The folder in which its parts begin."""
        return Path("/") if self.absolute else root

    def check_filling(self, labels: "Pattern") -> None:
        """Check that this pattern has enough wildcards to fill those of `labels`.

        Raises:
            ValueError: it has fewer.
        """
        if len(labels.wildcards) > len(self.wildcards):
            hint = "" if self.wildcards else f"; for all files of a folder, write images = {self.text}/**/*.png"
            raise ValueError(
                f"labels = {labels.text} has more stars than images = {self.text} can fill (*, **, ? and […] "
                f"count){hint}"
            )

    def filled(self, fillings: Sequence[str], root: Path) -> Path:
        """The path with each wildcard replaced; if there are more `fillings` than wildcards, the last ones are used."""
        texts = iter(fillings[len(fillings) - len(self.wildcards) :])
        parts = [_WILD.sub(lambda _: next(texts), part) for part in self.parts]
        return self.base(root).joinpath(*(part for part in parts if part))

    def fits(self, place: Sequence[str]) -> bool:
        """Whether it matches a file at that place below its base."""
        return _fits(self.parts, tuple(place))

    def below(self, root: Path) -> Listing:
        """Every file that it matches.

        Raises:
            DataError: a folder cannot be listed.
        """
        base = self.base(root)
        listing = Listing()
        matches = {match.path: match for match in _walk(_Folder(base, (), (base.resolve(),)), self.parts, (), listing)}
        listing.matches = [matches[path] for path in sorted(matches)]
        listing.beside = sorted(path for path in set(listing.beside) if path not in matches)
        return listing

    def paths_below(self, root: Path) -> list[Path]:
        """The files that it matches; raises as `below` does."""
        return [match.path for match in self.below(root).matches]


@dataclass(frozen=True)
class _Folder:
    """A folder on the path of a pattern."""

    path: Path
    place: tuple[str, ...]
    entered: tuple[Path, ...]  # the real folders from the base to this one

    def child(self, name: str) -> "_Folder | None":
        """A folder in it; None if there is none, or if it is a link back to a folder above it."""
        path = self.path / name
        if not path.is_dir():
            return None
        real = path.resolve() if path.is_symlink() or name == ".." else self.entered[-1] / name
        if path.is_symlink() and real in self.entered:
            return None
        return _Folder(path, (*self.place, name), (*self.entered, real))

    def names(self) -> list[str]:
        try:
            return [path.name for path in self.path.iterdir()]
        except OSError as error:
            raise DataError(f"{self.path}: cannot be listed: {error.strerror}") from error


def _walk(folder: _Folder, parts: Sequence[str], fillings: tuple[str, ...], listing: Listing) -> Iterator[Match]:
    part, later_parts = parts[0], parts[1:]
    if part == _ANY_DEPTH:
        yield from _walk_any_depth(folder, folder, later_parts or ("*",), fillings, listing, whole=not later_parts)
    elif not _WILD.search(part):
        yield from _at(folder, part, part, later_parts, fillings, listing)
    else:
        names = folder.names()
        listing.beside += [folder.path / name for name in names if _is_image(name)]
        for name in names:
            if (new_fillings := _matched(part, name, last=not later_parts)) is not None:
                yield from _at(folder, name, part, later_parts, (*fillings, *new_fillings), listing)


def _walk_any_depth(
    top: _Folder, folder: _Folder, later_parts: Sequence[str], fillings: tuple[str, ...], listing: Listing, whole: bool
) -> Iterator[Match]:
    """Matches of `later_parts` in a folder and in all below it; `whole`: the pattern ends with these stars."""
    between = "/".join(folder.place[len(top.place) :])
    for match in _walk(folder, later_parts, (*fillings, between), listing):
        last = ("/".join(match.place[len(top.place) :]),)
        yield Match(match.path, match.place, (*fillings, *last), True) if whole else match
    for name in folder.names():
        if not name.startswith(".") and (child := folder.child(name)) is not None:
            yield from _walk_any_depth(top, child, later_parts, fillings, listing, whole)


def _at(
    folder: _Folder, name: str, part: str, later_parts: Sequence[str], fillings: tuple[str, ...], listing: Listing
) -> Iterator[Match]:
    """The file of that name, or what `later_parts` match in the folder of that name."""
    if later_parts:
        if (child := folder.child(name)) is not None:
            yield from _walk(child, later_parts, fillings, listing)
    elif (folder.path / name).is_file():
        as_spelled = _SUFFIX.fullmatch(part) is None or name.endswith(part.rpartition(".")[2])
        yield Match(folder.path / name, (*folder.place, name), fillings, as_spelled)


def _matched(part: str, name: str, last: bool) -> tuple[str, ...] | None:
    """What the wildcards of a part stand for in a name; None if it does not match."""
    if name.startswith(".") and not part.startswith("."):
        return None
    match = _expression(part, last).fullmatch(name)
    return None if match is None else match.groups()


def _fits(parts: Sequence[str], place: tuple[str, ...]) -> bool:
    if not parts or not place:
        return not parts and not place
    if parts[0] == _ANY_DEPTH:
        fits_deeper = not place[0].startswith(".") and _fits(parts, place[1:])
        return fits_deeper or _fits(parts[1:] or ("*",), place)
    return _matched(parts[0], place[0], last=len(parts) == 1) is not None and _fits(parts[1:], place[1:])


@cache
def _expression(part: str, last: bool) -> re.Pattern[str]:
    ending = _SUFFIX.fullmatch(part) if last else None
    stem, suffix = (part, "") if ending is None else (ending["stem"], rf"\.(?i:{ending['suffix']})")
    return re.compile(f"(?s:{_grouped(stem)}{suffix})")


def _grouped(text: str) -> str:
    """A regular expression with a group for each wildcard."""
    pieces, end = [], 0
    for wild in _WILD.finditer(text):
        pieces += [re.escape(text[end : wild.start()]), f"({_translated(wild[0])})"]
        end = wild.end()
    return "".join([*pieces, re.escape(text[end:])])


def _translated(wild: str) -> str:
    """A wildcard as a regular expression; fnmatch knows all rules of brackets."""
    return fnmatch.translate(wild).removeprefix("(?s:").rpartition(")")[0]


def _is_image(name: str) -> bool:
    return not name.startswith(".") and f".{name.rpartition('.')[2].lower()}" in SUFFIXES
