"""Settings that only some choices have."""

from collections.abc import Mapping
from typing import Any


class OnlyWith:
    """Marks a setting that is read only where another setting has one of these values.

    ``momentum: Annotated[float, OnlyWith("optimizer", "sgd")]``. See `StageConfig.override`.
    """

    def __init__(self, setting: str, *values: str) -> None:
        self.setting, self.values = setting, values

    def objection(self, name: str, settings: Mapping[str, Any]) -> str | None:
        """The error if the marked setting is given and not read; None if it is read.

        Args:
            name: of the marked setting.
            settings: the values of all settings, by name.
        """
        choice = settings[self.setting]
        if choice in self.values:
            return None
        choices = " or ".join(f"{self.setting}={value}" for value in self.values)
        problem = f"{name} = {settings[name]}: {self.setting} = {choice} has no such setting"
        return f"{problem}. Leave {name} out, or pass {choices}."
