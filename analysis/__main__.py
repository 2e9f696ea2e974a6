"""The command line: ``python -m analysis table --experiment NAME --baseline GROUP``."""

import os
from collections.abc import Callable

import click

from analysis.errors import AnalysisError


@click.group()
def main() -> None:
    """Tables out of the run store."""


@main.command()
@click.option("--experiment", help="Name of the experiment; all if left out.")
@click.option("--baseline", required=True, help="Group to compare with: its name, or a part that no other has.")
@click.option("--format", "style", type=click.Choice(["text", "markdown", "csv"]), default="text", show_default=True)
@click.option(
    "--store",
    default=lambda: os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db"),
    help="URI of the run store's database.  [default: $MLFLOW_TRACKING_URI, or sqlite:///mlflow.db]",
)
def table(experiment: str | None, baseline: str, style: str, store: str) -> None:
    """Compare seed groups: mean ± std over seeds, difference to the baseline, after the last step and at best."""
    from analysis import open_store, tables

    written: dict[str, Callable[[tables.Comparison], str]] = {
        "text": tables.as_text,
        "markdown": tables.as_markdown,
        "csv": tables.as_csv,
    }
    try:
        runs = open_store(store).runs(experiment)
        click.echo(written[style](tables.compare(runs, baseline)))
    except AnalysisError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
