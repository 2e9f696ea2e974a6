"""Shell completion for the value of a setting: its choices, known names, files."""

from collections.abc import Callable, Collection, Mapping
from functools import partial

import click
from click.shell_completion import CompletionItem

from msl.commands.values import Value
from msl.config.catalog import DOMAINS
from msl.labels import LABEL_SETS
from msl.recipes import RECIPES

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

# Known names for settings that also take other values, such as a file.
_NAMES: Mapping[str, Collection[str]] = {"recipe": RECIPES, "label_set": LABEL_SETS} | dict.fromkeys(
    ("source", "target", "content", "style"), DOMAINS
)


def completion(name: str, value: Value) -> Completion:
    """The completion of a setting's option."""
    return partial(_complete, name, value)


def _complete(
    name: str, value: Value, context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    first_values, comma, start = incomplete.rpartition(",")  # of several values, the last is completed
    names = [CompletionItem(f"{first_values}{comma}{word}") for word in _words(name, value) if word.startswith(start)]
    return names or [CompletionItem(incomplete, type="file")]


def _words(name: str, value: Value) -> list[str]:
    words = ["true", "false"] if value.kind is bool else value.choices or list(_NAMES.get(name, ()))
    return [*words, "none"] if words and value.optional else words
