"""Target images that are used without labels beside training: for criteria, and for statistics before scoring."""

from dataclasses import dataclass

from msl import schema
from msl.config import EvaluateConfig, TrainConfig
from msl.data import open_domain
from msl.errors import ConfigError, MissingSplitError
from msl.inputs.checks import Checked, check
from msl.inputs.notices import tell_once
from msl.labels import LabelSet
from msl.scoring.unlabelled import UnlabelledImages

Size = tuple[int, int]  # width and height of the network's input
Config = TrainConfig | EvaluateConfig


@dataclass(frozen=True)
class Unlabelled:
    """The target's images whose labels are never opened."""

    criteria: UnlabelledImages | None  # on which criteria are computed
    recalibration: UnlabelledImages | None  # on which statistics are estimated before scoring
    checks: tuple[Checked, ...]  # of splits that nothing else reads


def open_unlabelled(
    config: TrainConfig, label_set: LabelSet, size: Size, trained: Checked | None, scored: Checked | None
) -> Unlabelled:
    """The images that the settings need.

    Args:
        config: settings.
        label_set: the network's classes.
        size: of target images.
        trained: the target's split train, if it is trained on.
        scored: its split val, if it is scored.

    Raises:
        ConfigError: there is no target, or no image for the criterion that shall choose.
        DataError: an image is missing or unreadable.
    """
    name = config.target.target
    judged = scored or open_for_criteria(config, name, label_set)
    if judged is None and config.monitor.choose_by not in (None, schema.SOURCE_RISK):
        raise ConfigError(
            f"choose_by = {config.monitor.choose_by} needs target images of split val, and there are none: leave it out"
        )
    estimated = trained or open_for_statistics(config, name, label_set)
    new = [checked for checked in (judged, estimated) if checked is not None and checked not in (trained, scored)]
    return Unlabelled(for_criteria(judged, size, config), for_statistics(estimated, size, config), tuple(new))


def open_for_criteria(config: Config, name: str | None, label_set: LabelSet, split: str = "val") -> Checked | None:
    """A split of the target without its labels; None, with a warning, if it does not exist."""
    if name is None or not config.evaluation.criteria_images:
        return None
    try:
        domain = open_domain(name, config.runtime.data_root, split, label_set, labelled=False)
    except MissingSplitError as error:
        tell_once(f"{error}; no criteria are computed on it", f"{name} unlabelled")
        return None
    return check(schema.TARGET, domain, config.runtime.skip_bad)


def open_for_statistics(config: Config, name: str | None, label_set: LabelSet) -> Checked | None:
    """The training images of the target without their labels; None if no statistics shall be estimated.

    Raises:
        ConfigError: they shall, and there is no target.
    """
    if config.evaluation.recalibrate is None:
        return None
    if name is None:
        raise ConfigError(f"recalibrate = {config.evaluation.recalibrate} needs a target: pass target=NAME")
    domain = open_domain(name, config.runtime.data_root, "train", label_set, labelled=False)
    return check(schema.TARGET, domain, config.runtime.skip_bad)


def for_criteria(checked: Checked | None, size: Size, config: Config) -> UnlabelledImages | None:
    """The images on which criteria are computed."""
    return _images(checked, size, config.evaluation.criteria_images, config)


def for_statistics(checked: Checked | None, size: Size, config: Config) -> UnlabelledImages | None:
    """The images on which statistics are estimated before scoring."""
    return _images(checked, size, config.evaluation.recalibrate or 0, config)


def _images(checked: Checked | None, size: Size, count: int, config: Config) -> UnlabelledImages | None:
    if checked is None or not count or not len(checked.domain):
        return None
    return UnlabelledImages(domain=checked.domain, size=size, count=count, num_workers=config.runtime.num_workers)
