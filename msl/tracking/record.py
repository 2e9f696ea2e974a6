"""The content of a run's ``config.json``: enough to describe the run, and to resume it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run as it was started."""

    stage: str
    settings: Mapping[str, Any]  # resolved, flat
    recipe: str | None = None
    group: str | None = None
    classes: tuple[str, ...] | None = None  # of the network
    data: Mapping[str, str] | None = None  # digests of the training data
    start: str | None = None  # the checkpoint that it started from
    starts: Mapping[str, str] = field(default_factory=dict)  # every result that it started from, by setting
    reasons: Mapping[str, str] = field(default_factory=dict)  # why settings that were chosen have their values
    attempts: tuple[Mapping[str, Any], ...] = ()  # each start of the run: machine, code, step, settings of the machine
    extra: Mapping[str, Any] = field(default_factory=dict)  # entries that only this stage has

    def to_json(self) -> dict[str, Any]:
        """The content of the file; fields that do not apply to the run's stage are left out."""
        values = {name: getattr(self, name) for name in _NAMES}
        content = {name: value for name, value in values.items() if value not in (None, {}, ())}
        return content | dict(self.extra)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The record in the file; files of older runs lack the fields that were added later.

        Raises:
            KeyError: msl did not write the file.
        """
        values = {name: content[name] for name in _NAMES if name in content}
        if values.get("classes") is not None:
            values["classes"] = tuple(values["classes"])
        values["attempts"] = tuple(values.get("attempts", ()))
        if values.get("start") and "starts" not in values:
            values["starts"] = {"checkpoint": values["start"]}
        extra = {name: value for name, value in content.items() if name not in _NAMES}
        return cls(**{"stage": content["stage"], "settings": content["settings"]} | values, extra=extra)


_NAMES = tuple(entry.name for entry in fields(RunRecord) if entry.name != "extra")
