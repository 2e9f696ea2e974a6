"""Kills the driver of a study again and again, until the study is what an undisturbed one is.

``python tests/study_kills.py --kills 20 --runs 30 --seed 0``: real processes on a real run store. Drivers are killed
at random moments and started again. At the end, every run of the plan is FINISHED exactly once, none began twice, and
no process, folder or lock is left. ``--kills 0 --runs 200`` measures what a driver adds to a run, and whether it grows.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from tiny import write_domains, write_study
from trainings import arguments
from warm import Started, start, warm_server

from msl import schema

PATIENCE_S = 600.0


class DifferenceError(AssertionError):
    """A study whose driver was killed is not what an undisturbed one is."""


@contextmanager
def place(folder: Path) -> Iterator[None]:
    """A folder with domains and a run store; the working directory is the folder."""
    write_domains(folder)
    with ExitStack() as stack:
        stack.enter_context(chdir(folder))
        os.environ |= {"MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}", "MSL_CACHE": str(folder / "cache")}
        os.environ |= {"MSL_SENDER": "inline", "OMP_NUM_THREADS": "1"}
        stack.enter_context(warm_server(folder))
        yield


def plan(runs: int) -> int:
    """A study of about so many runs, a third of them shared by two others; gives their number."""
    seeds = range(max(1, runs // 3))
    write_study([{"stage": "adapt", "recipe": "streets", "twins": True}], seeds)
    return 3 * len(seeds)


def drive(slots: int) -> Started:
    """A driver of the study."""
    options = arguments({"--name": "tiny_study.yaml", "--executor": "warm", "--slots": slots, "--retries": 3})
    return start("study", options, os.environ, Path.cwd(), Path("driver.log"))


def disturb(kills: int, slots: int, dice: random.Random, most_s: float) -> list[float]:
    """Kill drivers at random moments, and let the last one finish; gives for how long each lived."""
    lives = []
    for _ in range(kills):
        driver, begun = drive(slots), time.monotonic()
        wait_s = dice.uniform(0.2, most_s)
        while driver.poll() is None and time.monotonic() < begun + wait_s:
            time.sleep(0.02)
        if driver.poll() is not None:
            break
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        lives.append(time.monotonic() - begun)
    drive(slots).wait(PATIENCE_S)
    return lives


class Size(NamedTuple):
    """What a process holds."""

    memory_mib: float
    files: int

    @classmethod
    def of(cls, pid: int) -> "Size":
        """Of a living process."""
        process = Path(f"/proc/{pid}")
        pages = int((process / "statm").read_text().split()[1])
        return cls(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, len(list((process / "fd").iterdir())))


def watched(slots: int) -> list[Size]:
    """What a driver that nobody disturbs holds, each second."""
    driver, sizes = drive(slots), list[Size]()
    while driver.poll() is None:
        with suppress(OSError):  # it has just ended
            sizes.append(Size.of(driver.pid))
        time.sleep(1)
    return sizes


def check(count: int) -> None:
    """Every run of the plan is FINISHED, once, and nothing is left behind.

    Raises:
        DifferenceError: it is not so.
    """
    client = MlflowClient()
    runs = list(client.search_runs(["0"], max_results=5000))
    studies = [run for run in runs if schema.STUDY in run.data.tags]
    _require([run.info.status for run in studies], [schema.FINISHED], "status of the study")
    nodes = [run for run in runs if schema.STUDY_NODE in run.data.tags]
    _require(len(runs), len(nodes) + 1, "runs outside the plan")
    _require(Counter(map(_node, nodes)).most_common(1)[0][1], 1, "runs of one node")
    _require(len(nodes), count, "runs of the plan")
    _require({run.info.status for run in nodes}, {schema.FINISHED}, "status of the runs")
    _require(len({run.data.tags[schema.FINGERPRINT] for run in nodes}), count, "different fingerprints")
    parents = {run.info.run_id for run in nodes if run.data.tags[schema.STAGE] == "pretrain"}
    _require({run.data.tags[schema.PARENT] for run in nodes if schema.PARENT in run.data.tags}, parents, "parents")
    _require([path.name for path in Path(".msl").iterdir()], ["studies"], "folders of runs")
    _require(_processes(), [], "processes")


def _node(run: Run) -> str:
    return run.data.tags[schema.STUDY_NODE]


def _processes() -> list[str]:
    """Jobs and drivers that live; the server that forks them is none."""
    listed = subprocess.run(["pgrep", "-f", "msl.tracking.send .*" + str(Path.cwd())], capture_output=True, text=True)
    return listed.stdout.split()


def _require(actual: object, expected: object, what: str) -> None:
    if actual != expected:
        raise DifferenceError(f"{what}: {actual}, not {expected}\n{Path('driver.log').read_text()[-3000:]}")


def main(options: Sequence[str] | None = None) -> int:
    """Print what was done; the status is 0 if the study is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most_s", type=float, default=6.0, help="longest life of a driver that is killed")
    parsed = parser.parse_args(options)
    with tempfile.TemporaryDirectory() as folder, place(Path(folder).resolve()):
        count, begun = plan(parsed.runs), time.monotonic()
        lives = disturb(parsed.kills, parsed.slots, random.Random(parsed.seed), parsed.most_s) if parsed.kills else []
        sizes = [] if parsed.kills else watched(parsed.slots)
        try:
            check(count)
        except DifferenceError as error:
            print(f"DIFFERENCE {error}")
            return 1
        seconds = time.monotonic() - begun
        print(f"{count} runs, {len(lives)} kills after {[round(life, 1) for life in lives]} s: each run once")
        print(f"{seconds:.0f} s in all, {seconds / count:.2f} s a run in {parsed.slots} slots")
        for when, size in zip(
            ("in the middle", "at the end"), (sizes[len(sizes) // 2 :][:1] + sizes[-1:]), strict=False
        ):
            print(f"the driver {when}: {size.memory_mib:.0f} MiB, {size.files} open files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
