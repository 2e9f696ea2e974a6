"""The commands that draw: figures, panels, and the report that holds everything."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.commands.tables import STORE, told_plainly
from analysis.errors import AnalysisError, unknown

if TYPE_CHECKING:
    from analysis.seeds.groups import SeedGroup

_EXPERIMENT = click.option("--experiment", required=True, help="Name of the experiment.")
_GROUPS = click.option(
    "--group",
    "names",
    multiple=True,
    help="A group, or a part of its name; may be given several times; all if left out.",
)


@click.command()
@_EXPERIMENT
@_GROUPS
@click.option(
    "--metrics",
    default="target/mIoU,source/mIoU,loss/source,loss/target",
    show_default=True,
    help="One plot each, with commas between; of a scatter, the one that is drawn (mIoU, best/PA, target_loss, …).",
)
@click.option("--axis", type=click.Choice(["step", "epoch"]), default="step", show_default=True)
@click.option("--smoothing", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True)
@click.option("--classes", is_flag=True, help="Bars of every class's IoU in place of curves.")
@click.option("--against", help="A parameter: every run's metric against it, in place of curves.")
@click.option("--output", type=click.Path(path_type=Path), default="curves", show_default=True, help="Without ending.")
@STORE
def curves(experiment: str, names: tuple[str, ...], output: Path, store: str, **asked: Any) -> None:
    """Draw a figure over seed groups, as SVG and as PNG."""
    with told_plainly():
        from analysis import open_store
        from analysis.figures import curves as bands
        from analysis.figures import plots as figures
        from analysis.figures import style as house_style
        from analysis.seeds.groups import find_measure
        from analysis.seeds.trends import with_courses

        opened = open_store(store)
        runs = opened.runs(experiment)
        groups = _chosen(runs, names)
        metrics = [name.strip() for name in asked["metrics"].split(",") if name.strip()]
        if asked["classes"]:
            figure = figures.class_bars(list(groups.values()))
        elif asked["against"]:
            runs = with_courses(opened, runs)
            found = find_measure(metrics[0].removeprefix("target/"), runs)
            figure = figures.scatter(list(_chosen(runs, names).values()), asked["against"], found)
        else:
            drawn = bands.bands(opened, groups, metrics, asked["axis"], asked["smoothing"])
            if not drawn:
                raise unknown("curve", asked["metrics"], {str(c) for c in runs if "/" in str(c)})
            figure = figures.curves(drawn, asked["axis"])
        for file in house_style.save(figure, output):
            click.echo(file)


@click.command()
@_EXPERIMENT
@_GROUPS
@click.option("--domain", type=click.Choice(["target", "source"]), default="target", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default="panels.png", show_default=True)
@STORE
def panels(experiment: str, names: tuple[str, ...], domain: str, output: Path, store: str) -> None:
    """Put image, label and the predictions of several groups side by side."""
    with told_plainly():
        from analysis import open_store
        from analysis.figures.panels import panels as drawn
        from analysis.store.artifacts import Artifacts

        groups = _chosen(open_store(store).runs(experiment), names)
        picture, _, missing = drawn(Artifacts(store), list(groups.values()), domain)
        try:
            picture.save(output)
        except (OSError, ValueError) as error:
            raise AnalysisError(f"{output} cannot be written: {error}") from error
        for line in (*missing, str(output)):
            click.echo(line)


@click.command()
@_EXPERIMENT
@click.option("--baseline", required=True, help="Group to compare with: its name, or a part that no other has.")
@click.option(
    "--output", type=click.Path(path_type=Path), default="report.html", show_default=True, help="Ends in .html or .md."
)
@STORE
def report(experiment: str, baseline: str, output: Path, store: str) -> None:
    """Write an experiment's report: runs, tables, curves, verdicts on claims, panels."""
    with told_plainly():
        from analysis.report.files import report as written

        for file in written(store, experiment, baseline, output):
            click.echo(file)


def _chosen(runs: Any, names: tuple[str, ...]) -> "dict[str, SeedGroup]":
    from analysis.seeds.groups import find_group, seed_groups

    groups = seed_groups(runs)
    return {group.name: group for group in (find_group(name, groups) for name in names)} or groups
