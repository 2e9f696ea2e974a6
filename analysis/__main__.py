"""The command line: ``python -m analysis table --experiment NAME --baseline GROUP``."""

import click

from analysis import commands


@click.group()
def main() -> None:
    """Tables out of the run store."""


for command in (commands.table, commands.classes, commands.ablation, commands.claims):
    main.add_command(command)

if __name__ == "__main__":
    main()
