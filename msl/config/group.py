"""The base of all groups of settings: frozen values that refuse unknown names."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from msl.config.validation import validated


class Group(BaseModel):
    """Fields that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @classmethod
    def options(cls) -> dict[str, FieldInfo]:
        """The fields that a user sets, by name."""
        return {name: field for name, field in cls.model_fields.items() if not _is_derived(field)}

    @classmethod
    def of(cls, **values: Any) -> Self:
        """The group with these values, and the defaults of all other fields.

        Raises:
            ConfigError: a field is unknown, missing, or a value does not fit.
        """
        return validated(cls, values)

    def located(self) -> Self:
        """The group, resolved for this machine: unchanged."""
        return self

    def flat(self) -> dict[str, Any]:
        """Every field by its name, in values that JSON can hold."""
        return self.model_dump(mode="json")


def _is_derived(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and extra.get("option") is False
