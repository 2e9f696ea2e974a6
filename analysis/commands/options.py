"""Options that several commands share, and how a command says what it refuses."""

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from analysis.errors import AnalysisError
from msl import schema
from msl.console import explained, guarded, masked
from msl.once import OnceOption

if TYPE_CHECKING:
    import pandas as pd

    from analysis.store import Store
    from analysis.tables import Table

F = TypeVar("F", bound=Callable[..., Any])

single_option = partial(click.option, cls=OnceOption)  # as `click.option`; given twice, it is refused

STORE = single_option(
    "--store",
    default=lambda: os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db"),
    help="URI of the run store: a database or a server.  [default: $MLFLOW_TRACKING_URI, or sqlite:///mlflow.db]",
)
EXPERIMENT = single_option("--experiment", required=True, help="Name of the experiment.")
ANY_EXPERIMENT = single_option("--experiment", help="Name of the experiment; all if left out.")
BASELINE = single_option(
    "--baseline",
    required=True,
    help="Group to compare with: its name, as a table shows it, or a part that no other name has.",
)
CHECKPOINT = single_option(
    "--which",
    type=click.Choice(schema.CHECKPOINTS),
    default=schema.LAST,
    show_default=True,
    help="Checkpoint.",
)
DOMAIN = single_option(
    "--domain", type=click.Choice([schema.TARGET, schema.SOURCE]), default=schema.TARGET, show_default=True
)
_RAW = "analysis.raw"
_FORMAT = single_option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "latex", "csv", "html"]),
    default="text",
    show_default=True,
)


RAW = click.option(
    "--raw",
    is_flag=True,
    expose_value=False,
    callback=lambda context, _, value: context.meta.update({_RAW: value}),
    help="Texts in CSV as they are, for programs; else a text that a spreadsheet would run as a formula begins with '.",
)


def table_options(command: F) -> F:
    """Decorator: the options of every command that writes a table."""
    for option in (STORE, RAW, _FORMAT, ANY_EXPERIMENT):
        command = option(command)
    return command


def is_raw() -> bool:
    """Whether the command that runs now was called with --raw."""
    return bool(click.get_current_context().meta.get(_RAW))


def split_names(names: str | None) -> Sequence[str] | None:
    """The names in a text with commas between; None if there is no text."""
    return [name.strip() for name in names.split(",") if name.strip()] if names else None


def runs_of_msl(store: "Store", experiment: str | None) -> "pd.DataFrame":
    """The runs that the tags of msl mark; says on the error output how many others are beside them."""
    from analysis.store import passed_over_text

    runs, passed_over = store.marked_runs(experiment)
    if passed_over:
        click.echo(passed_over_text(passed_over), err=True)
    return runs


def print_table(table: "Table", form: str) -> None:
    """Write a table to the terminal."""
    from analysis.tables import FORMATS, as_raw_csv

    click.echo(as_raw_csv(table) if form == "csv" and is_raw() else FORMATS[form](table))


@contextmanager
def plain_errors() -> Iterator[None]:
    """What analysis refuses in this block ends the command with one line and no traceback.

    What the encoding of the terminal cannot hold is written as an escape.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except AnalysisError as error:
        from analysis.tables import one_line

        raise click.ClickException(masked(one_line(str(error)))) from error
    except Exception as error:
        if (text := explained(error, _store_of_command())) is None:
            raise
        raise click.ClickException(text) from error


def _store_of_command() -> str | None:
    """The address that the command was called with."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.params.get("store")


class GuardedGroup(click.Group):
    """Commands of which an error that nobody expected is one line, and a traceback in a file."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was typed."""
        with guarded(click.ClickException, click.Abort, click.exceptions.Exit):
            return super().invoke(ctx)
