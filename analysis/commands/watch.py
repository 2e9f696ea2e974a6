"""The command that shows runs while they train, and shows them again."""

import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

import click

from analysis.commands.tables import STORE, told_plainly
from analysis.errors import AnalysisError

if TYPE_CHECKING:
    from analysis.store import Store

_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


@click.command()
@click.option("--experiment", help="Name of the experiment; all if left out.")
@click.option("--every", type=click.FloatRange(0.1), default=5.0, show_default=True, help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="Look once and end.")
@STORE
def watch(experiment: str | None, every: float, once: bool, store: str) -> None:
    """Show the runs under way, again and again until Ctrl-C: iteration, loss, target mIoU, speed, last sign of life."""
    try:
        with told_plainly():
            from analysis import open_store

            views = looks(open_store(store), experiment, every)
            first = next(views)
            if once:
                click.echo(first)
                return
            click.clear()  # of a terminal
            for view in chain([first], views):
                _show(view)
    except KeyboardInterrupt:
        return  # this is how one stops watching


def looks(store: "Store", experiment: str | None, every: float) -> Iterator[str]:
    """What there is to see, every so many seconds; after the first time, a store that fails is asked again.

    Raises:
        AnalysisError: at the first time, as `under_way` says.
    """
    from analysis.commands.progress import under_way
    from analysis.tables.formats import as_text, plain

    view = as_text(under_way(store, experiment, datetime.now(UTC)))
    yield view
    while True:
        time.sleep(every)
        try:
            view = as_text(under_way(store, experiment, datetime.now(UTC)))
        except AnalysisError as error:
            yield f"{plain(str(error))}; asked again every {every:g} s\n\n{view}"
        else:
            yield view


def fitting(view: str, columns: int, lines: int) -> list[str]:
    """The lines that a terminal holds, none longer than it is wide."""
    all_lines = view.splitlines()
    kept = all_lines if len(all_lines) < lines else [*all_lines[: lines - 2], "…"]
    return [line if len(line) <= columns else line[: columns - 1] + "…" for line in kept]


def _show(view: str) -> None:
    if not sys.stdout.isatty():
        click.echo(f"{view}\n")
        return
    lines = fitting(view, *shutil.get_terminal_size())
    click.echo(_HOME + "".join(f"{line}{_REST_OF_LINE}\n" for line in lines) + _REST_OF_SCREEN, nl=False)
