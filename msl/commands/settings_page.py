"""The page of all settings, docs/settings.md: ``python -m msl.commands.settings_page > docs/settings.md``."""

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import fill
from typing import NamedTuple

import click
from pydantic.fields import FieldInfo

from msl.commands.catalog import COMMANDS, find_command
from msl.commands.command import Settings, SettingsCommand
from msl.commands.values import Value, setting_value, spell
from msl.config import Group, RequestConfig, StageConfig
from msl.config.catalog import DOMAINS
from msl.config.choice import OnlyWith
from msl.labels import LABEL_SETS
from msl.recipes import RECIPES

_INTRODUCTION = """\
# Settings

Every setting of every command that has settings. `python -m msl.commands.settings_page > docs/settings.md` writes this
page, and a test fails if it is not current.

A setting has one name: it is the option `--lambda_target 0.09` of `msl adapt`, the parameter `-P lambda_target=0.09` of
`mlflow run`, and the parameter `cfg.lambda_target` of a run. The defaults on this page are those of the settings
themselves. A recipe changes many of them: `msl adapt --recipe NAME --dry_run true` prints every value that a run would
have. The word `none` means: no value.
"""

# Bounds by their attribute in a rule.
_BOUNDS = (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than"))
_KINDS = {int: "whole number", float: "number", Path: "path", str: "text"}


class Use(NamedTuple):
    """A setting in a command."""

    command: str
    group: type[Group]  # the class that declares it
    name: str
    field: FieldInfo


def page() -> str:
    """The page, in Markdown."""
    uses = [use for command in COMMANDS for use in _uses(command)]
    groups = dict.fromkeys(use.group for use in uses)
    sections = [_section(group, [use for use in uses if use.group is group]) for group in groups]
    return "\n".join([_INTRODUCTION, *_names(), _index(uses), *sections])


def _names() -> Iterator[str]:
    """The names that settings without a fixed list of choices can take."""
    for kind, names in {"Recipes": RECIPES, "Domains": DOMAINS, "Label sets": LABEL_SETS}.items():
        yield fill(f"{kind}: {_code(names)}.", 120, break_on_hyphens=False, break_long_words=False) + "\n"


def _uses(name: str) -> Iterator[Use]:
    """The settings of a command; some are given twice if a command runs two stages."""
    command = find_command(name)
    options = {parameter.name for parameter in command.params}
    settings: list[type[Settings]] = [RequestConfig, *command.settings] if isinstance(command, SettingsCommand) else []
    for group in (group for part in settings for group in _groups(part)):
        for option, field in group.options().items():
            if option in options:
                yield Use(name, _home(group, option), option, field)


def _groups(settings: type[Settings]) -> list[type[Group]]:
    if issubclass(settings, StageConfig):
        return list(settings.groups().values())
    assert issubclass(settings, Group)
    return [settings]


def _home(group: type[Group], option: str) -> type[Group]:
    """The class that declares a field of a group: the group, or a class that it extends."""
    return next(part for part in group.__mro__ if option in inspect.get_annotations(part))


def _index(uses: list[Use]) -> str:
    """The groups of settings that each command has."""
    rows = ["| command | settings |", "|---|---|"]
    for command in dict.fromkeys(use.command for use in uses):
        titles = dict.fromkeys(_title(use.group) for use in uses if use.command == command)
        links = ", ".join(f"[{title}](#{title.lower().replace(' ', '-')})" for title in titles)
        rows.append(f"| `{command}` | {links} |")
    return "\n".join(rows) + "\n"


def _section(group: type[Group], uses: list[Use]) -> str:
    """A heading, the commands, and a row for each setting."""
    commands = {use.command: None for use in uses}
    rows = ["| setting | values | default | meaning |", "|---|---|---|---|"]
    for name, field in {use.name: use.field for use in uses}.items():
        users = {use.command: None for use in uses if use.name == name}
        only = "" if len(users) == len(commands) else f" Only in {_code(users)}."
        value = setting_value(field)
        rows.append(
            _row(f"`{name}`", describe(value), _default(field), f"{field.description}{_condition(value)}{only}")
        )
    about = (group.__doc__ or "").partition("\n")[0]
    return "\n".join([f"## {_title(group)}\n", f"{about} In {_code(commands)}.\n", *rows]) + "\n"


def _title(group: type[Group]) -> str:
    """``Style images`` of StyleImagesConfig."""
    words = re.findall("[A-Z][a-z]*", group.__name__.removesuffix("Config"))
    return " ".join(words).capitalize()


def describe(value: Value) -> str:
    """The values that a setting takes, in words: ``whole number, at least 1; or none``."""
    return _words(value) + ("; or none" if value.optional else "")


def _words(value: Value) -> str:
    if value.choices:
        return _code(value.choices)
    if value.kind is bool:
        return _code(["true", "false"])
    single = value.parts[0] if value.parts else value
    words = ", ".join([_KINDS[single.kind], *_bounds(single)])
    return f"`{value.metavar}`, each a {words}" if value.parts else words


def _bounds(value: Value) -> list[str]:
    rules = [(rule, name, words) for rule in value.rules for name, words in _BOUNDS if hasattr(rule, name)]
    return [f"{words} {getattr(rule, name)}" for rule, name, words in rules]


def _condition(value: Value) -> str:
    """The choice of another setting that this setting needs."""
    marks = [rule for rule in value.rules if isinstance(rule, OnlyWith)]
    return "".join(f" Only with `{mark.setting}` {_code(mark.values)}." for mark in marks)


def _default(field: FieldInfo) -> str:
    word = spell(field.default)
    return "required" if field.is_required() else f"`{word.lower() if isinstance(field.default, bool) else word}`"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    click.echo(page(), nl=False)
