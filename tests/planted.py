"""Frames of runs, as `Store.runs` gives them, with known values."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from msl import schema

SETTINGS: Mapping[str, Any] = {
    "source": "gta5",
    "target": "cityscapes",
    "label_set": "cityscapes19",
    "network": "deeplabv2",
    "backbone": "resnet101",
    "multi": False,
    "batch_size": 1,
    "lr": 2.5e-4,
    "threads": "None",
}
PRETRAIN: Mapping[str, Any] = {"iter_max": 200, "iter_stop": 80, "epoch_iters": 40}
ADAPT: Mapping[str, Any] = {
    "target_mode": "maxsquare",
    "lambda_target": 0.1,
    "iw_ratio": 0.2,
    "round_num": 5,
    "epoch_each_round": 2,
    "epoch_iters": 10,
}


def group(
    name: str,
    metrics: Mapping[str, Sequence[float]],
    stage: str = "adapt",
    seeds: Sequence[int] = (0, 1, 2),
    data: tuple[str, str] = ("gta5", "cityscapes"),
    commit: str = "a" * 40,
    dirty: str = "false",
    status: str = "FINISHED",
    parents: Sequence[str] | None = None,
    **settings: Any,
) -> list[dict[str, Any]]:
    """The runs of a seed group. `metrics` has one number for each seed, under full names (``last/target/mIoU``)."""
    run_settings = {
        **SETTINGS,
        **(PRETRAIN if stage == "pretrain" else {} if stage == "evaluate" else ADAPT),
        **settings,
    }
    split = "val" if stage == "pretrain" else "train"
    return [
        {
            "run_id": f"{name} {seed}",
            "name": name,
            "experiment": "exp",
            "status": status,
            "end": pd.Timestamp("2026-01-01T00:00:00Z") + pd.Timedelta(seconds=number),
            schema.GROUP: name,
            schema.STAGE: stage,
            schema.CODE_COMMIT: commit,
            schema.CODE_DIRTY: dirty,
            schema.DATA_SOURCE: f"{data[0]}/train@aaaaaaaaaaaa",
            schema.DATA_TARGET: f"{data[1]}/{split}@bbbbbbbbbbbb",
            **({} if parents is None else {schema.PARENT: parents[number]}),
            **{schema.param(key): str(value) for key, value in {**run_settings, schema.SEED: seed}.items()},
            **{metric: values[number] for metric, values in metrics.items()},
        }
        for number, seed in enumerate(seeds)
    ]


def frame(*groups: list[dict[str, Any]]) -> pd.DataFrame:
    """All runs of these groups."""
    return pd.DataFrame([run for runs in groups for run in runs])
