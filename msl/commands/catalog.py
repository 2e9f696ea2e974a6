"""Every command of ``msl``: its name, one line of help, and where it is defined."""

from collections.abc import Mapping
from typing import NamedTuple

import click

from msl.config.registry import Registry

# The commands of `python -m analysis` are also commands of msl.
_ANALYSIS = "analysis.__main__:main"


class Entry(NamedTuple):
    """A command in the list that ``msl --help`` prints."""

    line: str
    home: str = _ANALYSIS  # module:attribute


SECTIONS: Mapping[str, Mapping[str, Entry]] = {
    "Stages": {
        "pretrain": Entry("Train on the labelled source domain.", "msl.commands.training:pretrain"),
        "adapt": Entry("Adapt to the unlabelled target domain.", "msl.commands.training:adapt"),
        "bn": Entry("Estimate BatchNorm's statistics on target images, no step.", "msl.commands.training:bn"),
        "target_solo": Entry("Adapt; the last epochs train on the target alone.", "msl.commands.training:target_solo"),
        "self_train": Entry("Adapt by self-training with a mean teacher.", "msl.commands.training:self_train"),
        "joint_adain": Entry("Adapt with a style network in front.", "msl.commands.training:joint_adain"),
        "deeplabv3p": Entry("Pretrain or adapt DeepLabV3+.", "msl.commands.training:deeplabv3p"),
        "train_style": Entry("Train the decoder of a style network.", "msl.commands.training:train_style"),
        "stylize": Entry("Copy a domain in another style.", "msl.commands.training:stylize"),
        "validate": Entry("Check data before training on it.", "msl.commands.networks:validate"),
        "prepare": Entry("Resize the images of a training once, before it.", "msl.commands.networks:prepare"),
        "evaluate": Entry("Score a checkpoint.", "msl.commands.networks:evaluate"),
        "predict": Entry("Predict images without labels.", "msl.commands.networks:predict"),
        "package": Entry("Make an MLflow model of a checkpoint.", "msl.commands.networks:package"),
        "recipes": Entry("List the recipes: data, network, iterations, time.", "msl.commands.recipes:recipes"),
    },
    "Many runs": {
        "study": Entry("Carry out many runs and what they share.", "msl.commands.study:study"),
        "sweep": Entry("Search for good settings by many runs.", "msl.commands.study:sweep"),
    },
    "Results": {
        "runs": Entry("List runs."),
        "watch": Entry("Show the runs that are training now."),
        "table": Entry("Compare groups of runs: mean, spread, difference."),
        "classes": Entry("Show the IoU of every class."),
        "ablation": Entry("Show the effect of one parameter."),
        "attribution": Entry("Take gains apart: statistics, source steps, objective."),
        "selectors": Entry("Judge criteria that choose without target labels."),
        "power": Entry("Say how many seeds a difference needs."),
        "claims": Entry("Check the claims of the report with your runs."),
        "curves": Entry("Draw curves, bars or a scatter over groups of runs."),
        "panels": Entry("Show predictions of several groups side by side."),
        "report": Entry("Write all these results into one page.", "msl.commands.report:report"),
        "export": Entry("Write an experiment into Parquet files."),
        "import": Entry("Read an exported experiment into another store."),
    },
    "Service": {
        "prepare_store": Entry("Make the tables of an empty run store.", "msl.commands.service:prepare_store"),
        "serve": Entry("Run the tracking server.", "msl.commands.service:serve"),
        "backup": Entry("Copy a service while it runs.", "msl.commands.service:backup"),
        "restore": Entry("Restore a service from a backup.", "msl.commands.service:restore"),
        "sync": Entry("Send what trainings here could not send.", "msl.commands.service:sync"),
        "clean": Entry("List the files that nothing needs, and delete them.", "msl.commands.service:clean"),
    },
}

COMMANDS = Registry("command", {name: entry.home for part in SECTIONS.values() for name, entry in part.items()})


def find_command(name: str) -> click.Command:
    """A command by name; its module is imported now.

    Raises:
        KeyError: no command has that name.
    """
    command = COMMANDS.load(name)
    command = command.commands[name] if isinstance(command, click.Group) else command
    assert isinstance(command, click.Command)
    return command
