"""The command line: ``python -m analysis table --experiment NAME --baseline GROUP``."""

import click

from analysis import commands, store_commands


@click.group()
def main() -> None:
    """Tables out of the run store, and the store itself."""


for command in (commands.table, commands.classes, commands.ablation, commands.claims):
    main.add_command(command)
for command in (store_commands.runs, store_commands.write, store_commands.read):
    main.add_command(command)

if __name__ == "__main__":
    main()
