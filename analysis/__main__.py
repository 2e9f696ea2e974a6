"""The command line: ``python -m analysis table --experiment NAME --baseline GROUP``."""

import click

from analysis.commands import figures, watch
from analysis.commands import stores as store_commands
from analysis.commands import tables as commands


@click.group()
def main() -> None:
    """Tables, figures and reports out of the run store, and the store itself."""


for command in (
    store_commands.runs,
    watch.watch,
    commands.table,
    commands.classes,
    commands.ablation,
    commands.claims,
    figures.curves,
    figures.panels,
    figures.report,
    store_commands.write,
    store_commands.read,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
