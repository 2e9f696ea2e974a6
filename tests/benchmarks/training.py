"""How fast the loop, its data, its evaluation and its tracking are, in one fixed setting: ``make bench``.

Adaptation as the default recipe does it, on the generated streets, with one loading process. Where speed is claimed,
it is as a ratio of two figures of one run.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir

import torch
from mlflow.tracking import MlflowClient

from analysis import open_store
from msl import schema
from msl.data import open_domain
from msl.models import SegmentationNetwork, build_model
from msl.models.devices import to_device
from msl.recipes import Request
from msl.runs import run as carry_out
from msl.scoring.evaluation import Scored, evaluate
from msl.tracking import MlflowReporter

STEPS = 60  # the first third is not counted: processes and kernels warm up
SCORED = 40  # images
ROWS = 200  # metrics


def figures() -> dict[str, float]:
    """Every figure by name, with its unit."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ |= {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "MSL_CACHE": folder}
        return commands() | training() | evaluation() | tracking()


def commands() -> dict[str, float]:
    def run(*arguments: str) -> float:
        command = [sys.executable, *arguments]
        return min(seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)) for _ in range(3))

    helped, imported = run("-m", "entrypoints.adapt", "--help"), run("-c", "import torch")
    return {"--help of a command, s": helped, "importing torch against that, ratio": imported / helped}


def training() -> dict[str, float]:
    limits = {"max_iters": STEPS, "log_every": STEPS // 3, "eval_images": 4, "panels": 0}
    began = time.perf_counter()
    run_id = carry_out(Request.of(stage="adapt", recipe="streets", overrides=limits)).run_id
    whole = time.perf_counter() - began
    speeds = (schema.IMAGES_PER_S, schema.STEP_S, schema.DATA_WAIT_S)
    history = open_store(os.environ["MLFLOW_TRACKING_URI"]).history([run_id], speeds)
    warm = history[history["step"] > STEPS // 3].groupby("metric")["value"].mean()
    return {
        "training, images/s (source and target)": warm[schema.IMAGES_PER_S],
        "training, s/step": warm[schema.STEP_S],
        "training, share of time spent waiting for data, %": 100 * warm[schema.DATA_WAIT_S] / warm[schema.STEP_S],
        f"two stages of {STEPS} steps with everything around them, s": whole,
    }


def evaluation() -> dict[str, float]:
    model: SegmentationNetwork = build_model(Request.of(stage="adapt", recipe="streets").settings.model)
    to_device(model, torch.device("cpu"))
    domain = open_domain("streets_real", split="val")
    scored = Scored(role=schema.TARGET, domain=domain, size=(256, 128), count=SCORED, num_workers=1)
    return {"evaluation, s/image": seconds(lambda: evaluate(model, scored)) / SCORED}


def tracking() -> dict[str, float]:
    client = MlflowClient()
    run_id = client.create_run("0").info.run_id
    reporter = MlflowReporter(client, run_id)

    def batched() -> None:
        for step in range(ROWS // 10):
            reporter.metrics({f"batched {i}": 1.0 for i in range(10)}, step)
        reporter.flush()

    def one_by_one() -> None:
        for row in range(ROWS):
            client.log_metric(run_id, f"single {row % 10}", 1.0, step=row // 10)

    ours, theirs = seconds(batched) / ROWS, seconds(one_by_one) / ROWS
    return {
        "tracking, ms/metric": 1000 * ours,
        "tracking, ms/metric with MLflow's log_metric": 1000 * theirs,
        "tracking, ratio": theirs / ours,
    }


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
