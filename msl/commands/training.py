"""The commands of the stages that a recipe has settings for: those that train or make data."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from msl.commands.catalog import SECTIONS
from msl.commands.command import SettingsCommand
from msl.commands.dry_run import print_plan, print_settings
from msl.commands.outcome import print_outcome, viewer
from msl.config import RequestConfig
from msl.config.catalog import STAGES
from msl.recipes import Request, find_recipe
from msl.recipes.request import DRAWN, is_new
from msl.world import world

if TYPE_CHECKING:
    from msl.runs import Outcome


def _run(request: Request) -> "Outcome":
    from msl.runs import run

    return run(request)


def _follow(call: RequestConfig) -> None:
    if not call.dry_run:
        from msl.runs.following import follow

        follow()


def _print_dry_run(request: Request) -> None:
    """Print settings and plan. Names are checked; data and files may be missing."""
    from msl.inputs.early import check_names
    from msl.inputs.plan import plan_of

    check_names(request.settings, request.base.styled)
    print_plan(plan_of(request))
    options = request.settings.options()  # without what only the data can tell
    print_settings({name: value for name, value in request.settings.flat().items() if name in options})


def training_command(
    *stages: str, text: str, show: "Callable[[Outcome], None]", name: str | None = None, **fixed: Any
) -> SettingsCommand:
    """The command of a stage that a recipe has settings for.

    Args:
        stages: the stage; or two stages, and the second one runs if a checkpoint is given.
        text: its help.
        show: prints the outcome.
        name: of the command, if it is not the stage's.
        fixed: settings that this command decides.
    """

    def work(call: RequestConfig, values: dict[str, Any]) -> None:
        if not world().is_first:
            _follow(call)
            return
        from msl.inputs.early import check_request, check_resumed  # these two load NumPy
        from msl.inputs.fitting import find_request

        request = find_request(
            stage=stages[-1] if "checkpoint" in values else stages[0],
            recipe=call.recipe,
            overrides=values | fixed if is_new(call.resume) else values,
            group=call.group,
            resume=call.resume,
            force=call.force,
            tracking=call.tracking,
        )
        if call.dry_run:
            _print_dry_run(request)
        else:
            if is_new(call.resume):
                check_request(request)
            else:
                check_resumed(str(call.resume))
            show(_run(request))

    # If both stages have a field, the first stage's field and default count.
    configs = [getattr(find_recipe(DRAWN), stage) for stage in reversed(stages)]
    return SettingsCommand(
        name or stages[0],
        f"{text}\n\nThe recipe gives the defaults; those shown here are of recipe {DRAWN}.",
        [type(config) for config in configs],
        work,
        request=RequestConfig.model_fields,
        fixed=fixed,
        defaults={option: value for config in configs for option, value in config.flat().items()},
    )


def _scores(outcome: "Outcome") -> None:
    print_outcome(outcome.run_id, outcome.metrics)


def _pictures(outcome: "Outcome") -> None:
    click.echo(f"run {outcome.run_id}; {viewer()} shows its pictures")


def _copy(outcome: "Outcome") -> None:
    noun = "image" if outcome.images_made == 1 else "images"
    click.echo(f"{outcome.result}\n{outcome.images_made} {noun} made; run {outcome.run_id}")


pretrain = training_command("pretrain", text="Train on the source domain with its labels.", show=_scores)

adapt = training_command(
    "adapt",
    text="Adapt a pretrained network to the target domain, whose labels are never read. Pretrain first if necessary.",
    show=_scores,
)

bn = training_command(
    "bn",
    text="Estimate BatchNorm's statistics of a pretrained network on target training images, without a training step. "
    "Pretrain first if necessary.",
    show=_scores,
)

target_solo = training_command(
    "target_solo",
    text="Adapt like the adapt stage; from epoch target_solo_epoch, train on the target alone.",
    show=_scores,
)

deeplabv3p = training_command(
    "pretrain",
    "adapt",
    name="deeplabv3p",
    network="deeplabv3plus",
    text="Pretrain DeepLabV3+ on the source domain; with a checkpoint of it, adapt it to the target domain.",
    show=_scores,
)

joint_adain = training_command(
    "joint_adain",
    text="Adapt with a style network in front: images of both domains are styled on the fly.",
    show=_scores,
)

train_style = training_command(
    "train_style",
    text="Train an AdaIN decoder, which draws content images in the style of other images.",
    show=_pictures,
)

stylize = training_command(
    "stylize",
    text="Copy a domain in another style. Any stage takes the copy's YAML file as source or target.",
    show=_copy,
)


def __getattr__(name: str) -> SettingsCommand:
    """The command of any other stage that trains; its help is its line in the list of commands."""
    if name not in STAGES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return training_command(name, text=SECTIONS["Stages"][name].line, show=_scores)
