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
        """What to say to someone who gives the marked setting; None if it is read.

        Args:
            name: of the marked setting.
            settings: all, by name.
        """
        choice = settings[self.setting]
        if choice in self.values:
            return None
        fitting = " or ".join(f"{self.setting}={other}" for other in self.values)
        refused = f"{name} = {settings[name]}: {self.setting} = {choice} has no such setting"
        return f"{refused}. Leave {name} out, or pass {fitting}."
