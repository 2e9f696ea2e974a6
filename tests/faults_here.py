"""What goes wrong on one's own machine, and what a training with MLflow and PyTorch alone and one with msl make of it.

``python tests/faults_here.py`` prints a table: signals to real processes that record to a SQLite store, flipped bits of
a checkpoint, and a disk that is full while a checkpoint is written (needs root). The training alone is a script as
MLflow's own documentation has it: `with mlflow.start_run()`, `log_metric` at each step, `torch.save` at each tenth.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import torch
from conftest import REPOSITORY
from disks import small_disk
from mlflow.tracking import MlflowClient
from tiny import SETTINGS, write_domains
from trainings import Process, arguments, running_past, started, wait_for

from msl.checkpoints import About, Checkpoint, write
from msl.weights import load_file

FLIPS, GRACE_S = 1000, 30
_ALONE = """
import time, mlflow, torch
with mlflow.start_run():
    for step in range(1, 3001):
        time.sleep(0.02)
        mlflow.log_metric("loss", step / 2, step=step)
        if step % 10 == 0:
            torch.save({"step": step, "weights": torch.randn(10_000)}, "last.pt")
"""
_PROJECT = "name: alone\nentry_points:\n  main:\n    command: python alone.py\n"
_MSL = {**SETTINGS, "recipe": "streets", "max_iters": 100_000, "eval_every": 100_000, "log_every": 1, "device": "cpu"}

Signal = Callable[[Process], None]
SIGNALS: Mapping[str, tuple[bool, Signal]] = {  # whether `mlflow run` starts it; the signal
    "SIGTERM to the process": (False, lambda process: process.send_signal(signal.SIGTERM)),
    "SIGINT (Ctrl-C) to its group": (False, lambda process: os.killpg(process.pid, signal.SIGINT)),
    "SIGHUP to the process": (False, lambda process: process.send_signal(signal.SIGHUP)),
    "SIGTERM to the `mlflow run` that started it": (True, lambda process: process.send_signal(signal.SIGTERM)),
    "SIGKILL to the `mlflow run` that started it": (True, lambda process: process.kill()),
}


@dataclass(frozen=True)
class End:
    """What a signal left."""

    seconds: float | None  # until no process of the training was there; None: it trained on
    status: str
    lost_steps: int  # recorded, and in no checkpoint

    def __str__(self) -> str:
        gone = f"still trains after {GRACE_S} s" if self.seconds is None else f"gone after {self.seconds:.1f} s"
        return f"{gone}; {self.status}; {self.lost_steps} step{'s' * (self.lost_steps != 1)} in no checkpoint"


@dataclass(frozen=True)
class Training:
    """One of the two trainings."""

    command: Sequence[str]
    project: Sequence[str]  # the same by `mlflow run`
    running: Callable[[], str | None]  # its run, once it has trained some steps
    loss: str
    checkpoint: Callable[[str], Path]

    def signalled(self, by_mlflow: bool, signal_it: Signal) -> End:
        """Start it in this folder, send a signal while it trains, and look what is left."""
        with started(list(self.project if by_mlflow else self.command)) as process:
            run_id = wait_for(self.running, process)
            signal_it(process)
            begun = time.monotonic()
            while _lives(process) and time.monotonic() < begun + GRACE_S:
                time.sleep(0.05)
            seconds = None if _lives(process) else time.monotonic() - begun
            time.sleep(3)  # for a sender
            end = End(seconds, _status(run_id), self._lost(run_id))
            if _lives(process):
                os.killpg(process.pid, signal.SIGKILL)
        return end

    def _lost(self, run_id: str) -> int:
        rows = MlflowClient().get_metric_history(run_id, self.loss)
        step = load_file(self.checkpoint(run_id))["step"] if self.checkpoint(run_id).exists() else 0
        return max(max((row.step for row in rows), default=0) - int(step), 0)


def _lives(process: Process) -> bool:
    """Whether a process of its group lives, zombies aside."""
    process.poll()
    states = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True).stdout.split("\n")
    return any(line.split()[0] == str(process.pid) and "Z" not in line.split()[1] for line in states if line)


def _status(run_id: str) -> str:
    run = MlflowClient().get_run(run_id)
    told = run.data.tags.get("msl.status", run.info.status)
    return told if told == run.info.status else f"{run.info.status} (msl.status {told})"


def _alone_running() -> str | None:
    for run in MlflowClient().search_runs(["0"]):
        if any(row.step >= 95 for row in MlflowClient().get_metric_history(run.info.run_id, "loss")):
            return str(run.info.run_id)
    return None


def flips_loaded(content: bytes, path: Path, read: Callable[[Path], object]) -> int:
    """How many files with one flipped bit are loaded without a word."""
    random_places, loaded = random.Random(0), 0
    for place in random_places.sample(range(8 * len(content)), FLIPS):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with suppress(Exception):
            read(path)
            loaded += 1
    return loaded


def bits(folder: Path) -> str:
    """The row of flipped bits: the same weights, saved by `torch.save` and by msl."""
    weights = {"conv": torch.randn(64, 32, 3, 3), "norm": torch.randn(64)}
    torch.save({"step": 3, "weights": weights}, folder / "alone.pt")
    about = About(group="g", stage="pretrain", settings={"lr": 0.1})
    write(folder / "msl.pt", Checkpoint(about=about, step=3, weights=weights))
    alone = flips_loaded(
        (folder / "alone.pt").read_bytes(), folder / "alone.pt", partial(torch.load, weights_only=True)
    )
    ours = flips_loaded((folder / "msl.pt").read_bytes(), folder / "msl.pt", load_file)
    return f"| {FLIPS} bit flips of a checkpoint | {alone} loaded without a word | {ours} loaded |"


def full_disk(folder: Path) -> str:
    """The row of a disk that is full while a checkpoint is written over the one before."""
    about = About(group="g", stage="pretrain", settings={})
    cells = []
    with small_disk(folder / "disk", "1m") as disk:
        for save in (_save_alone, lambda path, weights: write(path, Checkpoint(about=about, step=1, weights=weights))):
            path = disk / "last.pt"
            save(path, {"w": torch.randn(100_000)})
            filling = disk / "filling"
            filling.write_bytes(b"0" * 500_000)
            with suppress(Exception):
                save(path, {"w": torch.randn(150_000)})
            filling.unlink()
            cells.append("whole" if _is_whole(path) else "lost")
            path.unlink()
    return "| the disk is full while `last.pt` is saved | {}: {} | {}: {} |".format(
        "the checkpoint before", cells[0], "the checkpoint before", cells[1]
    )


def _save_alone(path: Path, weights: object) -> None:
    torch.save({"step": 1, "weights": weights}, path)


def _is_whole(path: Path) -> bool:
    try:
        return bool(torch.load(path, weights_only=True))
    except Exception:
        return False


def main() -> None:
    """Print the table."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("| fault | MLflow's client alone | msl |\n| --- | --- | --- |", flush=True)
        print(bits(folder), flush=True)
        print(full_disk(folder), flush=True)
        for title, (by_mlflow, signal_it) in SIGNALS.items():
            cells = []
            for kind in ("alone", "msl"):
                place = folder / f"{title[:7]} {len(title)} {kind}"
                place.mkdir()
                with chdir(place):
                    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{place / 'mlflow.db'}"
                    os.environ["MSL_WORK"] = str(place / ".msl")
                    MlflowClient().search_experiments()
                    cells.append(_trainings()[kind].signalled(by_mlflow, signal_it))
            print(f"| {title} | {cells[0]} | {cells[1]} |", flush=True)


def _trainings() -> Mapping[str, Training]:
    """Both trainings, ready to start in this folder."""
    write_domains(Path())
    Path("alone.py").write_text(_ALONE)
    Path("MLproject").write_text(_PROJECT)
    options = arguments({**_MSL, "source": Path("tiny.yaml").absolute(), "target": "none"})
    typed = [part for option in options for part in ("-P", option)]
    mlflow = [sys.executable, "-m", "mlflow", "run", "--env-manager", "local"]
    alone = Training(
        [sys.executable, "alone.py"], [*mlflow, "."], _alone_running, "loss", lambda run_id: Path("last.pt")
    )
    ours = Training(
        [sys.executable, "-m", "entrypoints.pretrain", *(f"--{option}" for option in options)],
        [*mlflow, str(REPOSITORY), "-e", "pretrain", *typed],
        running_past(95),
        "loss/source",
        lambda run_id: Path(".msl") / run_id / "last.pt",
    )
    return {"alone": alone, "msl": ours}


if __name__ == "__main__":
    main()
