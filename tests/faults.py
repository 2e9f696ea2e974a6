"""What goes wrong with a server, and what a training with MLflow's client alone and one with msl make of it.

``python tests/faults.py`` prints a table. Both are real processes of 600 steps of 50 ms that record one metric at each
step and save every tenth; between them and a real MLflow server stands a gate that makes the fault from step 100 on.
The client alone has MLflow's own settings, and stops at an error, as a script does that does not handle it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, chdir
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gate import Gate, gate
from mlflow.tracking import MlflowClient
from running import postgresql
from servers import mlflow_command

REPOSITORY = Path(__file__).parents[1]
STEPS, FAULT_AT, SIDE_BY_SIDE, PATIENCE_S = 600, 100, 3, 600
_LOOP = """
import json, sys, time
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient
run_id, steps = sys.argv[1], int(sys.argv[2])
client = MlflowClient()
def train(record, save):
    longest, begun = 0.0, time.monotonic()
    for step in range(1, steps + 1):
        before = time.monotonic()
        time.sleep(0.05)
        record(step)
        if step % 10 == 0:
            save(step)
        longest = max(longest, time.monotonic() - before)
        (print("step", step, flush=True) if step % 10 == 0 else None)
    print(json.dumps({"longest": longest, "seconds": time.monotonic() - begun}), flush=True)
"""
ALONE = (
    _LOOP
    + """
train(lambda step: client.log_batch(run_id, [Metric("loss", step / 2, int(time.time() * 1000), step)]), lambda step: 0)
client.set_terminated(run_id)
"""
)
MSL = (
    _LOOP
    + """
from msl.tracking import MlflowReporter, journalled, run_folder
from msl.tracking.ending import ending
reporter = MlflowReporter(client, run_id)
def save(step):
    mark = reporter.mark()
    reporter.flush()
    reporter.secure(mark)
with ending(reporter), run_folder(run_id) as folder, journalled(reporter, folder, "", 0):
    train(lambda step: reporter.metrics({"loss": step / 2}, step), save)
