"""Lists of files, one sample per line, as data sets, editors and spreadsheets write them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msl.data.images import SUFFIXES
from msl.errors import DataError

# A path may contain blanks: it ends with the suffix of an image.
_PATH = re.compile(rf"(?P<path>.*?\.(?:{'|'.join(suffix[1:] for suffix in sorted(SUFFIXES))}))(?:[\s,;]|$)", re.I)
_WORD = re.compile(r"[^\s,;]+")


@dataclass(frozen=True)
class Line:
    """A line of a list that is neither blank nor a comment."""

    text: str
    file: Path
    number: int

    def refused(self, expected: str) -> DataError:
        """The error for a line that cannot be read; `expected` is what it must name."""
        return DataError(f"{self.file}:{self.number}: {self.text!r} must name {expected}")

    def file_name(self) -> str:
        """Name of the first image file on the line, without its folders.

        Raises:
            DataError: the line names none.
        """
        match = _PATH.match(self.text)
        if match is None:
            raise self.refused("an image file")
        return _last(match["path"])

    def frame(self) -> int:
        """Number of a frame: the line is a number, or begins with a file that has a number as its name.

        Raises:
            DataError: the line has none.
        """
        match = _PATH.match(self.text) or _WORD.match(self.text)
        stem = "" if match is None else _last(match[1] if match.re is _PATH else match[0]).partition(".")[0]
        if not stem.isdecimal():
            raise self.refused("a frame, such as 00001 or 00001.png")
        return int(stem)


def listed(root: Path, *candidates: str) -> list[Line] | None:
    """Lines of the first list of `candidates` that exists, without blank lines and comments; None if there is no list.

    Raises:
        DataError: the file is not text in UTF-8.
    """
    path = next((root / candidate for candidate in candidates if (root / candidate).is_file()), None)
    if path is None:
        return None
    lines = [Line(text.strip(), path, number) for number, text in enumerate(_text(path).splitlines(), 1)]
    return [line for line in lines if line.text and not line.text.startswith("#")]


def distinct(lines: list[Line], read: Callable[[Line], str]) -> list[str]:
    """What `read` gives for each line.

    Raises:
        DataError: two lines give the same name, so that a sample would occur twice.
    """
    lines_by_name: dict[str, Line] = {}
    for line in lines:
        name = read(line)
        if name in lines_by_name:
            first = lines_by_name[name].number
            raise DataError(f"{line.file}:{line.number}: {name} is already in line {first}: remove one of the lines")
        lines_by_name[name] = line
    return list(lines_by_name)


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: is not text in UTF-8: save the list in UTF-8") from error


def _last(path: str) -> str:
    """The name of a file without its folders, in the notation of any system."""
    return re.split(r"[/\\]", path)[-1].strip()
