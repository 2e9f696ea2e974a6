"""Label sets that people describe themselves, and those that a checkpoint was trained on."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msl.errors import ConfigError
from msl.labels.colours import chosen_colours
from msl.labels.label_set import MOST_CLASSES, Colour, LabelSet, RawIds
from msl.labels.names import nearest
from msl.labels.published import LABEL_SETS, find_label_set

_NAME = re.compile(r"[^\W_][\w .-]{0,59}")  # it becomes part of the names of scores, and the run store has rules
_HEX = re.compile(r"#?([0-9a-fA-F]{6})")
_PAPER: Colour = (255, 255, 255)  # of the panels


def described_label_set(name: str, described: Mapping[str, Any] | Sequence[Any]) -> LabelSet:
    """A label set of one's own.

    Args:
        name: of the set.
        described: the classes in the order of the network's outputs: a list of names, or a table of names and colours,
            each ``[r, g, b]``, ``"#rrggbb"``, or nothing. Colours that are not given are chosen.

    Raises:
        ConfigError: there are too few or too many classes, or a name or colour cannot be.
    """
    colours = described if isinstance(described, Mapping) else dict.fromkeys(map(_checked, described))
    names = [_checked(class_name) for class_name in colours]
    if not 2 <= len(described) <= MOST_CLASSES:
        raise ConfigError(f"classes: {len(described)} of them; a label set has 2 to {MOST_CLASSES}")
    listed = [str(class_name).lower() for class_name in described]
    if repeated := sorted({class_name for class_name in listed if listed.count(class_name) > 1}):
        raise ConfigError(f"classes: {', '.join(repeated)} is there twice, large and small letters being the same")
    if name in LABEL_SETS:
        raise ConfigError(f"label_set = {name!r} is a published label set: give your own classes another name")
    coloured = {class_name: _colour(class_name, colour) for class_name, colour in colours.items() if colour is not None}
    return LabelSet(name=name, classes=tuple(names), palette=_palette(names, coloured))


def restored_label_set(name: str, classes: Sequence[str], palette: Sequence[Colour] = ()) -> LabelSet:
    """The label set that a checkpoint or a run was trained on.

    Args:
        name: of the set.
        classes: its classes.
        palette: their colours; older checkpoints do not tell them.

    Raises:
        ConfigError: the name alone is told, and there is no label set of that name.
    """
    known = LABEL_SETS.get(name)
    if not palette or (known is not None and known.classes == tuple(classes)):
        return find_label_set(name)
    return LabelSet(name=name, classes=tuple(classes), palette=tuple(palette))


def check_names(ids: RawIds, label_set: LabelSet | None) -> None:
    """See to it that raw ids stand for classes that are known.

    Args:
        ids: raw ids of a data set.
        label_set: its own classes; None = any class of any published label set, or an alias of one.

    Raises:
        ConfigError: a class is not known; the message names the nearest that is.
    """
    known = _published_names() if label_set is None else label_set.classes
    unknown = {raw: name for raw, name in ids.items() if name is not None and name not in known}
    if unknown:
        where = "any label set" if label_set is None else f"its own label set ({', '.join(label_set.classes)})"
        named = ", ".join(f"{raw}: {name!r} ({_hint(name, known)})" for raw, name in unknown.items())
        raise ConfigError(f"ids names no class of {where}: {named}. null ignores an id.{_own_classes(ids, unknown)}")


def _hint(name: str, known: Collection[str]) -> str:
    return nearest(name, sorted(known)).strip() or "nothing comes near"


def _own_classes(ids: RawIds, unknown: RawIds) -> str:
    """The line that makes classes of these names, where half of them or more are unknown and so are hardly misspelt."""
    names = dict.fromkeys(name for name in ids.values() if name is not None)
    mostly = 2 * len(set(unknown.values())) >= len(names)
    return f" For classes of your own, add the line: classes: [{', '.join(names)}]" if mostly else ""


def _published_names() -> set[str]:
    return {name for label_set in LABEL_SETS.values() for name in (*label_set.classes, *label_set.aliases)}


def _checked(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.strip():
        raise ConfigError(
            f"classes: {name!r} is no name of a class: up to 60 letters, digits, blanks, _ . -, a letter or digit first"
        )
    return name


def _colour(class_name: str, colour: object) -> Colour:
    if isinstance(colour, str) and (match := _HEX.fullmatch(colour)):
        colour = list(bytes.fromhex(match[1]))
    if not isinstance(colour, list | tuple) or len(colour) != 3 or not all(_is_level(level) for level in colour):
        raise ConfigError(f"classes: {class_name}: {colour!r} is no colour: write [r, g, b] of 0 to 255, or '#rrggbb'")
    red, green, blue = colour
    if (red, green, blue) == _PAPER:
        raise ConfigError(f"classes: {class_name}: white is the paper of all panels: take [254, 254, 254]")
    return red, green, blue


def _is_level(level: object) -> bool:
    return isinstance(level, int) and not isinstance(level, bool) and 0 <= level <= 255


def _palette(names: Sequence[str], coloured: Mapping[str, Colour]) -> tuple[Colour, ...]:
    by_colour: dict[Colour, str] = {}
    for name, colour in coloured.items():
        if colour in by_colour:
            raise ConfigError(f"classes: {by_colour[colour]} and {name} have the same colour {list(colour)}")
        by_colour[colour] = name
    chosen = iter(chosen_colours(len(names) - len(coloured), list(coloured.values())))
    return tuple(coloured[name] if name in coloured else next(chosen) for name in names)
