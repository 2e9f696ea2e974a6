"""The files of a domain that a YAML file describes (see `msl.data.domain_file`): images, each with its label."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from os.path import normpath
from pathlib import Path

import numpy as np

from msl.data.domain_file import DomainFile, SplitPattern, check_root, raw_ids
from msl.data.files import FilePair, FileSamples
from msl.data.images import SUFFIXES, decode_ids, decode_synthia, read_label
from msl.data.names import share_of, unique_names
from msl.data.patterns import Listing, Match, Pattern
from msl.data.unmatched import nothing_matches
from msl.errors import ConfigError, DataError, MissingSplitError, UnlabelledError

_TRAIN = "train"
_NAMED = 3  # files that a notice names


def pattern_samples(domain: DomainFile, split: str, labelled: bool) -> FileSamples:
    """The files of one split.

    Raises:
        ConfigError: `ids` has an id that is too large for the label files.
        DataError: the folder is missing, or no file matches.
        MissingSplitError: the split is not described.
        UnlabelledError: labels are needed, but not described.
    """
    if split not in domain.split_names:
        split_names = ", ".join(domain.split_names)
        hint = _renaming(split, domain.split_names)
        raise MissingSplitError(f"{domain.name} has no split {split!r}: its file describes {split_names}{hint}")
    check_root(domain)
    pattern = domain.splits.get(split) or domain.splits[_TRAIN]
    if labelled and pattern.labels is None:
        raise UnlabelledError(f"{domain.name}: split {split!r} needs labels, but its file gives no pattern for them")
    for role, text in {"images": pattern.images, "labels": pattern.labels if labelled else None}.items():
        if text is not None:
            _refuse_folder(domain, role, text)
    images = Pattern.of(pattern.images)
    listing = images.below(domain.root)
    pairs = list(_pairs(domain.root, pattern, listing.matches))
    if not pairs:
        fault = nothing_matches(images, domain.root)
        raise DataError(f"{domain.name}: {fault}; correct the pattern of images in the YAML file")
    split_pairs = _of_split(domain, split, pairs)
    if labelled:
        _check_depth(domain, split_pairs)
    decode = decode_synthia if domain.ids == "synthia" else decode_ids
    notes = tuple(_notes(domain, images, listing, pairs if pattern.labels else []))
    return FileSamples(f"{domain.name}/{split}", split_pairs, decode, notes=notes)


def _refuse_folder(domain: DomainFile, role: str, text: str) -> None:
    """Refuse the name of a folder in place of a pattern of the files in it."""
    if (Pattern.of(text).base(domain.root) / text).is_dir():
        raise DataError(f"{domain.name}: {role} = {text}: this is a folder: write {text}/**/*.png in the YAML file")


def _renaming(split: str, names: Sequence[str]) -> str:
    """The way out if a split has nearly the name that is needed, such as valid or training."""
    others = [name for name in names if name not in (_TRAIN, "val")]
    similar = [name for name in others if name.startswith(split)] or get_close_matches(split, others, n=1)
    return f" (if {similar[0]} is meant, rename it to {split})" if similar else ""


def _pairs(root: Path, pattern: SplitPattern, matches: Sequence[Match]) -> Iterator[FilePair]:
    images = Pattern.of(pattern.images)
    names = unique_names([_named(root, images, match) for match in matches])
    find_label = _Labels(root, None if pattern.labels is None else Pattern.of(pattern.labels))
    for name, match in zip(names, matches, strict=True):
        yield FilePair(name, match.path, find_label(match))


def _named(root: Path, images: Pattern, match: Match) -> str:
    """The path below the root; for files elsewhere, the path below the pattern's last folder without wildcards."""
    if not images.absolute:
        return "/".join(part for part in normpath("/".join(match.place)).split("/") if part != "..")
    if match.path.is_relative_to(root):
        return match.path.relative_to(root).as_posix()
    return "/".join(match.place[images.fixed :])


