"""The list of recipes."""

import click

from msl.recipes import RECIPES, Recipe, find_recipe

_HEADER = ("recipe", "data", "network", "input", "iterations", "time")
# As README.md and docs/experiments.md say of the recipes that were run.
_TIMES = {
    "streets": "8 minutes, 2 CPU cores",
    "streets_dusk": "8 minutes, 2 CPU cores",
    "streets_start": "30 minutes, 2 CPU cores",
    "camvid_day_dusk": "15 minutes, 2 CPU cores",
}
# On a GPU with 12 GB, with one image in a step, as `msl.recipes.benchmarks` estimates it.
_ITERATIONS_A_DAY = {"pretrain": 80_000, "adapt": 2 * 29_760}
_UNKNOWN = "not known"


@click.command("recipes")
def recipes() -> None:
    """List the recipes: data, network, size of the input, iterations of pretrain and adapt, time.

    `msl adapt --recipe NAME --dry_run true` prints every setting.
    """
    rows = [_HEADER, *(_row(name, find_recipe(name)) for name in RECIPES)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _row(name: str, recipe: Recipe) -> tuple[str, ...]:
    pretraining, adaptation = recipe.pretrain, recipe.adapt
    model = adaptation.model
    width, height = pretraining.source.crop_size
    return (
        name,
        _data(recipe),
        f"{model.network} {model.backbone}{'' if model.width == 1 else f' x{model.width:g}'}",
        f"{width}x{height}",
        f"{pretraining.schedule.stop(1)} + {_adaptation(recipe) or f'{adaptation.schedule.epochs} epochs'}",
        _TIMES.get(name) or _estimate(name, recipe),
    )


def _data(recipe: Recipe) -> str:
    """Source and target; of styled copies the domains that they are made of."""
    source, target = recipe.adapt.source.source, str(recipe.adapt.target.target)
    text = f"{recipe.styled.get(source, source)} → {recipe.styled.get(target, target)}"
    return f"{text}, styled" if {source, target} & recipe.styled.keys() else text


def _adaptation(recipe: Recipe) -> int | None:
    """Iterations of stage adapt; None if the length of an epoch depends on the data."""
    epoch_iters = recipe.adapt.schedule.epoch_iters
    return None if epoch_iters is None else recipe.adapt.schedule.horizon(epoch_iters)


def _estimate(name: str, recipe: Recipe) -> str:
    """Days of pretrain and adapt, where the estimate of the benchmarks holds."""
    iterations, network = _adaptation(recipe), recipe.adapt.model
    if iterations is None or recipe.adapt.optimizer.batch_size != 1 or network.backbone != "resnet101":
        return _UNKNOWN
    if "/joint_" in name:
        return _UNKNOWN
    pretraining = recipe.pretrain.schedule.stop(1) / _ITERATIONS_A_DAY["pretrain"]
    days = pretraining + iterations / _ITERATIONS_A_DAY["adapt"]
    return f"{days:g} days, GPU (estimated){', and the copies' if recipe.styled else ''}"
