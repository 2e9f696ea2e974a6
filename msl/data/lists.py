"""Lists of files, a line a sample, as data sets, editors and spreadsheets write them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msl.data.images import SUFFIXES
from msl.errors import DataError

# A path may have blanks in it: it ends where a suffix of an image does.
_PATH = re.compile(rf"(?P<path>.*?\.(?:{'|'.join(suffix[1:] for suffix in sorted(SUFFIXES))}))(?:[\s,;]|$)", re.I)
_WORD = re.compile(r"[^\s,;]+")


@dataclass(frozen=True)
class Line:
    """A line of a list that says something."""

    text: str
    file: Path
    number: int

    def refused(self, wanted: str) -> DataError:
        """The error that says which line cannot be read, and what would be."""
        return DataError(f"{self.file}:{self.number}: {self.text!r} names no {wanted}")

    def file_name(self) -> str:
        """Name of the first image file on the line; where it once lay does not count.

        Raises:
            DataError: the line names none.
        """
        match = _PATH.match(self.text)
        if match is None:
            raise self.refused("image file")
        return _last(match["path"])

    def frame(self) -> int:
        """Number of a frame: the line is one, or begins with a file of that name.

        Raises:
            DataError: the line has none.
        """
        match = _PATH.match(self.text) or _WORD.match(self.text)
        stem = "" if match is None else _last(match[1] if match.re is _PATH else match[0]).partition(".")[0]
        if not stem.isdecimal():
            raise self.refused("frame, such as 00001 or 00001.png")
        return int(stem)


def listed(root: Path, *candidates: str) -> list[Line] | None:
    """Lines of the first list of `candidates` that exists, without blank ones and comments; None where there is none.

    Raises:
        DataError: the file is no text in UTF-8.
    """
    path = next((root / candidate for candidate in candidates if (root / candidate).is_file()), None)
    if path is None:
        return None
    lines = [Line(text.strip(), path, number) for number, text in enumerate(_text(path).splitlines(), 1)]
    return [line for line in lines if line.text and not line.text.startswith("#")]


def distinct(lines: list[Line], read: Callable[[Line], str]) -> list[str]:
    """What each line says.

    Raises:
        DataError: two lines say the same, so that a sample would be there twice.
    """
    said: dict[str, Line] = {}
    for line in lines:
        name = read(line)
        if name in said:
            raise DataError(f"{line.file}:{line.number}: {name} is in line {said[name].number} already")
        said[name] = line
    return list(said)


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: is no text in UTF-8: save the list as that") from error


def _last(path: str) -> str:
    """The name of a file, whichever system's folders stand before it."""
    return re.split(r"[/\\]", path)[-1].strip()
