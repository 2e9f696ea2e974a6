"""The page of all settings is current, and says of each what its option does."""

import pytest
from conftest import REPOSITORY

from msl.commands import find_command
from msl.commands.catalog import COMMANDS
from msl.commands.command import SettingsCommand
from msl.commands.settings_page import describe, page
from msl.commands.values import value_of
from msl.config import Dilations, Size
from msl.config.catalog import TargetMode


def test_the_page_is_current():
    written = (REPOSITORY / "docs/settings.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m msl.commands.settings_page > docs/settings.md"


def test_every_option_has_its_row():
    rows = {line.split("`")[1] for line in page().splitlines() if line.startswith("| `")}
    commands = [find_command(name) for name in COMMANDS]
    options = {p.name for command in commands if isinstance(command, SettingsCommand) for p in command.params}
    assert options - {"log_format"} <= rows


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (bool, "`true`, `false`"),
        (float | None, "number; or none"),
        (TargetMode, "`maxsquare`, `IW_maxsquare`, `entropy`, `IW_entropy`, `hard`"),
        (Size | None, "`WIDTH,HEIGHT`, each a whole number, at least 16, at most 16384; or none"),
        (Dilations, "`NUMBER,NUMBER,…`, each a whole number, at least 1, at most 256"),
    ],
)
def test_what_a_setting_takes_in_words(annotation, words):
    assert describe(value_of(annotation)) == words


def test_a_setting_that_only_some_commands_have_says_so():
    lines = page().splitlines()
    assert next(line for line in lines if line.startswith("| `resume`")).endswith("`train_style`, `stylize`. |")
    assert next(line for line in lines if line.startswith("| `epoch_each_round`")).endswith("Epochs in a round. |")


def test_a_setting_that_only_some_choices_have_says_so():
    assert next(line for line in page().splitlines() if line.startswith("| `momentum`")).endswith(
        "Only with `optimizer` `sgd`. |"
    )
