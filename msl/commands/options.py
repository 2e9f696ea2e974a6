"""Options made of settings: one for each field, with its description, its default and its choices."""

from collections.abc import Mapping
from typing import Any

import click
from pydantic.fields import FieldInfo

from msl.commands.completion import completion
from msl.commands.values import setting_value, spelled

# The value by which MLproject says that a parameter was not given, so that the recipe decides.
FROM_RECIPE = "recipe"


def setting_option(name: str, field: FieldInfo, default: object) -> click.Option:
    """The option of a setting; `default` is the one that its help shows. Its value stays as it was typed, or None."""
    value = setting_value(field)
    shown = "" if field.is_required() else f"  [default: {spelled(default)}]"
    # `--multi` is `--multi true`
    flag: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if value.kind is bool else {}
    return click.Option(
        [f"--{name}"],
        help=f"{field.description}{shown}",
        metavar=value.metavar,
        required=field.is_required(),
        shell_complete=completion(name, value),
        **flag,
    )


def parsed(typed: Mapping[str, str | None]) -> dict[str, str | None]:
    """What was really typed: without the options left out or left to the recipe; the word none means None."""
    values = {name: value for name, value in typed.items() if value is not None and value != FROM_RECIPE}
    return {name: None if value.lower() == "none" and name != "weights" else value for name, value in values.items()}
