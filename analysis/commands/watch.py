"""The command that shows runs while they train, again and again."""

import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

import click

from analysis.commands.options import ANY_EXPERIMENT, STORE, plain_errors, single_option
from analysis.errors import AnalysisError

if TYPE_CHECKING:
    from analysis.store import Store

_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


@click.command()
@ANY_EXPERIMENT
@single_option(
    "--every", type=click.FloatRange(0.1), default=5.0, show_default=True, help="Seconds from one view to the next."
)
@click.option("--once", is_flag=True, help="Show one view and end.")
@STORE
def watch(experiment: str | None, every: float, once: bool, store: str) -> None:
    """Show the runs in progress until Ctrl-C: iteration, loss, target mIoU, speed, last sign of life."""
    try:
        with plain_errors():
            from analysis.store import open_store

            successive = views(open_store(store), experiment, every)
            first = next(successive)
            if once:
                click.echo(first)
                return
            click.clear()  # of a terminal
            for view in chain([first], successive):
                _show(view)
    except KeyboardInterrupt:
        return  # the way to stop watching


def views(store: "Store", experiment: str | None, every: float) -> Iterator[str]:
    """The table of runs in progress, every so many seconds; a store that fails after the first view is asked again.

    Raises:
        AnalysisError: at the first view, as `progress_table` says.
    """
    from analysis.tables import one_line

    view = _view(store, experiment)
    yield view
    while True:
        time.sleep(every)
        try:
            view = _view(store, experiment)
        except AnalysisError as error:
            yield f"{one_line(str(error))}; asked again every {every:g} s\n\n{view}"
        else:
            yield view


def _view(store: "Store", experiment: str | None) -> str:
    """The table of runs in progress; without one, the sentence that there is none."""
    from analysis.commands.progress import progress_table
    from analysis.tables import as_text

    table = progress_table(store, experiment, datetime.now(UTC))
    return as_text(table) if table.rows else table.caption


def fitting(view: str, columns: int, lines: int) -> list[str]:
    """The lines that fit on a terminal, each cut to its width."""
    all_lines = view.splitlines()
    first_lines = all_lines if len(all_lines) < lines else [*all_lines[: lines - 2], "…"]
    return [line if len(line) <= columns else line[: columns - 1] + "…" for line in first_lines]


def _show(view: str) -> None:
    if not sys.stdout.isatty():
        click.echo(f"{view}\n")
        return
    lines = fitting(view, *shutil.get_terminal_size())
    click.echo(_HOME + "".join(f"{line}{_REST_OF_LINE}\n" for line in lines) + _REST_OF_SCREEN, nl=False)
