"""The commands of the stages that a recipe has settings of: those that train or make data."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from msl.commands.catalog import SECTIONS
from msl.commands.command import SettingsCommand
from msl.commands.outcome import print_outcome
from msl.config import RequestConfig, StageConfig
from msl.config.catalog import STAGES
from msl.recipes import Request, find_recipe

if TYPE_CHECKING:
    from msl.runs import Outcome


def _run(request: Request) -> "Outcome":
    from msl.runs import run

    return run(request)


def training_command(
    *stages: str, text: str, tell: "Callable[[Outcome], None]", name: str | None = None, **fixed: Any
) -> SettingsCommand:
    """The command of a stage that a recipe has settings of.

    Args:
        stages: the stage; or two, of which the second is meant where a checkpoint to start from is given.
        text: what it does.
        tell: prints what came of it.
        name: of the command, if it is not the stage's.
        fixed: settings that this command decides.
    """

    def plan(call: RequestConfig, values: dict[str, Any]) -> tuple[StageConfig, Callable[[], None]]:
        request = Request(
            stage=stages[-1] if "checkpoint" in values else stages[0],
            recipe=call.recipe,
            overrides=values if call.resume else values | fixed,
            group=call.group,
            resume=call.resume,
        )
        return request.settings(), lambda: tell(_run(request))

    shown = RequestConfig().recipe
    # The first stage's fields and defaults hold where two stages have them both.
    configs = [getattr(find_recipe(shown), stage) for stage in reversed(stages)]
    return SettingsCommand(
        name or stages[0],
        f"{text}\n\nDefaults are the recipe's; those shown are of recipe {shown}.",
        [type(config) for config in configs],
        plan,
        request=RequestConfig.model_fields,
        fixed=fixed,
        defaults={option: value for config in configs for option, value in config.flat().items()},
    )


def _scores(outcome: "Outcome") -> None:
    print_outcome(outcome.run_id, outcome.metrics)


def _pictures(outcome: "Outcome") -> None:
    click.echo(f"run {outcome.run_id}; `mlflow ui` shows its pictures")


def _copy(outcome: "Outcome") -> None:
    click.echo(f"{outcome.result}\n{outcome.made} images made; run {outcome.run_id}")


pretrain = training_command("pretrain", text="Train on the source domain with its labels.", tell=_scores)

adapt = training_command(
    "adapt",
    text="Adapt a pretrained network to the target domain, whose labels are never read; pretrain first if need be.",
    tell=_scores,
)

target_solo = training_command(
    "target_solo",
    text="Adapt as the adapt stage does, and from epoch target_solo_epoch on with the target alone.",
    tell=_scores,
)

deeplabv3p = training_command(
    "pretrain",
    "adapt",
    name="deeplabv3p",
    network="deeplabv3plus",
    text="Pretrain DeepLabV3+ on the source domain; with a checkpoint of it, adapt that to the target domain.",
    tell=_scores,
)

joint_adain = training_command(
    "joint_adain",
    text="Adapt with a style network in front: images of both domains are styled on the fly.",
    tell=_scores,
)

train_style = training_command(
    "train_style", text="Train an AdaIN decoder: to draw content images in the style of others.", tell=_pictures
)

stylize = training_command(
    "stylize",
    text="Copy a domain in another style, labels linked; the copy's YAML file serves as source or target of any stage.",
    tell=_copy,
)


def __getattr__(name: str) -> SettingsCommand:
    """The command of any other stage that trains: what the list of commands says of it is its text."""
    if name not in STAGES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return training_command(name, text=SECTIONS["Stages"][name].line, tell=_scores)
