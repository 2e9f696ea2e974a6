"""A study of tiny trainings on a cluster that disturbs it, as `study_slurm` and `study_ray` carry it out."""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mlflow.tracking import MlflowClient
from tiny import write_domains, write_study
from trainings import journal_texts

from msl import schema

REPOSITORY = Path(__file__).parents[1]
PATIENCE_S = 900.0
_LOG = "driver.log"


def prepare(folder: Path, runs: int) -> None:
    """Domains, a run store and a study of so many runs, a third of them shared by two others."""
    write_domains(folder)
    rows = [{"stage": "adapt", "recipe": "streets", "twins": True}]
    write_study(rows, range(runs // 3), max_iters=80, checkpoint_every=4)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
    os.environ["PYTHONPATH"] = str(REPOSITORY)


def drive(executor: str, *options: str) -> subprocess.Popen[bytes]:
    """A driver of the study."""
    command = [sys.executable, "-m", "entrypoints.study", "--name", "tiny_study.yaml", "--executor", executor, *options]
    with Path(_LOG).open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def training(running: Callable[[], list[str]]) -> str:
    """A running job of the study, as soon as some training has written a row."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if any('"step":' in text for text in journal_texts(Path(".msl"))) and (jobs := running()):
            return jobs[0]
        time.sleep(0.3)
    raise AssertionError(f"no job trains: {Path(_LOG).read_text()}")


def finish(driver: subprocess.Popen[bytes], count: int) -> int:
    """Wait for the driver, and print its log and table; the status is 0 if every run has finished once."""
    driver.wait(PATIENCE_S)
    print(Path(_LOG).read_text())
    runs = MlflowClient().search_runs(["0"])
    nodes = [run for run in runs if schema.STUDY_NODE in run.data.tags]
    starts = sorted(int(run.data.tags[schema.ATTEMPTS]) for run in nodes)
    statuses = {run.info.status for run in runs}
    parent = next(run for run in runs if schema.STUDY in run.data.tags)
    rows = list(csv.reader(Path(parent.info.artifact_uri, "study/table.csv").read_text().splitlines()))
    print(*map(",".join, rows), sep="\n")
    is_well = len(nodes) == count == len(rows) - 1 and statuses == {"FINISHED"}
    print(f"{len(nodes)} runs, {statuses}, starts {starts}: {'as it should be' if is_well else 'DIFFERENT'}")
    return 0 if is_well else 1
