"""A study of where gains come from: the paper's experiments beside what else could explain them.

For each seed: source only, re-estimated BatchNorm statistics, the objectives and their twins, self-training and its
twin, and a network that was trained on the labelled target, which nothing without labels is expected to exceed. On
photographs, self-training also has three times the iterations: its teacher is an average over all of them.
"""

from typing import Any

from msl.studies.declaration import Row, Study
from msl.studies.scales import find_scale, study_at

_SEEDS = {"full": (0, 1, 2), "camvid_gpu": (0, 1, 2, 3, 4), "camvid": (0, 1, 2), "smoke": (0, 1)}
_SEEDS_OF_ONE_OUTPUT = {"camvid": (0, 1, 2, 3, 4)}  # with three, the interval of mIoU over the twin is wide
_LONGER: dict[str, dict[str, Any]] = {
    "camvid_gpu": {"round_num": 15, "eval_every": 480},
    "camvid": {"round_num": 15, "eval_every": 180},
}


def gains(scale: str) -> Study:
    """The study at a scale: full, camvid_gpu, camvid or smoke."""
    small = find_scale(scale)
    target = "cityscapes" if small is None else small.domain("cityscapes")
    seeds = _SEEDS_OF_ONE_OUTPUT.get(scale)
    rows = (
        _row("pretrain", "MS", seeds=seeds),
        _row("bn", "MS", seeds=seeds),
        _row("adapt", "MS", seeds=seeds, twins=True),
        _row("adapt", "IW_MS", seeds=seeds),
        _row("pretrain", "multi_MS_IW"),
        _row("bn", "multi_MS_IW"),
        _row("adapt", "multi_MS_IW", twins=True),
        _row("self_train", "MS", seeds=seeds),
        _row("self_train", "MS", seeds=seeds, lambda_mixed=0.0),
        _row("pretrain", "MS", source=target),  # the oracle
        *_longer(scale),
    )
    baseline = "adapt paper/MS lambda_target=0.0"
    return study_at(scale, "gains", rows, baseline, seeds=_SEEDS[scale], settings={"extra_metrics": ("ECE",)})


def _longer(scale: str) -> list[Row]:
    """Self-training and its twin with three times the iterations, where the scale has photographs."""
    if scale not in _LONGER:
        return []
    settings = _LONGER[scale]
    return [_row("self_train", "MS", **settings), _row("self_train", "MS", lambda_mixed=0.0, **settings)]


def _row(stage: str, recipe: str, seeds: tuple[int, ...] | None = None, twins: bool = False, **settings: Any) -> Row:
    return Row(stage=stage, recipe=f"paper/{recipe}", seeds=seeds, twins=twins, settings=settings)