@dataclass
class _Labels:
    """Finds the path of an image's label, which may not exist."""

    root: Path
    pattern: Pattern | None

    def __post_init__(self) -> None:
        self._folders: dict[Path, dict[str, Path]] = {}

    def __call__(self, match: Match) -> Path:
        if self.pattern is None:
            return self.root
        path = self.pattern.filled(match.fillings, self.root)
        return path if path.exists() else self._folder(path.parent).get(_any_case(path), path)

    def _folder(self, folder: Path) -> dict[str, Path]:
        """Its files by their names with the suffix in small letters."""
        if folder not in self._folders:
            files = folder.iterdir() if folder.is_dir() else ()
            self._folders[folder] = {_any_case(file): file for file in files}
        return self._folders[folder]


def _any_case(path: Path) -> str:
    return path.stem + path.suffix.lower()


def _of_split(domain: DomainFile, split: str, pairs: Sequence[FilePair]) -> list[FilePair]:
    """The pairs of a split; the hashes of the names decide which pairs of train are held out.

    Raises:
        DataError: there are so few images that none is left for the split.
    """
    if not domain.held_out or split not in (_TRAIN, *domain.held_out):
        return list(pairs)
    bounds, end = {}, 0.0
    for name, share in domain.held_out.items():
        bounds[name] = end, end + share
        end += share
    low, high = bounds.get(split, (end, 1.0))
    chosen = [pair for pair in pairs if low <= share_of(pair.name) < high]
    if not chosen:
        shares = ", ".join(f"{name}: {share:g}" for name, share in domain.held_out.items())
        raise DataError(
            f"{domain.name}: the shares ({shares}) leave none of {len(pairs)} images for {split!r}: change them"
        )
    return chosen


def _check_depth(domain: DomainFile, pairs: Sequence[FilePair]) -> None:
    """Refuse ids that are too large for the label files."""
    large = [raw for raw in raw_ids(domain) if raw > np.iinfo(np.uint8).max]
    first_label = next((pair.label for pair in pairs if pair.label.is_file()), None) if large else None
    if first_label is None:
        return
    try:
        bits = read_label(first_label, decode_ids).dtype.itemsize * 8
    except DataError:
        return  # the check of all files reports it
    if bits == 8:
        raise ConfigError(
            f"{domain.name}: ids: {large[0]} is too large for its labels of 8 bits ({first_label}): "
            "write ids up to 255, or save the labels with 16 bits"
        )


def _notes(domain: DomainFile, images: Pattern, listing: Listing, labelled: Sequence[FilePair]) -> Iterator[str]:
    """Possible mistakes in the patterns."""
    texts = [text for split in domain.splits.values() for text in (split.images, split.labels) if text is not None]
    patterns = [Pattern.of(text) for text in texts]
    unmatched = [path for path in listing.beside if not any(_fits(pattern, domain.root, path) for pattern in patterns)]
    if unmatched:
        yield f"{_counted(unmatched)} beside {images.text} match no pattern and are left out"
    deeper = [path for path in _deeper(listing) if not any(_fits(pattern, domain.root, path) for pattern in patterns)]
    if deeper:
        yield f"{_counted(deeper)} in folders below {images.text} match no pattern and are left out: ** enters them"
    if other_case := [match.path for match in listing.matches if not match.as_spelled]:
        yield f"{_counted(other_case)} match {images.text} except for capital letters in the suffix, and are used"
    shared_labels = [path for path, count in Counter(pair.label for pair in labelled).items() if count > 1]
    if shared_labels:
        yield f"several images have the same label: {_counted(shared_labels)}"


def _deeper(listing: Listing) -> Iterator[Path]:
    """Image files in the folders that are in those of the matches."""
    for folder in sorted({match.path.parent for match in listing.matches}):
        with os.scandir(folder) as entries:
            below = sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
        matched = {match.path for match in listing.matches} if below else set()
        files = (path for name in below for path in sorted(Path(name).rglob("*")))
        yield from (path for path in files if path.suffix.lower() in SUFFIXES and path not in matched)


def _fits(pattern: Pattern, root: Path, path: Path) -> bool:
    base = pattern.base(root)
    return path.is_relative_to(base) and pattern.fits(path.relative_to(base).parts)


def _counted(paths: Sequence[Path]) -> str:
    named = ", ".join(path.name for path in paths[:_NAMED])
    more = ", …" if len(paths) > _NAMED else ""
    return f"{len(paths)} file{'s' if len(paths) > 1 else ''} ({named}{more})"
