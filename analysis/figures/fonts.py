"""Names in pictures: fonts for any script that an installed font has, and a stated replacement for every other."""

import string
from collections.abc import Iterable
from functools import cache

from analysis.tables import one_line

USUAL = "DejaVu Sans"  # comes with matplotlib
_LENGTH = 60  # characters of a name in a picture
# These come with matplotlib: characters that are not those of Unicode, and a box for every character.
_NOT_FOR_NAMES = ("cm", "STIX", "Last Resort")
_NAMED = 20  # characters that a note shows


def families(texts: Iterable[str]) -> list[str]:
    """The usual font, then those of the installed ones that together draw most of what it lacks."""
    chosen = [USUAL]
    missing = _lacking(texts)
    while missing:
        fonts = _installed()
        best = max(sorted(fonts), key=lambda name: len(missing & _characters(fonts[name])), default=USUAL)
        drawn = missing & _characters(fonts[best]) if fonts else frozenset()
        if not drawn:
            break
        chosen.append(best)
        missing -= drawn
    return chosen


def label(text: str, length: int = _LENGTH) -> str:
    """A name as pictures show it: on one line, without the middle of a long one, escapes for what no font draws."""
    line = one_line(text)
    undrawable = undrawn([line])
    drawn = "".join(_escape(character) if character in undrawable else character for character in line)
    if len(drawn) <= length:
        return drawn
    return f"{drawn[: length - length // 3 - 1]}…{drawn[-(length // 3) :]}"


def undrawn(texts: Iterable[str]) -> frozenset[str]:
    """The characters of these texts that no installed font draws."""
    missing = _lacking(texts)
    if missing:
        missing = missing.difference(*map(_characters, _installed().values()))
    return frozenset(map(chr, missing))


def replacement_note(texts: Iterable[str]) -> str:
    """A sentence about the characters that pictures of these names replace; "" where all can be drawn."""
    characters = sorted(undrawn(map(one_line, texts)))
    if not characters:
        return ""
    more = ", …" if len(characters) > _NAMED else ""
    return (
        f"no installed font draws {' '.join(characters[:_NAMED])}{more}: pictures show codes such as "
        f"{_escape(characters[0])}; fonts such as Noto Sans CJK draw them"
    )


def _lacking(texts: Iterable[str]) -> frozenset[int]:
    """The characters of these texts that the usual font does not draw."""
    codes = frozenset(map(ord, set("".join(map(one_line, texts))).difference(string.printable)))
    return codes - _characters(_usual_file()) if codes else codes


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _usual_file() -> str:
    from matplotlib import font_manager

    return str(font_manager.findfont(USUAL))


def _installed() -> dict[str, str]:
    """The file of each installed font family, of its plain style."""
    from matplotlib import font_manager

    fonts = font_manager.fontManager.ttflist
    plain = [font for font in fonts if font.style == "normal" and not font.name.startswith(_NOT_FOR_NAMES)]
    return {font.name: font.fname for font in sorted(plain, key=lambda font: abs(_weight(font.weight) - 400))[::-1]}


def _weight(weight: int | str) -> int:
    return weight if isinstance(weight, int) else 700 if "bold" in weight else 400


@cache
def _characters(file: str) -> frozenset[int]:
    """The characters of a font; none of one that matplotlib cannot read, as coloured emoji."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(file).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
