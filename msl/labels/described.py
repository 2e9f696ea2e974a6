"""Label sets that people describe themselves, and those that a checkpoint was trained on."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msl.errors import ConfigError
from msl.labels.colours import chosen_colours
from msl.labels.label_set import MOST_CLASSES, Colour, LabelSet, RawIds
from msl.labels.names import nearest
from msl.labels.published import LABEL_SETS, find_label_set

_NAME = re.compile(r"[^\W_][\w .-]{0,59}")  # part of the names of scores; the run store allows nothing else
_HEX = re.compile(r"#?([0-9a-fA-F]{6})")
# In the order of torchvision's segmentation networks; the first one is everything else.
_VOC = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
_BACKGROUND: Colour = (255, 255, 255)  # of the panels


def described_label_set(name: str, described: Mapping[str, Any] | Sequence[Any]) -> LabelSet:
    """A label set that a user describes.

    Args:
        name: of the set.
        described: the classes in the order of the network's outputs: a list of names, or a table of names and colours,
            each ``[r, g, b]``, ``"#rrggbb"``, or null. Missing colours are chosen.

    Raises:
        ConfigError: there are too few or too many classes, or a name or colour is not valid.
    """
    colours = described if isinstance(described, Mapping) else dict.fromkeys(map(_checked, described))
    names = [_checked(class_name) for class_name in colours]
    if not 2 <= len(described) <= MOST_CLASSES:
        raise ConfigError(f"classes: their number is {len(described)}, a label set has 2 to {MOST_CLASSES}")
    listed = [str(class_name).lower() for class_name in described]
    if repeated := sorted({class_name for class_name in listed if listed.count(class_name) > 1}):
        raise ConfigError(
            f"classes: more than one is called {', '.join(repeated)}: rename one "
            "(capital and small letters count as the same)"
        )
    if name in LABEL_SETS:
        raise ConfigError(f"label_set = {name!r} is a published label set: give your own classes another name")
    coloured = {class_name: _colour(class_name, colour) for class_name, colour in colours.items() if colour is not None}
    return LabelSet(name=name, classes=tuple(names), palette=_palette(names, coloured))


def numbered_label_set(name: str, count: int) -> LabelSet:
    """Classes of a network whose file does not name them: 21 are those of Pascal VOC, others get numbers."""
    names = _VOC if count == len(_VOC) else _numbers(count)
    return LabelSet(name="voc21" if names is _VOC else name, classes=names, palette=tuple(chosen_colours(count)))


def are_numbered(classes: Sequence[str]) -> bool:
    """Whether these are the classes of `numbered_label_set`, which have no names."""
    return tuple(classes) == _numbers(len(classes))


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(count))


def restored_label_set(name: str, classes: Sequence[str], palette: Sequence[Colour] = ()) -> LabelSet:
    """The label set that a checkpoint or a run was trained on.

    Args:
        name: of the set.
        classes: its classes.
        palette: their colours; older checkpoints do not hold them.

    Raises:
        ConfigError: only the name is known, and no label set has that name.
    """
    published = LABEL_SETS.get(name)
    if not palette or (published is not None and published.classes == tuple(classes)):
        return find_label_set(name)
    return LabelSet(name=name, classes=tuple(classes), palette=tuple(palette))


def check_names(ids: RawIds, label_set: LabelSet | None) -> None:
    """Check that raw ids stand for known classes.

    Args:
        ids: raw ids of a data set.
        label_set: the classes of the data set; None = any class of any published label set, or an alias of one.

    Raises:
        ConfigError: a class is unknown; the message names the most similar known ones.
    """
    known_names = _published_names() if label_set is None else label_set.classes
    unknown = {raw: name for raw, name in ids.items() if name is not None and name not in known_names}
    if unknown:
        where = "any label set" if label_set is None else f"its own label set ({', '.join(label_set.classes)})"
        named = ", ".join(f"{raw}: {name!r} ({_hint(name, known_names)})" for raw, name in unknown.items())
        raise ConfigError(
            f"ids has names that are no class of {where}: {named}. To ignore an id, write null."
            f"{_classes_hint(ids, unknown)}"
        )


def _hint(name: str, known_names: Collection[str]) -> str:
    return nearest(name, sorted(known_names)).strip() or "no known name is similar"


def _classes_hint(ids: RawIds, unknown: RawIds) -> str:
    """The line that defines these classes, if half of the names are unknown: that is hardly a spelling mistake."""
    names = dict.fromkeys(name for name in ids.values() if name is not None)
    are_mostly_unknown = 2 * len(set(unknown.values())) >= len(names)
    return f" For classes of your own, add the line: classes: [{', '.join(names)}]" if are_mostly_unknown else ""


def _published_names() -> set[str]:
    return {name for label_set in LABEL_SETS.values() for name in (*label_set.classes, *label_set.aliases)}


def _checked(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.strip():
        raise ConfigError(
            f"classes: {name!r} is not a class name: use up to 60 letters, digits, blanks, _ . -, "
            "and begin with a letter or digit"
        )
    return name


def _colour(class_name: str, colour: object) -> Colour:
    if isinstance(colour, str) and (match := _HEX.fullmatch(colour)):
        colour = list(bytes.fromhex(match[1]))
    if not isinstance(colour, list | tuple) or len(colour) != 3 or not all(_is_level(level) for level in colour):
        raise ConfigError(
            f"classes: {class_name}: {colour!r} is not a colour: write [r, g, b] of 0 to 255, or '#rrggbb'"
        )
    red, green, blue = colour
    if (red, green, blue) == _BACKGROUND:
        raise ConfigError(f"classes: {class_name}: white is the background of all panels: write [254, 254, 254]")
    return red, green, blue


def _is_level(level: object) -> bool:
    return isinstance(level, int) and not isinstance(level, bool) and 0 <= level <= 255


def _palette(names: Sequence[str], coloured: Mapping[str, Colour]) -> tuple[Colour, ...]:
    by_colour: dict[Colour, str] = {}
    for name, colour in coloured.items():
        if colour in by_colour:
            raise ConfigError(
                f"classes: {by_colour[colour]} and {name} have the same colour {list(colour)}: change one"
            )
        by_colour[colour] = name
    chosen = iter(chosen_colours(len(names) - len(coloured), list(coloured.values())))
    return tuple(coloured[name] if name in coloured else next(chosen) for name in names)
