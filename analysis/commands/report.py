"""The command that writes a report."""

from pathlib import Path

import click

from analysis.commands.options import BASELINE, EXPERIMENT, STORE, plain_errors, single_option


@click.command()
@EXPERIMENT
@BASELINE
@single_option(
    "--output", type=click.Path(path_type=Path), default="report.html", show_default=True, help="Ends in .html or .md."
)
@STORE
def report(experiment: str, baseline: str, output: Path, store: str) -> None:
    """Write an experiment's report: runs, tables, curves, verdicts on claims, panels."""
    with plain_errors():
        from analysis.report import write_report

        for file in write_report(store, experiment, baseline, output):
            click.echo(file)
