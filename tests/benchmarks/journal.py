"""What recording costs a training while the server is up, slow, or away: ``python tests/benchmarks/journal.py``.

Each step computes for some milliseconds and records 20 metrics; every 50 steps it saves. The alternative sends from
the training's own thread, as msl did before it had a journal and as MLflow's client does.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, chdir
from pathlib import Path

import numpy as np
from mlflow.tracking import MlflowClient

sys.path.insert(0, str(Path(__file__).parents[1]))
from gate import gate
from servers import mlflow_command

from msl import schema
from msl.tracking.direct import Direct
from msl.tracking.journalled import Journalled
from msl.tracking.reporter import Way
from msl.training.background import Background

STEPS, LONG_STEPS = 1000, 4000
METRICS = {f"loss/term {number}": number / 7 for number in range(20)}
SAVE_EVERY = 50
SLOW_S = 10.0
DRAINED = 50_000

_beside = Background()


def main() -> None:
    """Print the table."""
    os.environ |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MSL_GRACE_S": "300"}
    with tempfile.TemporaryDirectory() as name, chdir(name):
        folder = Path(name)
        store = f"sqlite:///{folder / 'mlflow.db'}"
        server = ["server", "--backend-store-uri", store, "--workers", "1"]
        with mlflow_command(server, "/health", folder) as address:
            _compare(address, folder)
            os.environ["MLFLOW_TRACKING_URI"] = address
            _grow(folder)
            _drain(folder)
        print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def _compare(server: str, folder: Path) -> None:
    """Blocks of steps in turn, so that what else the machine does counts everywhere."""
    faults = {"up": None, "answers after 10 s": _slow, "away": lambda path, body: "away"}
    times: dict[str, list[tuple[np.ndarray, float]]] = {title: [] for title in (*faults, "own thread")}
    with ExitStack() as stack:
        ways: dict[str, Way] = {}
        for title, fault in faults.items():
            door = stack.enter_context(gate(server))
            os.environ["MLFLOW_TRACKING_URI"] = door.uri
            ways[title] = Journalled(MlflowClient(server), _run(server), 1, folder / title, "")
            door.fault = fault or door.fault
        ways["own thread"] = Direct(MlflowClient(server), _run(server))
        for block in range(STEPS // SAVE_EVERY):
            for title, way in ways.items():
                times[title].append(_train(way, block * SAVE_EVERY))
        _beside.wait()
        for title in ("up", "own thread"):
            ways[title].end({schema.STATUS: schema.FINISHED})
    whole = {title: sum(seconds for _, seconds in blocks) for title, blocks in times.items()}
    for title, blocks in times.items():
        costs = np.concatenate([costs for costs, _ in blocks])
        print(f"{title}: {_text(costs)}; throughput against up {whole['up'] / whole[title]:.3f}")


def _run(server: str) -> str:
    return str(MlflowClient(server).create_run("0").info.run_id)


def _slow(path: str, body: bytes) -> None:
    time.sleep(SLOW_S)


def _train(way: Way, first: int, steps: int = SAVE_EVERY) -> tuple[np.ndarray, float]:
    """Milliseconds that each step spends on recording, passed and of processor time (n, 2); seconds of the whole."""
    matrix = np.random.default_rng(0).random((250, 250))
    costs = []
    began = time.perf_counter()
    for step in range(first + 1, first + steps + 1):
        for _ in range(4):
            matrix = matrix @ matrix
            matrix /= matrix.max()
        start, start_busy = time.perf_counter(), time.thread_time()
        way.rows(METRICS, step)
        costs.append((1000 * (time.perf_counter() - start), 1000 * (time.thread_time() - start_busy)))
        if step % SAVE_EVERY == 0:
            _save(way)
    return np.array(costs), time.perf_counter() - began


def _save(way: Way) -> None:
    """As a training does: a journal is written to the disk beside it."""
    mark = way.mark()

    def save() -> None:
        way.flush()
        way.secure(mark)

    if isinstance(way, Journalled):
        _beside.start(save)
    else:
        save()


def _text(costs: np.ndarray) -> str:
    return "; ".join(
        f"{title} {_figures(times)}" for title, times in zip(("passed:", "processor:"), costs.T, strict=True)
    )


def _figures(times: np.ndarray) -> str:
    return f"mean {times.mean():.3f} ms, 99th percentile {np.quantile(times, 0.99):.3f} ms, most {times.max():.1f} ms"


def _grow(folder: Path) -> None:
    """Memory and open files of this process and its sender while a run of 4 000 steps goes on."""
    client = MlflowClient()
    run_id = client.create_run("0").info.run_id
    way = Journalled(client, run_id, 1, folder / run_id, "")
    for part in range(4):
        _train(way, part * LONG_STEPS // 4, LONG_STEPS // 4)
        sizes = [f"{size:.0f} MB and {count} open files" for size, count in map(_size, _family())]
        print(f"{(part + 1) * LONG_STEPS // 4} steps: this process and its sender have {', '.join(sizes)}")
    _beside.wait()
    way.end({schema.STATUS: schema.FINISHED})


def _family() -> list[int]:
    sender = subprocess.run(["pgrep", "-f", "msl.tracking.send"], capture_output=True, text=True).stdout.split()
    return [os.getpid(), *(int(number) for number in sender if _parent(int(number)) == os.getpid())]


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def _size(process: int) -> tuple[float, int]:
    """Resident memory in MB, number of open files."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(list(Path(f"/proc/{process}/fd").iterdir()))


def _drain(folder: Path) -> None:
    """Seconds from the end of a run until the server has the rows that waited."""
    client = MlflowClient()
    run_id = client.create_run("0").info.run_id
    way = Journalled(client, run_id, 1, folder / run_id, "")
    for step in range(DRAINED // len(METRICS)):
        way.rows(METRICS, step)
    time.sleep(15)  # the sender has started
    start = time.perf_counter()
    way.end({schema.STATUS: schema.FINISHED})
    print(f"{DRAINED} rows on the server {time.perf_counter() - start:.1f} s after the end of the run")


if __name__ == "__main__":
    main()
