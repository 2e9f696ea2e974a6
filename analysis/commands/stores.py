"""The commands that list runs and copy whole experiments from one store to another."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.commands.options import (
    ANY_EXPERIMENT,
    EXPERIMENT,
    RAW,
    STORE,
    is_raw,
    plain_errors,
    runs_of_msl,
    single_option,
)
from msl import schema
from msl.console import masked

if TYPE_CHECKING:
    import pandas as pd

_MIOU = schema.final(schema.LAST, schema.score(schema.TARGET, schema.MIOU))
_SHOWN = ["run_id", "status", "start", schema.STAGE, schema.GROUP, _MIOU]


@click.command("runs")
@ANY_EXPERIMENT
@single_option("--format", "form", type=click.Choice(["text", "csv"]), default="text", show_default=True)
@RAW
@STORE
def list_runs(experiment: str | None, form: str, store: str) -> None:
    """List runs: as text a few columns, as CSV every tag, parameter and last metric."""
    with plain_errors():
        from analysis.store import open_store
        from analysis.tables import one_line

        runs = runs_of_msl(open_store(store), experiment)
    if form == "csv":
        click.echo((runs if is_raw() else _for_spreadsheets(runs)).to_csv(index=False), nl=False)
    elif runs.empty:
        click.echo("no runs; `mlflow run . -e adapt --env-manager local` makes one")
    else:
        table = runs.reindex(columns=_SHOWN)
        dead = _dead(runs)
        table.loc[dead.index, "status"] = "dead"
        table["start"] = table["start"].dt.strftime("%Y-%m-%d %H:%M")
        for column in (schema.STAGE, schema.GROUP):
            table[column] = table[column].map(one_line, na_action="ignore")
        click.echo(table.to_string(index=False, na_rep="", float_format="{:.2f}".format))
        for run_id, since in zip(runs.loc[dead.index, "run_id"], dead, strict=True):
            click.echo(f"run {run_id}: no sign of life since {since:%Y-%m-%d %H:%M} UTC; resume={run_id} continues it")


def _for_spreadsheets(runs: "pd.DataFrame") -> "pd.DataFrame":
    from analysis.tables import spreadsheet_text

    def shown(value: object) -> object:
        return spreadsheet_text(value) if isinstance(value, str) else value

    texts = runs.select_dtypes(exclude=["number", "datetimetz"]).columns
    return runs.assign(**{column: runs[column].map(shown) for column in texts}).rename(columns=shown)


def _dead(runs: "pd.DataFrame") -> "pd.Series[pd.Timestamp]":
    """Of the dead runs the last sign of life."""
    from analysis.store.life import dead_since

    return dead_since(runs, datetime.now(UTC)).dropna()


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@EXPERIMENT
@click.option("--artifacts", is_flag=True, help="Fetch checkpoints, panels and tables too.")
@STORE
def export_experiment(folder: Path, experiment: str, artifacts: bool, store: str) -> None:
    """Write an experiment, every run and every logged row, into FOLDER as Parquet files."""
    with plain_errors():
        from analysis.store import open_store
        from analysis.store.export import export

        runs = export(open_store(store), experiment, folder, store if artifacts else None)
    click.echo(f"{len(runs)} runs with {runs['rows'].sum()} rows of metrics are in {folder}")


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@single_option("--experiment", help="Name of the experiment in the other store; the exported name if left out.")
@STORE
def import_experiment(folder: Path, experiment: str | None, store: str) -> None:
    """Put the experiment that `export` wrote into FOLDER into another store, where its runs get new IDs."""
    with plain_errors():
        from analysis.store.load import load

        runs = load(folder, store, experiment, click.echo)
    click.echo(f"{len(runs)} runs are in {masked(store)}")
