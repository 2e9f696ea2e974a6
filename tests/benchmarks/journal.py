"""What recording costs a training while the server is up, slow, or away: ``python tests/benchmarks/journal.py``.

Each step computes for some milliseconds and records 20 metrics; every 50 steps it saves. The alternative sends from
the training's own thread, as msl did before it had a journal and as MLflow's client does.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import numpy as np
from mlflow.tracking import MlflowClient

sys.path.insert(0, str(Path(__file__).parents[1]))
from gate import Gate, gate
from servers import mlflow_command

from msl import schema
from msl.tracking.direct import Direct
from msl.tracking.journalled import Journalled
from msl.tracking.reporter import Way

STEPS = 1000
METRICS = {f"loss/term {number}": number / 7 for number in range(20)}
SAVE_EVERY = 50
SLOW_S = 10.0
DRAINED = 50_000


def main() -> None:
    """Print the table."""
    os.environ |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MSL_GRACE_S": "300"}
    with tempfile.TemporaryDirectory() as name, chdir(name):
        folder = Path(name)
        store = f"sqlite:///{folder / 'mlflow.db'}"
        server = ["server", "--backend-store-uri", store, "--workers", "1"]
        with mlflow_command(server, "/health", folder) as address, gate(address) as door:
            os.environ["MLFLOW_TRACKING_URI"] = door.uri
            _compare(door, folder)
            _drain(folder)


def _compare(door: Gate, folder: Path) -> None:
    client = MlflowClient(door.uri)
    faults: dict[str, Callable[[str, bytes], str | None]] = {
        "up": lambda path, body: None,
        "answers after 10 s": _slow,
        "away": lambda path, body: "away",
    }
    whole = {}
    for title, fault in faults.items():
        run_id = client.create_run("0").info.run_id
        door.fault = fault
        way = Journalled(client, run_id, 1, folder / run_id, "")
        costs, whole[title] = _train(way)
        door.fault = faults["up"]
        way.end({schema.STATUS: schema.FINISHED})
        print(f"journal, server {title}: {_text(costs)}; throughput against up {whole['up'] / whole[title]:.3f}")
    direct = Direct(client, client.create_run("0").info.run_id)
    costs, seconds = _train(direct)
    print(f"own thread, server up: {_text(costs)}; throughput against the journal {whole['up'] / seconds:.3f}")


def _slow(path: str, body: bytes) -> None:
    time.sleep(SLOW_S)


def _train(way: Way) -> tuple[np.ndarray, float]:
    """Milliseconds that each step spends on recording, and seconds of the whole."""
    matrix = np.random.default_rng(0).random((250, 250))
    costs = []
    began = time.perf_counter()
    for step in range(1, STEPS + 1):
        for _ in range(4):
            matrix = matrix @ matrix
            matrix /= matrix.max()
        start = time.perf_counter()
        way.rows(METRICS, step)
        costs.append(1000 * (time.perf_counter() - start))
        if step % SAVE_EVERY == 0:
            way.flush()
            way.secure(way.mark())
    return np.array(costs), time.perf_counter() - began


def _text(costs: np.ndarray) -> str:
    return f"mean {costs.mean():.3f} ms, 99th percentile {np.quantile(costs, 0.99):.3f} ms, most {costs.max():.1f} ms"


def _drain(folder: Path) -> None:
    """Seconds from the end of a run until the server has the rows that waited."""
    client = MlflowClient()
    run_id = client.create_run("0").info.run_id
    way = Journalled(client, run_id, 1, folder / run_id, "")
    for step in range(DRAINED // len(METRICS)):
        way.rows(METRICS, step)
    time.sleep(5)  # the sender has started
    start = time.perf_counter()
    way.end({schema.STATUS: schema.FINISHED})
    print(f"{DRAINED} rows on the server {time.perf_counter() - start:.1f} s after the end of the run")


if __name__ == "__main__":
    main()
