"""A study on a real Slurm: one job is preempted, one is cancelled, and the table is that of an undisturbed study.

``python tests/study_slurm.py --runs 12 --low low --high high``: needs sbatch, and two partitions of which jobs in
`high` preempt those in `low` with REQUEUE.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from disturbed import drive, finish, prepare, training


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
        prepare(Path(folder), options.runs)
        driver = drive("slurm", "--partition", options.low)
        print(_cancel_one(), _preempt_one(options.high), sep="\n", flush=True)
        return finish(driver, options.runs)


def _running() -> list[str]:
    listed = _output("squeue", "--me", "--noheader", "--array", "--states=RUNNING", "--format=%i %j")
    return [line.split()[0] for line in listed.splitlines() if " msl-" in line]


def _cancel_one() -> str:
    job = training(_running)
    _output("scancel", job)
    return f"cancelled {job}"


def _preempt_one(high: str) -> str:
    """Jobs of the other partition on every node: what trains there is requeued."""
    time.sleep(10)
    job = training(_running)
    wrapped = "--wrap=sleep 15"
    for _ in range(2):
        _output("sbatch", f"--partition={high}", "--output=/dev/null", "--ntasks=1", wrapped)
    return f"preempted {job}"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
