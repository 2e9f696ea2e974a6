"""Kills trainings at random moments and takes them up again, until they are what an undisturbed training is.

``python tests/kills.py --kills 100 --seed 0``: real processes against a real MLflow server on SQLite. Every stage is
trained once undisturbed. Then runs with the same settings are killed and taken up again until they are FINISHED, and
compared with it: weights, rows in MLflow's own tables, latest values, artifacts, status, and what is left behind.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, chdir, closing, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
import data_factory
from forked import end_after
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from servers import mlflow_command
from tiny import SETTINGS, write_domains
from trainings import arguments

from msl import schema
from msl.commands import find_command
from msl.style import VGG, Encoder
from msl.weights import load_file

REPOSITORY = Path(__file__).parents[1]
STEPS, EVAL_EVERY = 24, 6
LENGTH = {"epoch_iters": 5, "eval_every": EVAL_EVERY, "log_every": 2}
STYLE = {"style": "photographs", "encoder": "vgg.pth"}
DECODER = {
    "content": "tiny.yaml,tiny_real.yaml",
    **STYLE,
    "style_resize": 32,
    "style_crop": 32,
    "style_batch_size": 2,
    "style_iters": STEPS,
    "preview_every": EVAL_EVERY,
    "previews": 1,
    "log_every": 2,
}
TRAINING = SETTINGS | LENGTH | {"max_iters": STEPS, "checkpoint_every": 4, "recipe": "streets"}
SOLO = {"round_num": 3, "epoch_each_round": 1, "target_solo_epoch": 1, "max_iters": 15}
STARTED = {"checkpoint": "pretrained.pt"}
STAGES: Mapping[str, Mapping[str, Any]] = {
    "pretrain": TRAINING,
    "train_style": DECODER | {"recipe": "streets"},
    "adapt": TRAINING | STARTED,
    "target_solo": TRAINING | STARTED | SOLO,
    "self_train": TRAINING | STARTED | {"masking": "blocks", "sampling": "rare_classes"},
    "joint_adain": TRAINING | STARTED | STYLE | {"decoder": "decoder.pt", "style_training": "decoder"},
    "deeplabv3p": TRAINING,
}
RESULTS = {"pretrain": "pretrained.pt", "train_style": "decoder.pt"}  # what other stages start from
MOST_KILLS = 3  # of one run
PATIENCE_S = 240.0
CHANGING = ("speed/", "memory/")  # metrics of the machine: steps are compared, values are not
NOT_COMPARED = ("error", "code")  # artifacts that only an attempt has

_KINDS = ("any time", "save", "upload", "evaluation", "best/ and last/", "after the end")


class DifferenceError(AssertionError):
    """A run that was killed is not what an undisturbed one is."""


class Starter:
    """Starts processes that have imported everything already: forks of one that has done nothing else."""

    def __init__(self) -> None:
        self._pipe, other = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(target=_serve, args=(other,), daemon=False)
        self._process.start()

    def ask(self, *request: Any) -> Any:
        self._pipe.send(request)
        return self._pipe.recv()

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join()


def _serve(pipe: Connection) -> None:
    import_module("msl.commands.training")
    import_module("msl.runs")
    while request := pipe.recv():
        if request[0] == "start":
            child = os.fork()
            if child == 0:
                _become(*request[1:])
            pipe.send(child)
        else:
            number, status = os.waitpid(request[1], os.WNOHANG)
            pipe.send(os.waitstatus_to_exitcode(status) if number else None)


def _become(stage: str, settings: Mapping[str, Any], env: Mapping[str, str], log: str) -> None:
    """Go on as the process of a stage."""
    os.environ |= env
    end_after(lambda: find_command(stage).main([f"--{o}" for o in arguments(settings)], f"msl {stage}"), log)


@dataclass
class Process:
    """A process of a stage."""

    pid: int
    starter: Starter
    status: int | None = None

    def poll(self) -> int | None:
        """Its exit status; None if it runs."""
        if self.status is None:
            self.status = self.starter.ask("poll", self.pid)
        return self.status

    def wait(self) -> int:
        """Its exit status.

        Raises:
            DifferenceError: it does not end.
        """
        until = time.monotonic() + PATIENCE_S
        while (status := self.poll()) is None:
            if time.monotonic() > until:
                os.killpg(self.pid, signal.SIGKILL)
                raise DifferenceError("the process does not end")
            time.sleep(0.05)
        return status


@dataclass
class Place:
    """Where the trainings run: a folder, a server and its database."""

    folder: Path
    database: Path
    client: MlflowClient
    starter: Starter
    whole: dict[str, Run] = field(default_factory=dict)  # the undisturbed runs, by stage

    def start(self, stage: str, settings: Mapping[str, Any], experiment: str, log: Path) -> Process:
        """A process of a stage."""
        env = {"MLFLOW_EXPERIMENT_NAME": experiment}
        names = ("MLFLOW_TRACKING_URI", "MSL_CACHE", "MSL_GRACE_S", "MSL_SENDER", "OMP_NUM_THREADS", "PYTHONPATH")
        env |= {name: os.environ[name] for name in names}
        return Process(self.starter.ask("start", stage, dict(settings), env, str(log)), self.starter)


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """A folder with domains and style images, and a server; the working directory is the folder."""
    write_domains(folder)
    torch.manual_seed(0)
    torch.save(Encoder(VGG(channels=(4, 6, 8, 10))).state_dict(), folder / "vgg.pth")
    for seed, size in enumerate([(40, 48), (64, 36), (33, 33)]):
        data_factory.save(data_factory.picture(seed, size), folder / "photographs" / f"{seed}.png")
    database = folder / "mlflow.db"
    server = ["server", "--backend-store-uri", f"sqlite:///{database}", "--workers", "1"]
    with ExitStack() as stack:
        stack.enter_context(chdir(folder))
        starter = Starter()
        stack.callback(starter.close)
        address = stack.enter_context(mlflow_command(server, "/health", folder))
        stack.callback(_set_environment, dict(os.environ))
        os.environ |= {"MLFLOW_TRACKING_URI": address, "MSL_CACHE": str(folder / "cache"), "MSL_GRACE_S": "60"}
        os.environ |= {"MSL_SENDER": "process", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
        yield Place(folder, database, MlflowClient(address), starter)


def _set_environment(values: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ |= values


def train_whole(site: Place, stage: str) -> None:
    """The undisturbed run of a stage."""
    experiment = f"{stage} whole"
    process = site.start(stage, STAGES[stage], experiment, site.folder / "whole.log")
    if process.wait():
        raise DifferenceError(f"{stage}: {(site.folder / 'whole.log').read_text()[-3000:]}")
    (site.whole[stage],) = _runs(site, experiment)
    if stage in RESULTS:
        checkpoint = site.client.download_artifacts(site.whole[stage].info.run_id, "checkpoints/last.pt")
        Path(checkpoint).replace(site.folder / RESULTS[stage])


def disturb(site: Place, stage: str, name: str, dice: random.Random, most_kills: int = MOST_KILLS) -> list[str]:
    """Kill one run of a stage again and again, take it up until it is finished, and compare it.

    Returns:
        The kills, in words.

    Raises:
        DifferenceError: the run is not what an undisturbed one is.
    """
    kills: list[str] = []
    workers, count = dice.choice((0, 1, 2)), dice.randint(1, most_kills)
    while (run := _run(site, name)) is None or run.info.status != schema.FINISHED:
        log = site.folder / f"{name}.log"
        settings = {"resume": run.info.run_id} if run else STAGES[stage] | {"num_workers": workers}
        process = site.start(stage, settings, name, log)
        if len(kills) < count:
            kills += _kill(process, dice)
        elif process.wait():
            raise DifferenceError(f"{stage} {name} after {kills}: {log.read_text()[-3000:]}")
        _settle(site, name, dice)
    try:
        _compare(site, site.whole[stage], run)
    except DifferenceError as error:
        raise DifferenceError(f"{stage} {name}, {workers} workers, after {kills}: {error}") from None
    return kills


def _kill(process: Process, dice: random.Random) -> list[str]:
    """Wait for a random moment and end the process there; an empty list if it has ended before."""
    kind, number = dice.choice(_KINDS), dice.choice((signal.SIGKILL,) * 3 + (signal.SIGTERM,))
    from_step, delay_s = dice.randint(0, STEPS - 4), dice.choice((0.0, dice.uniform(0, 0.1)))
    is_group, with_sender = dice.random() < 0.5, dice.random() < 0.3
    begun, earlier = time.monotonic(), _segments()
    until = begun + dice.uniform(4, 16) if kind == "any time" else begun + PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        if kind != "any time" and _is_moment(kind, from_step, earlier):
            break
        time.sleep(0.002 if kind != "any time" else 0.05)
    time.sleep(delay_s)
    if process.poll() is not None:
        return []
    if with_sender and number == signal.SIGKILL:
        _end_senders(signal.SIGSTOP)  # so that the machine stops as a whole
    (os.killpg if is_group else os.kill)(process.pid, number)
    if with_sender and number == signal.SIGKILL:
        _end_senders(signal.SIGKILL)
    process.wait()
    whom = f"{'group' if is_group else 'process'}{' and sender' if with_sender else ''}"
    return [f"{number.name} to the {whom}, {kind} from step {from_step}, {time.monotonic() - begun:.2f} s"]


def _is_moment(kind: str, from_step: int, earlier: set[Path]) -> bool:
    """Whether what this process has written to its journal, and the files around it, show the moment."""
    with suppress(FileNotFoundError):  # what was sent goes, and a run that ends takes its journal along
        return any(_shows(kind, from_step, segment) for segment in _segments() - earlier)
    return False


def _shows(kind: str, from_step: int, segment: Path) -> bool:
    journal, text = segment.parent, segment.read_text(errors="replace")
    steps = [int(part.partition(",")[0]) for part in text.split('"step":')[1:]]
    if kind == "after the end":
        return '"kind":"end"' in text
    if kind == "best/ and last/":
        return '"best/' in text or '"last/' in text
    if not steps or steps[-1] < from_step:
        return False
    if kind == "save":
        return any(journal.parent.glob(".*.tmp*"))
    if kind == "upload":
        return any(journal.glob("files/*/*.pt"))
    return steps[-1] % EVAL_EVERY == 0  # its row comes before the evaluation


def _segments() -> set[Path]:
    """The files of all journals; a run that ends meanwhile takes its own along."""
    segments = set[Path]()
    for run in Path(".msl").glob("*"):
        with suppress(FileNotFoundError):
            segments |= set(run.glob("journal/*.journal"))
    return segments


def _senders() -> list[int]:
    search = ["pgrep", "-f", "msl.tracking.send .*" + str(Path.cwd())]
    return [int(number) for number in subprocess.run(search, capture_output=True, text=True).stdout.split()]


def _end_senders(number: signal.Signals) -> None:
    for sender in _senders():
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(sender, number)


def _settle(site: Place, name: str, dice: random.Random) -> None:
    """Wait for the sender or not, and `msl sync` or not, before the run is taken up."""
    choice = dice.choice(("at once", "wait", "sync"))
    if choice == "at once":
        return
    _wait_for_senders()
    if choice == "sync":
        subprocess.run([sys.executable, "-m", "entrypoints.sync"], capture_output=True, check=False)


def _wait_for_senders() -> None:
    until = time.monotonic() + PATIENCE_S
    while _senders():
        if time.monotonic() > until:
            raise DifferenceError(f"senders {_senders()} do not end")
        time.sleep(0.1)


def _runs(site: Place, name: str) -> list[Run]:
    experiment = site.client.get_experiment_by_name(name)
    return list(site.client.search_runs([experiment.experiment_id])) if experiment else []


def _run(site: Place, name: str) -> Run | None:
    """The run of a trial. One that was killed before its first record is left, if another was begun after it."""
    runs = _runs(site, name)
    return runs[0] if runs else None


def _compare(site: Place, whole: Run, run: Run) -> None:
    _wait_for_senders()
    subprocess.run([sys.executable, "-m", "entrypoints.sync"], capture_output=True, check=True)
    _require(_leftovers(site, run), [], "leftovers")
    one, two = whole.info.run_id, run.info.run_id
    tags = site.client.get_run(two).data.tags
    _require((tags.get(schema.STATUS), tags.get(schema.ERROR)), (schema.FINISHED, None), "msl.status and msl.error")
    for table in ("metrics", "latest_metrics"):
        _require(_rows(site, table, two), _rows(site, table, one), f"rows of {table}")
    _require(_artifacts(site, two), _artifacts(site, one), "artifacts")
    for path in (path for path in _artifacts(site, one) if path.endswith(".pt")):
        _require(_checkpoint(site, two, path), _checkpoint(site, one, path), path)


def _leftovers(site: Place, run: Run) -> list[str]:
    places = (Path(".msl"), site.folder / "mlartifacts")
    paths = [*Path(".msl").glob("*"), *(path for folder in places for path in folder.rglob(".*.tmp*"))]
    running = site.client.search_runs([run.info.experiment_id], "attributes.status = 'RUNNING'")
    return [str(path) for path in paths] + [other.info.run_id for other in running]


def _rows(site: Place, table: str, run_id: str) -> Counter[tuple[str, int, float | None]]:
    query = f"SELECT key, step, value, is_nan FROM {table} WHERE run_uuid = ?"
    with closing(sqlite3.connect(site.database, timeout=60)) as connection:
        rows = connection.execute(query, (run_id,)).fetchall()
    return Counter(
        (key, step, None if key.startswith(CHANGING) or is_nan else value) for key, step, value, is_nan in rows
    )


def _artifacts(site: Place, run_id: str, folder: str = "") -> list[str]:
    paths: list[str] = []
    for entry in site.client.list_artifacts(run_id, folder or None):
        if entry.path not in NOT_COMPARED:
            paths += _artifacts(site, run_id, entry.path) if entry.is_dir else [entry.path]
    return sorted(paths)


def _checkpoint(site: Place, run_id: str, path: str) -> dict[str, Any]:
    """The content of a checkpoint, in values that can be compared; the settings of the machine are left out."""
    with tempfile.TemporaryDirectory() as folder:
        content = load_file(Path(site.client.download_artifacts(run_id, path, folder)))
    names = ("step", "weights", "optimizer", "positions", "callbacks")
    return _plain({name: content[name] for name in names if name in content})


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return json.dumps([str(value.dtype), value.double().flatten().tolist()])  # the bits, as text
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _require(actual: Any, expected: Any, what: str) -> None:
    if actual == expected:
        return
    if isinstance(actual, Counter):
        raise DifferenceError(f"{what}: too many {actual - expected}, missing {expected - actual}")
    if isinstance(actual, dict):
        raise DifferenceError(f"{what}: {[key for key in expected if actual.get(key) != expected[key]]} differ")
    raise DifferenceError(f"{what}: {actual}, not {expected}")


def main() -> int:
    """Print a line for each run; the status is the number of runs that differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    stages, dice = options.stages.split(","), random.Random(options.seed)
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        site = stack.enter_context(place(folder.absolute()))
        for stage in STAGES:
            if stage in stages or stage in RESULTS:
                train_whole(site, stage)
                print(f"{stage}: undisturbed", flush=True)
        return _disturb_all(site, stages, options.kills, dice)


def _disturb_all(site: Place, stages: list[str], kills: int, dice: random.Random) -> int:
    done, failures, number = 0, 0, 0
    while done < kills:
        stage, seed = stages[number % len(stages)], dice.randrange(2**32)
        number += 1
        try:
            words = disturb(site, stage, f"{stage} {seed}", random.Random(seed))
            done += len(words)
            print(f"{done} kills, {stage} {seed}: equal after {words}", flush=True)
        except DifferenceError as error:
            failures, done = failures + 1, done + 1
            Path(".msl").rename(f"failed {number}")
            print(f"DIFFERENCE {error}", flush=True)
    print(f"{done} kills of {number} runs, {failures} runs differ")
    return failures


if __name__ == "__main__":
    sys.exit(main())
