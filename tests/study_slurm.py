"""A study on a real Slurm: one job is preempted, one is cancelled, and the table is that of an undisturbed study.

``python tests/study_slurm.py --runs 12 --low low --high high``: needs sbatch, and two partitions of which jobs in
`high` preempt those in `low` with REQUEUE.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import yaml
from mlflow.tracking import MlflowClient
from tiny import SETTINGS, write_domains

from msl import schema

REPOSITORY = Path(__file__).parents[1]
PATIENCE_S = 900.0


def main() -> int:
    """Print what happened; the status is 0 if every run has finished once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--low", default="low")
    parser.add_argument("--high", default="high")
    options = parser.parse_args()
    if shutil.which("sbatch") is None:
        print("skipped: there is no Slurm here, sbatch is not on the PATH")
        return 0
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        _prepare(Path(folder), options.runs)
        driver = _drive(options.low)
        events = [_cancel_one(), _preempt_one(options.high)]
        print(*events, sep="\n", flush=True)
        driver.wait(PATIENCE_S)
        print(Path("driver.log").read_text())
        return _check(options.runs)


def _prepare(folder: Path, runs: int) -> None:
    write_domains(folder)
    long = SETTINGS | {"max_iters": 80, "checkpoint_every": 4}
    settings = {name: ",".join(map(str, v)) if isinstance(v, tuple) else v for name, v in long.items()}
    rows = [{"stage": "adapt", "recipe": "streets", "twins": True}]
    content = {"name": "tiny", "seeds": list(range(runs // 3)), "settings": settings, "rows": rows}
    Path("tiny_study.yaml").write_text(yaml.safe_dump(content))
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
    os.environ["PYTHONPATH"] = str(REPOSITORY)


def _drive(partition: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "entrypoints.study", "--name", "tiny_study.yaml", "--executor", "slurm"]
    with Path("driver.log").open("w") as log:
        return subprocess.Popen([*command, "--partition", partition], stdout=log, stderr=log)


def _training(besides: str = "") -> str:
    """A job of the study that trains: it has written a journal."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        texts = [file.read_text() for file in Path(".msl").glob("*/journal/*.journal")]
        running = _output("squeue", "--me", "--noheader", "--array", "--states=RUNNING", "--format=%i %j").splitlines()
        jobs = [line.split()[0] for line in running if " msl-" in line and line.split()[0] != besides]
        if jobs and any('"step":' in text for text in texts):
            return jobs[0]
        time.sleep(0.3)
    raise AssertionError(f"no job trains: {Path('driver.log').read_text()}")


def _cancel_one() -> str:
    job = _training()
    _output("scancel", job)
    return f"cancelled {job}"


def _preempt_one(high: str) -> str:
    """Jobs of the other partition on every node: what trains there is requeued."""
    time.sleep(10)
    job = _training()
    wrapped = "--wrap=sleep 15"
    for _ in range(2):
        _output("sbatch", f"--partition={high}", "--output=/dev/null", "--ntasks=1", wrapped)
    return f"preempted {job}"


def _check(count: int) -> int:
    runs = MlflowClient().search_runs(["0"])
    nodes = [run for run in runs if schema.STUDY_NODE in run.data.tags]
    starts = sorted(int(run.data.tags[schema.ATTEMPTS]) for run in nodes)
    statuses = {run.info.status for run in runs}
    parent = next(run for run in runs if schema.STUDY in run.data.tags)
    rows = list(csv.reader(Path(parent.info.artifact_uri, "study/table.csv").read_text().splitlines()))
    is_well = len(nodes) == count == len(rows) - 1 and statuses == {"FINISHED"}
    print(f"{len(nodes)} runs, {statuses}, starts {starts}: {'as it should be' if is_well else 'DIFFERENT'}")
    return 0 if is_well else 1


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
