"""What a message says of a pattern that matches no file, or of files that are missing: what is there in place of it."""

from collections import Counter
from difflib import get_close_matches
from pathlib import Path

from msl.data.patterns import Pattern

_NAMED = 3  # kinds of files, or folders


def nothing_matches(pattern: Pattern, root: Path) -> str:
    """``no file matches /data/frames/*.png: /data/frames has 12 .tif, 3 .txt``."""
    folder = pattern.base(root).joinpath(*pattern.parts[: pattern.fixed])
    return f"no file matches {pattern.base(root) / pattern.text}: {_content(folder)}"


def none_there(path: Path) -> str:
    """``/data/masks has 1_mask.png in place of 1_masks.png``, or what else the folder has."""
    folder = path.parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    near = get_close_matches(path.name, names, n=1)
    return f"{folder} has {near[0]} in place of {path.name}" if near else _content(folder)


def _content(folder: Path) -> str:
    """What a folder has, by one look into it, not into its subfolders."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    kinds = Counter(path.suffix or path.name for path in paths if path.is_file())
    names = [f"{count} {kind}" for kind, count in kinds.most_common()]
    names += [f"{path.name}/" for path in paths if path.is_dir()]
    more = ", …" if len(names) > _NAMED else ""
    return f"{folder} has {', '.join(names[:_NAMED])}{more}" if names else f"{folder} is empty"
