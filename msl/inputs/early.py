"""What a command checks in a moment, before it imports torch or opens a run: names, and whether files exist."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from msl.config import StageConfig
from msl.data import Domain
from msl.data.catalog import check_label_set, check_name, open_domain
from msl.data.files import FileSamples
from msl.data.images import SUFFIXES
from msl.data.patterns import Pattern
from msl.data.titles import domain_title
from msl.data.unmatched import none_there, nothing_matches
from msl.errors import CheckpointError, ConfigError, DataError, MissingSplitError, UnlabelledError
from msl.foreign_files import refusal
from msl.inputs.epochs import epoch_length
from msl.inputs.notices import tell_once
from msl.inputs.places import find_style_folder, weights_file
from msl.recipes import Request
from msl.references import STREETS, is_stored, local_file

_BUILT_IN = {"weights": ("none", "imagenet", STREETS), "encoder": ("imagenet",)}
_STARTS = ("checkpoint", "decoder")
_WAYS_OUT = {
    "weights": "Pass none, imagenet, streets or a state dict's path.",
    "encoder": "Pass imagenet or a file of weights.",
}
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_TRAINS_ON_TARGET = {"round_num", "bn_images"}  # settings of the stages that read the target's training images
_TRAINED = "trained"  # the domains of a checkpoint's training


def check_request(request: Request) -> None:
    """Check names, files and folders of a request.

    Raises:
        CheckpointError: a file of weights is missing, or a run or a registered model.
        ConfigError: a domain or label set is unknown, or training would end within its warm-up.
        DataError: the data of a domain is missing.
    """
    check_names(request.settings, request.base.styled)
    check_files(request.settings)
    check_data(request.settings, request.base.styled)
    _tell_of_one_domain(request)
    if request.tracking == "online":  # otherwise results are looked for where the run is recorded
        check_stored(request.settings)
    check_warm_up(request.settings, request.base.styled)


def _tell_of_one_domain(request: Request) -> None:
    """Mention an adaptation whose two domains are one."""
    settings = request.settings.flat()
    source, target = settings.get("source"), settings.get("target")
    if _TRAINS_ON_TARGET & settings.keys() and source and target and domain_title(source) == domain_title(target):
        tell_once(f"source and target are both {target}: the target has no images that are new to the network", target)


def check_resumed(run_id: str) -> None:
    """Check that this is the ID of a run in the store; what the run recorded is read later.

    Raises:
        CheckpointError: there is no such run.
        ConfigError: it is a part of an ID, or a reference.
        TrackingError: the tracking store cannot be reached.
    """
    if _RUN_ID.fullmatch(run_id) is None:
        raise ConfigError(
            f"resume = {run_id}: this is not the ID of a run. An ID has 32 characters (0-9, a-f): "
            "the end of a stage prints it, and `msl runs` lists all."
        )
    from msl.tracking import check_run  # it loads MLflow

    check_run(run_id, "resume")


def check_names(config: StageConfig, styled: Mapping[str, str]) -> None:
    """Check the names of domains and label sets; `styled` are the copies that the recipe makes.

    Raises:
        ConfigError: one is unknown.
    """
    settings = config.flat()
    for name in _domains(settings, ("source", "target", "content")):
        check_name(styled.get(name, name))
    label_set = settings.get("label_set")
    if label_set is not None:
        check_label_set(label_set)
    if settings.get("style") is not None and find_style_folder(settings["style"], _root(settings)) is None:
        check_name(settings["style"])


def check_files(config: StageConfig) -> None:
    """Check the files of weights that the settings name; results of runs and registered models are not looked up.

    Raises:
        CheckpointError: a file is missing, or its first bytes show that it holds no weights.
    """
    settings = config.flat()
    for setting, built_in in _BUILT_IN.items():
        name = settings.get(setting)
        if name is None or name in built_in or ":/" in name:
            continue
        path = Path(weights_file(name, _root(settings)) if setting == "encoder" else name)
        if not path.exists():
            raise CheckpointError(f"{setting} = {name}: no such file. {_WAYS_OUT[setting]}")
        _refuse_other_files(setting, name, path)
    for setting in _STARTS:
        reference = settings.get(setting)
        if reference is not None and not is_stored(reference):
            _refuse_other_files(setting, reference, local_file(setting, reference, _root(settings)))


def check_stored(config: StageConfig) -> None:
    """Look up the runs and registered models that the settings name.

    Raises:
        CheckpointError: there is no such run or model, or it has no such file.
        TrackingError: the tracking store cannot be reached.
    """
    settings = config.flat()
    references = {setting: str(settings[setting]) for setting in _STARTS if settings.get(setting) is not None}
    for setting, reference in references.items():
        if is_stored(reference):
            from msl.tracking import check_reference  # it loads MLflow

            check_reference(reference, setting)


def _refuse_other_files(setting: str, name: str, path: Path) -> None:
    """Refuse a file that holds no weights; one that is damaged in another way is refused by its reader."""
    with suppress(OSError, ValueError):
        if (reason := refusal(path)) is not None:
            raise CheckpointError(f"{setting} = {name} cannot be read: damaged, or no file of weights. It {reason}.")


def check_images(config: StageConfig) -> None:
    """Check that there are images to predict; none is opened.

    Raises:
        DataError: there is no such file or folder, or no image in it.
    """
    place = config.flat().get("images")
    if place is None or Path(place).is_file():
        return
    is_pattern = not Path(place).exists()
    if is_pattern and not Pattern.is_meant(place):
        raise DataError(f"images = {place}: no such file or folder; {none_there(Path(place))}")
    with suppress(ValueError):  # a pattern that cannot be is refused where it is used
        folder, pattern = (Path(), Pattern.of(place)) if is_pattern else (Path(place), Pattern.of("**/*"))
        if not any(path.suffix.lower() in SUFFIXES for path in pattern.paths_below(folder)):
            if is_pattern:
                raise DataError(f"images = {place}: {nothing_matches(pattern, folder)}")
            raise DataError(f"images = {place}: no images in it ({', '.join(sorted(SUFFIXES))})")


def check_data(config: StageConfig, styled: Mapping[str, str]) -> None:
    """Check that every domain has its folder and files, and the source its labels; no file is opened.

    Raises:
        DataError: a folder or a split is missing or empty, or no label file of the source exists.
    """
    for describe in data_texts(config, styled).values():
        describe()


def check_warm_up(config: StageConfig, styled: Mapping[str, str]) -> None:
    """Check that a training of so many epochs is longer than its warm-up, where the images decide an epoch's length.

    Raises:
        ConfigError: it is not.
        DataError: the data of the target is missing.
    """
    settings = config.flat()
    by_epochs = "round_num" in settings and settings["epoch_iters"] is None
    if by_epochs and settings["warmup_iters"] and settings["target"] not in styled:
        config.edit(epoch_iters=epoch_length(settings, "target"))  # settings compare the two when they are made


def data_texts(config: StageConfig, styled: Mapping[str, str]) -> dict[str, Callable[[], str]]:
    """By role: a function that says how many images each split of the domain has, and raises as `check_data` does."""
    settings = config.flat()
    roles = [(role, name) for role in ("source", "target", "content") for name in _domains(settings, (role,))]

    def text(role: str, name: str) -> str:
        if name in styled:
            return f"{name} (a styled copy of {styled[name]})"
        needs = () if role == "target" and not _TRAINS_ON_TARGET & settings.keys() else ("train",)
        counts = _counts(name, settings, needs, labelled=role == "source")
        return f"{name}: {', '.join(counts)}"

    return {f"{role} {name}": partial(text, role, name) for role, name in roles}


def _counts(name: str, settings: Mapping[str, Any], needed: Sequence[str], labelled: bool) -> list[str]:
    counts = []
    for split in ("train", "val"):
        needs_labels = labelled and split in needed
        try:
            domain = open_domain(name, _root(settings), split, settings.get("label_set"), needs_labels)
            if needs_labels:
                _refuse_absent_labels(domain)
            counts.append(f"{len(domain)} image{'' if len(domain) == 1 else 's'} in {split}")
        except (MissingSplitError, UnlabelledError):
            if split in needed:
                raise
            counts.append(f"no split {split}")
    return counts


def _refuse_absent_labels(domain: Domain) -> None:
    """Refuse a domain of which no label file exists; the check of every sample names single files."""
    pairs = domain.samples.pairs if isinstance(domain.samples, FileSamples) else ()
    if pairs and not any(pair.label.exists() for pair in pairs):
        raise DataError(
            f"{domain.name}: none of the {len(pairs)} images in split {domain.split!r} has its label file. That of "
            f"{pairs[0].image.name} would be {pairs[0].label}: correct the pattern of labels, or copy the labels there"
        )


def _domains(settings: Mapping[str, Any], roles: Sequence[str]) -> list[str]:
    names = [name for role in roles for name in str(settings.get(role) or "").split(",")]
    return [name for name in names if name not in ("", _TRAINED)]


def _root(settings: Mapping[str, Any]) -> Path | None:
    return Path(settings["data_root"]) if settings.get("data_root") else None