"""
)

Fault = Callable[[str, bytes], int | str | None]
Action = Callable[[], object]


@dataclass
class Outcome:
    """What became of a training."""

    longest_s: float | None  # of a step; None: it did not come to its end
    rows: int  # on the server at the end
    doubled: int
    status: str
    error: str
    synced: int | None = None  # rows after `msl sync`

    def __str__(self) -> str:
        went = (
            f"ended with an error ({self.error})" if self.longest_s is None else f"longest step {self.longest_s:.1f} s"
        )
        doubled = f", {self.doubled} twice" if self.doubled else ""
        synced = "" if self.synced is None else f"; after `msl sync` {self.synced}"
        return f"{went}; {self.rows} of {STEPS} rows{doubled}{synced}; {self.status}"


def during(fault: int | str | float, seconds: float) -> Fault:
    """A fault from now on for some seconds; a float: so late is the answer."""
    until = time.monotonic() + seconds

    def look(path: str, body: bytes) -> int | str | None:
        if time.monotonic() > until:
            return None
        if isinstance(fault, float):
            time.sleep(fault)
            return None
        return fault

    return look


def refusing(status: int) -> Fault:
    """One record is refused, whenever it comes."""

    def look(path: str, body: bytes) -> int | None:
        if "log-batch" not in path:
            return None
        return status if any(row["step"] == 300 for row in json.loads(body).get("metrics", [])) else None

    return look


def first_answer_lost(path_part: str) -> Fault:
    """The server does the first of these requests, and its answer is lost."""
    lost = iter(["lost answer"])
    return lambda path, body: next(lost, None) if path_part in path else None


FAULTS: Mapping[str, Callable[[], Fault]] = {
    "none": lambda: lambda path, body: None,
    "server away for 20 s": lambda: during("away", 20),
    "server away for 60 s": lambda: during("away", 60),
    "server away for good": lambda: during("away", 10_000),
    "every answer takes 2 s, for 60 s": lambda: during(2.0, 60),
    "429 for 20 s": lambda: during(429, 20),
    "500 for 20 s": lambda: during(500, 20),
    "400 for one record": lambda: refusing(400),
    "413 for one record": lambda: refusing(413),
    "the answer to a batch is lost": lambda: first_answer_lost("log-batch"),
}


def outcome(code: str, uri: str, server: str, folder: Path, begin: Action, lift: Action) -> Outcome:
    """Train with a fault, which `begin` makes at its step and `lift` ends after the training."""
    run_id = MlflowClient(server).create_run("0").info.run_id
    env = os.environ | {"MLFLOW_TRACKING_URI": uri, "PYTHONPATH": str(REPOSITORY), "MSL_WORK": str(folder / "work")}
    env |= {"MSL_SENDER": "process"}
    command = [sys.executable, "-c", code, run_id, str(STEPS)]
    told: list[str] = []
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        end = threading.Timer(PATIENCE_S, process.kill)
        end.start()
        for line in process.stdout or ():
            told.append(line.strip())
            if told[-1] == f"step {FAULT_AT}":
                begin()
        end.cancel()
    results = [line for line in told if line.startswith("{")]
    longest_s = json.loads(results[0])["longest"] if results else None
    error = next((line for line in reversed(told) if "Exception" in line or "Error" in line), "")[:70]
    result = Outcome(longest_s, *_rows(server, run_id), _status(server, run_id), error)
    if (folder / "work" / run_id).exists():
        lift()
        subprocess.run([sys.executable, "-m", "entrypoints.sync"], env=env, cwd=REPOSITORY, capture_output=True)
        result.synced, result.status = _rows(server, run_id)[0], _status(server, run_id)
    return result


def _rows(server: str, run_id: str) -> tuple[int, int]:
    steps = [metric.step for metric in MlflowClient(server).get_metric_history(run_id, "loss")]
    return len(set(steps)), len(steps) - len(set(steps))


def _status(server: str, run_id: str) -> str:
    return str(MlflowClient(server).get_run(run_id).info.status)


def compare(name: str, server: str, folder: Path) -> str:
    """A row of the table."""
    cells = []
    for title, code in (("alone", ALONE), ("msl", MSL)):
        with gate(server) as door:
            begin = partial(_set, door, FAULTS[name])
            lift = partial(_set, door, FAULTS["none"])
            cells.append(outcome(code, door.uri, server, folder / f"{title} {len(name)} {name[:9]}", begin, lift))
    return f"| {name} | {cells[0]} | {cells[1]} |"


def _set(door: Gate, fault: Callable[[], Fault]) -> None:
    door.fault = fault()


def created(server: str) -> str:
    """Runs that one creation makes when its answer is lost."""
    code = "from mlflow.tracking import MlflowClient; MlflowClient().create_run('0', tags={'test': 'alone'})"
    ours = "from mlflow.tracking import MlflowClient; from msl.tracking import open_run\n"
    ours += "open_run(MlflowClient(), 'x', {'test': 'msl'})"
    for program in (code, ours):
        with gate(server) as door:
            door.fault = first_answer_lost("runs/create")
            env = os.environ | {"MLFLOW_TRACKING_URI": door.uri, "PYTHONPATH": str(REPOSITORY)}
            subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, check=False)
    counts = [len(MlflowClient(server).search_runs(["0"], f"tags.test = '{name}'")) for name in ("alone", "msl")]
    return f"| the answer to runs/create is lost | {counts[0]} runs | {counts[1]} run{'s' * (counts[1] != 1)} |"


def database_restarted(folder: Path) -> str:
    """A direct PostgreSQL address, and the database restarts for some seconds."""
    with postgresql() as database:
        MlflowClient(database.uri).search_experiments()
        cells: list[Outcome] = []

        def restart() -> None:
            database.stop()
            time.sleep(3)
            database.start()

        for title, code in (("alone", ALONE), ("msl", MSL)):
            cells.append(outcome(code, database.uri, database.uri, folder / title, restart, lambda: None))
    return f"| PostgreSQL restarted beneath a direct address | {cells[0]} | {cells[1]} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of a fault's name")
    only = parser.parse_args().only
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(chdir(folder))
        store = f"sqlite:///{folder / 'mlflow.db'}"
        server = stack.enter_context(
            mlflow_command(["server", "--backend-store-uri", store, "--workers", "1"], "/health", folder)
        )
        print("| fault | MLflow's client alone | msl |\n| --- | --- | --- |", flush=True)
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            names = [name for name in FAULTS if only in name]
            for row in pool.map(lambda name: compare(name, server, folder), names):
                print(row, flush=True)
        if only in "the answer to runs/create is lost":
            print(created(server), flush=True)
        if only in "PostgreSQL restarted":
            print(database_restarted(folder), flush=True)


if __name__ == "__main__":
    main()
