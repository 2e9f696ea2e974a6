"""A label set: the classes that a network predicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msl.errors import ConfigError

IGNORE = 255  # train id of pixels that count neither in a loss nor in a metric
UNKNOWN = 254  # train id in `LabelSet.table` of raw ids that the data set does not define
MOST_CLASSES = 254  # number of train ids of 8 bits, without IGNORE and UNKNOWN
RAW_IDS = 65536  # number of ids that a label file of 16 bits can hold

Colour = tuple[int, int, int]
RawIds = Mapping[int, str | None]  # raw id in a label file -> class name; None is ignored on purpose


@dataclass(frozen=True, kw_only=True)
class LabelSet:
    """The classes of a network's output, in the order of its channels.

    `aliases` maps other data sets' class names to this set's (``tree`` -> ``vegetation``). `thirteen` names the classes
    of a smaller protocol that is also scored.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[Colour, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    thirteen: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.classes)

    def train_id(self, class_name: str) -> int:
        """Channel of a class, by its name or an alias; IGNORE if this set lacks it."""
        name = self.aliases.get(class_name, class_name)
        return self.classes.index(name) if name in self.classes else IGNORE

    def unmapped(self, ids: RawIds) -> list[str]:
        """Classes of a data set that this set lacks, so that their pixels are ignored; in the order of their ids."""
        names = dict.fromkeys(name for name in ids.values() if name is not None)
        return [name for name in names if self.train_id(name) == IGNORE]

    def table(self, ids: RawIds) -> bytes:
        """Lookup table of 65536 train ids for raw ids of up to 16 bits: IGNORE if ignored, UNKNOWN if undefined.

        Raises:
            ConfigError: no class of the data set is in this label set.
        """
        train_ids = {raw: IGNORE if name is None else self.train_id(name) for raw, name in ids.items()}
        if all(train_id == IGNORE for train_id in train_ids.values()):
            names = ", ".join(sorted({name for name in ids.values() if name is not None}))
            raise ConfigError(
                f"no class of the data ({names}) is in label set {self.name!r} ({', '.join(self.classes)}): "
                "choose another label set, or other names in ids"
            )
        table = bytearray([UNKNOWN]) * RAW_IDS
        for raw, train_id in train_ids.items():
            table[raw] = train_id
        return bytes(table)
