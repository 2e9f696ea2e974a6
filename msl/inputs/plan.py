"""What a request would do, without doing it: its group, parent, data, iterations and time."""

from collections.abc import Mapping
from typing import Any

from msl import schema
from msl.data.titles import domain_title
from msl.errors import MslError
from msl.inputs.early import data_texts
from msl.inputs.epochs import epoch_length
from msl.inputs.history import History
from msl.recipes import Request

_PARENT = "pretrain"
_FROM_DATA = ("label_set", "num_classes", "target_crop_size", "epoch_iters", "eval_every", "source")  # once it is open
# Settings on which the time of an iteration depends most.
WEIGHTY = ("network", "backbone", "width", "crop_size", "batch_size", "multi", "precision")


def plan_of(request: Request) -> dict[str, str]:
    """What the request would do, by what it is about, for people to read.

    Raises:
        ConfigError: a domain's YAML file is missing or wrong.
    """
    history = History.of_store()
    parent = request.for_parent(_PARENT) if "checkpoint" in request.settings.options() else None
    run_id, parent_text = _parent(request, parent, history)
    stages = [request] if run_id is not None or parent is None or _checkpoint(request) else [parent, request]
    texts = {role: _data(text) for role, text in data_texts(request.settings, request.base.styled).items()}
    return {
        "group": request.group_name(domain_title),
        **({} if parent is None else {"parent": parent_text}),
        "data": "; ".join(text.removesuffix(".") for text in texts.values()),
        **_effort([stage for stage in stages if not _trains_nothing(stage)], history),
    }


def _effort(stages: list[Request], history: History) -> dict[str, str]:
    """Iterations and time of the stages that would train; nothing if none would."""
    if not stages:
        return {}
    counts = [iterations_of(stage.settings) for stage in stages]
    numbers = " + ".join("unknown" if count is None else str(count) for count in counts)
    return {"iterations": numbers, "time": _time(stages, counts, history)}


def _trains_nothing(request: Request) -> bool:
    return "schedule" not in request.settings.groups()


def _checkpoint(request: Request) -> str | None:
    checkpoint: str | None = request.settings.flat().get("checkpoint")
    return checkpoint


def _parent(request: Request, parent: Request | None, history: History) -> tuple[str | None, str]:
    """ID of a parent run that fits by its settings, and the plan's words for the parent."""
    if parent is None or (checkpoint := _checkpoint(request)) is not None:
        return None, f"checkpoint {checkpoint}" if parent is not None else ""
    decisive = {name: value for name, value in parent.settings.decisive().items() if name not in _FROM_DATA}
    if decisive.get("precision") == "auto":  # a run records the precision that its machine had
        del decisive["precision"]
    run_id = history.newest(_PARENT, decisive, _source_name(parent))
    if run_id is None:
        return None, f"no finished run of {_PARENT} with these settings, so it runs first"
    return run_id, f"run {run_id}, if its data and code are unchanged; otherwise {_PARENT} runs first"


def _source_name(request: Request) -> str:
    """Name of the source, as runs record it."""
    return domain_title(request.settings.flat()[schema.SOURCE]).partition("@")[0]


def _data(text: Any) -> str:
    try:
        return str(text())
    except MslError as error:
        return str(error)


def iterations_of(config: Any) -> int | None:
    """Iterations of a stage that trains; None if the data decides them and is missing."""
    settings = config.flat()
    if "style_iters" in settings:
        return _least(settings["style_iters"], settings)
    role = schema.TARGET if "round_num" in settings else schema.SOURCE
    epoch: int | None = settings["epoch_iters"] or _epoch(settings, role)
    # Pretraining does not depend on the length of an epoch.
    if epoch is None and role == schema.TARGET:
        return None
    iterations: int = config.schedule.stop(epoch or 1)
    return _least(iterations, settings)


def _epoch(settings: Mapping[str, Any], role: str) -> int | None:
    try:
        return epoch_length(settings, role)
    except MslError:
        return None


def _least(iterations: int, settings: Mapping[str, Any]) -> int:
    most: int | None = settings["max_iters"]
    return iterations if most is None else min(iterations, most)


def _time(stages: list[Request], counts: list[int | None], history: History) -> str:
    total_s, runs = 0.0, []
    for stage, count in zip(stages, counts, strict=True):
        settings = stage.settings.flat()
        speed = history.speed(stage.stage, {name: settings[name] for name in WEIGHTY if name in settings})
        if count is None or speed is None:
            reason = "iterations are unknown" if count is None else f"no finished run of {stage.stage} is like it"
            return f"not estimated: {reason}"
        total_s += count * speed.step_s
        runs.append(speed.run_id[:8])
    return f"about {duration(total_s)} as fast as run {', '.join(runs)}, with evaluations a little more"


def duration(seconds: float) -> str:
    """Seconds as people say it: ``48 s``, ``12 minutes``, ``1.5 hours``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
