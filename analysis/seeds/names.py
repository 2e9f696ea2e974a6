"""Names of seed groups: without what all of them share, and found again by a part."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from analysis.errors import AnalysisError, unknown

V = TypeVar("V")
_LISTED = 10  # groups that an error names


def shared_words(names: Sequence[str]) -> list[str]:
    """What all names share: their first words, and settings such as ``lr=0.1``. Every name keeps one word at least."""
    words = [name.split(" ") for name in names]
    if len(words) < 2:
        return []
    rests = [name[_first_words(words) :] for name in words]
    everywhere = set.intersection(*map(set, rests))
    settings = [word for word in rests[0] if word in everywhere and "=" in word]
    if any(not set(rest).difference(settings) for rest in rests):
        settings = settings[1:]
    return [*words[0][: _first_words(words)], *settings]


def shared_note(names: Sequence[str]) -> str:
    """What all names share, for the caption of a table of short names; "" if they share nothing."""
    return f"all groups: {' '.join(words)}" if (words := shared_words(names)) else ""


def short_names(names: Sequence[str]) -> list[str]:
    """The names without what all of them share."""
    words = [name.split(" ") for name in names]
    start, shared = _first_words(words), set(shared_words(names))
    return [" ".join(word for word in name[start:] if "=" not in word or word not in shared) for name in words]


def _first_words(words: Sequence[Sequence[str]]) -> int:
    """The number of first words that all names share; every name has one more at least."""
    count = 0
    while len(words) > 1 and all(len(name) > count + 1 and name[count] == words[0][count] for name in words):
        count += 1
    return count


def find_group(name: str, groups: Mapping[str, V], tabled: Sequence[str] = ()) -> V:
    """The group of that name; else the one that tables call so; else the only one of which the name is a part.

    A part is its beginning, its words in any order (``lr=0`` is a word of ``adapt lr=0.0``), or any piece of it.

    Args:
        name: as typed.
        groups: by their whole names.
        tabled: whole names of the groups that a table shows, which shortens them without the others.

    Raises:
        AnalysisError: no group fits, or more than one does.
    """
    if name in groups:
        return groups[name]
    shown = dict(zip(short_names(list(groups)), groups, strict=True))
    shown |= dict(zip(short_names(tabled), tabled, strict=True))
    ways: Iterable[Callable[[str], bool]] = (
        lambda group: shown.get(name) == group,
        lambda group: group.startswith(name),
        lambda group: _words(name) <= _words(group),
        lambda group: name in group,
    )
    fitting = [[group for group in groups if fits(group)] for fits in ways]
    single = next((found for found in fitting if len(found) == 1), None)
    if single is not None:
        return groups[single[0]]
    several = next((found for found in reversed(fitting) if found), [])
    if not several:
        raise unknown("finished group", name, groups)
    first = sorted(several)[:_LISTED]
    more = f"; and {len(several) - len(first)} more" if len(several) > len(first) else ""
    raise AnalysisError(f"{name!r} fits several groups: {'; '.join(first)}{more}. Give more of the name.")


def _words(name: str) -> set[str]:
    return set(map(_in_one_form, name.split()))


def _in_one_form(word: str) -> str:
    """A setting with its number as Python writes it; any other word as it is."""
    setting, equals, value = word.partition("=")
    try:
        return f"{setting}={float(value)}" if equals else word
    except ValueError:
        return word
