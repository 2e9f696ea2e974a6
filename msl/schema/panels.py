"""Panels: for each picture in PANEL_FOLDER, a JSON file with the same stem describes the picture."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

Colour = tuple[int, int, int]  # red, green, blue
PANEL_KINDS: Final = ("image", "label", "prediction")


@dataclass(frozen=True)
class PanelRow:
    """A sample of a panel. Pixels from the top of the picture."""

    sample: str
    top: int
    height: int


@dataclass(frozen=True)
class PanelColumn:
    """What a panel shows of every sample. Pixels from the left of the picture."""

    kind: str  # one of PANEL_KINDS
    left: int
    width: int


@dataclass(frozen=True)
class PanelLayout:
    """The rows and columns of a panel, and the meaning of its colours."""

    rows: tuple[PanelRow, ...]
    columns: tuple[PanelColumn, ...]
    classes: Mapping[str, Colour]  # those that occur in its labels and predictions

    def to_json(self) -> str:
        """The content of the file beside the picture."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> "PanelLayout":
        """The layout that such a file describes.

        Raises:
            ValueError: the text is not JSON, or a field is missing or wrong.
        """
        try:
            content: dict[str, Any] = json.loads(text)
            rows = tuple(PanelRow(str(r["sample"]), int(r["top"]), int(r["height"])) for r in content["rows"])
            columns = tuple(PanelColumn(str(c["kind"]), int(c["left"]), int(c["width"])) for c in content["columns"])
            colours = {name: (int(r), int(g), int(b)) for name, (r, g, b) in content["classes"].items()}
            return cls(rows, columns, colours)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"this is not the description of a panel: {error!r}") from error


def panel_stem(role: str, step: int) -> str:
    """File name, without its ending, of the panel of a role after a step."""
    return f"{role}_{step:06d}"


def parse_panel_stem(stem: str) -> tuple[str, int] | None:
    """Role and step of such a name; None for any other name."""
    role, _, step = stem.rpartition("_")
    return (role, int(step)) if role and step.isdecimal() else None
