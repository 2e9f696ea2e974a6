"""The command line: ``msl STAGE --option value``, and the same commands for entry points.

An option is a setting: it has the name, description, choices and bounds of the field. `catalog` lists the commands; a
command's module is imported when the command is used. Only this package uses click.
"""

from msl.commands.catalog import find_command
from msl.commands.group import main

__all__ = ["find_command", "main"]
