"""The command line: ``python -m analysis table --experiment NAME --baseline GROUP``."""

import click

from analysis.commands.evidence import attribution, power, selectors
from analysis.commands.figures import curves, panels
from analysis.commands.options import GuardedGroup
from analysis.commands.report import report
from analysis.commands.stores import export_experiment, import_experiment, list_runs
from analysis.commands.tables import ablation, claims, classes, table
from analysis.commands.watch import watch


@click.group(cls=GuardedGroup)
def main() -> None:
    """Tables, figures and reports out of the run store, and the store itself."""


for command in (
    list_runs,
    watch,
    table,
    classes,
    ablation,
    attribution,
    selectors,
    power,
    claims,
    curves,
    panels,
    report,
    export_experiment,
    import_experiment,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
