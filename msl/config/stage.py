"""A stage's settings: groups of fields whose names are unique within the stage."""

import os
from collections.abc import Iterator
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from msl.config.choice import OnlyWith
from msl.config.group import Group
from msl.config.registry import nearest_names
from msl.config.validation import validated
from msl.errors import ConfigError


class StageConfig(BaseModel):
    """Base of a stage's settings: groups of fields with names that are unique within the stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Groups that change how a stage runs and is logged, and never its final weights.
    inert: ClassVar[frozenset[str]] = frozenset({"evaluation", "monitor", "runtime"})
    # Settings that change the meaning of a score, and not the weights.
    scoring: ClassVar[tuple[str, ...]] = ("eval_flip", "eval_scales", "resize_labels", "recalibrate")

    @classmethod
    def fields(cls) -> Iterator[tuple[str, str, FieldInfo]]:
        """Every (group, name, field) of the stage, in order."""
        for group, fields in cls.groups().items():
            for name, field in fields.model_fields.items():
                yield group, name, field

    @classmethod
    def groups(cls) -> dict[str, type[Group]]:
        """The groups of the stage, in order."""
        groups = {}
        for group, field in cls.model_fields.items():
            assert isinstance(field.annotation, type)
            assert issubclass(field.annotation, Group)
            groups[group] = field.annotation
        return groups

    @classmethod
    def options(cls) -> dict[str, FieldInfo]:
        """The fields that a user sets, by name."""
        return {name: field for group in cls.groups().values() for name, field in group.options().items()}

    @classmethod
    def of(cls, **values: Any) -> Self:
        """The settings with these fields, given by their names alone, and the defaults of all others.

        Raises:
            ConfigError: a field is unknown, missing, or a value does not fit.
        """
        group_of = {name: group for group, name, _ in cls.fields()}
        groups: dict[str, dict[str, Any]] = {group: {} for group in cls.groups()}
        for name, value in values.items():
            if name not in group_of:
                near = nearest_names(name, group_of)
                raise ConfigError(f"{name} is not a setting of {cls.__name__}; {near}docs/settings.md lists them")
            groups[group_of[name]][name] = value
        return validated(cls, groups)

    def edit(self, **values: Any) -> Self:
        """A copy with fields changed; raises as `of` does."""
        current = {name: getattr(getattr(self, group), name) for group, name, _ in self.fields()}
        return self.of(**(current | values))

    def located(self) -> Self:
        """The settings with data_root from MSL_DATA, if they have no value for it."""
        folder = os.environ.get("MSL_DATA")
        if not folder or "data_root" not in self.options() or self.flat()["data_root"] is not None:
            return self
        return self.edit(data_root=folder)

    def override(self, **values: Any) -> Self:
        """A copy with the values that a user sets. A value is refused if nothing reads it; a default is not.

        Raises:
            ConfigError: as for `edit`, or the chosen component does not have a setting that is given.
        """
        config = self.edit(**values)
        settings = config.flat()
        parts = [(name, part) for _, name, field in self.fields() if name in values for part in field.metadata]
        objections = [part.objection(name, settings) for name, part in parts if isinstance(part, OnlyWith)]
        if any(objections):
            raise ConfigError(" ".join(filter(None, objections)))
        return config

    def flat(self) -> dict[str, Any]:
        """Every setting by its name, in values that JSON can hold."""
        dumped = self.model_dump(mode="json")
        return {name: dumped[group][name] for group, name, _ in self.fields()}

    def decisive(self) -> dict[str, Any]:
        """The settings on which the trained weights depend."""
        flat = self.flat()
        return {name: flat[name] for group, name, _ in self.fields() if group not in self.inert}

    def scored_with(self) -> dict[str, Any]:
        """The settings that say which scores its evaluations have. No weights depend on them."""
        flat = self.flat()
        return {name: flat[name] for group, name, _ in self.fields() if group == "evaluation" and name != "panels"}

    def comparable(self) -> dict[str, Any]:
        """The settings on which scores depend: those that decide the weights, and those of scoring."""
        flat = self.flat()
        return self.decisive() | {name: flat[name] for name in self.scoring}


def refuse_too_many_processes(nproc: int, name: str, batch_size: int) -> None:
    """Refuse more processes than a batch has images.

    Raises:
        ValueError: so it is.
    """
    if nproc > batch_size:
        raise ValueError(
            f"nproc = {nproc} is larger than {name} = {batch_size}: the processes divide each batch, so each needs an "
            f"image. Pass nproc={batch_size} or fewer processes, or a larger {name}."
        )
