"""The command line: ``msl STAGE --option value``, and the same commands for entry points.

An option is a setting: its name, description, choices and bounds are the field's. `catalog` lists the commands, and
nothing of one is imported before it is typed. This is the one room that knows click.
"""

from msl.commands.catalog import find_command
from msl.commands.group import main

__all__ = ["find_command", "main"]
