"""Names of samples; the files of predictions and styled copies have these names."""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b


def unique_names(paths: Sequence[str]) -> list[str]:
    """A name for each path: the path without its suffix. Files that differ only by their suffix keep it."""
    stems = [_stem(path) for path in paths]
    shared = {stem for stem, count in Counter(stems).items() if count > 1}
    taken = shared.union(paths) if shared else shared
    return [path if stem in taken else stem for path, stem in zip(paths, stems, strict=True)]


def _stem(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)


def share_of(name: str) -> float:
    """A number from 0 to 1 that never changes for a name, spread evenly. It decides which samples are held out."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") / 2**64
