"""Options made from settings: one for each field, with its description, default and choices."""

from typing import Any

import click
from pydantic.fields import FieldInfo

from msl.commands.completion import completion
from msl.commands.values import setting_value, spell
from msl.once import OnceOption


def setting_option(name: str, field: FieldInfo, default: object) -> click.Option:
    """The option of a setting; its help shows `default`. Its value is the text that was typed, or None."""
    value = setting_value(field)
    shown = "" if field.is_required() else f"  [default: {spell(default)}]"
    # `--multi` means `--multi true`.
    flag: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if value.kind is bool else {}
    return OnceOption(
        [f"--{name}"],
        help=f"{field.description}{shown}",
        metavar=value.metavar,
        required=field.is_required(),
        shell_complete=completion(name, value),
        **flag,
    )
