"""The service under load, beside MLflow's server on the same PostgreSQL: ``python tests/benchmarks/service.py``.

Clients log as trainings do: a batch of metrics for each step, each client over its own connection. The servers take
turns, so that other work of the machine affects all: the service, MLflow's server without accounts, and MLflow's server
with its own accounts. They have the same number of processes.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import requests

sys.path.insert(0, str(Path(__file__).parent.parent))

from filling import fill, served
from running import Database, postgresql, running

from analysis import open_store

CLIENTS, METRICS, RUNS = 16, 20, 5000
WORKERS, PASSWORD = "2", "a long password"


class Client(requests.Session):
    """What MLflow's client sends, without the time of MLflow's client."""

    def __init__(self, uri: str, login: tuple[str, str] | None) -> None:
        super().__init__()
        self.auth, self.api = login, f"{uri}/api/2.0/mlflow/"

    def answer_to(self, path: str, body: object) -> Any:
        answer = self.post(self.api + path, json=body, timeout=300)
        answer.raise_for_status()
        return answer.json()

    def step(self, run_id: str, step: int) -> float:
        """Seconds for the metrics of a step."""
        rows = [{"key": f"m{i}", "value": i / 7, "timestamp": 1000 + step, "step": step} for i in range(METRICS)]
        start = time.perf_counter()
        self.answer_to("runs/log-batch", {"run_id": run_id, "metrics": rows})
        return time.perf_counter() - start

    def search(self, experiment: str) -> float:
        """Seconds to find all runs of an experiment."""
        start = time.perf_counter()
        result = self.answer_to("runs/search", {"experiment_ids": [experiment], "max_results": RUNS})
        assert len(result["runs"]) == RUNS
        return time.perf_counter() - start


class Server:
    """A server, its database, and a run for each client."""

    def __init__(self, uri: str, store: str, login: tuple[str, str] | None = None) -> None:
        self.uri, self.store, self.login = uri, store, login
        client, body = Client(uri, login), {"experiment_id": "0", "start_time": 1}
        self.runs = [client.answer_to("runs/create", body)["run"]["info"]["run_id"] for _ in range(CLIENTS)]
        self.steps = 0

    def turn(self, steps: int) -> list[float]:
        """Seconds of every batch, of all clients at once."""
        first, self.steps = self.steps, self.steps + steps

        def log(run_id: str) -> list[float]:
            client = Client(self.uri, self.login)
            return [client.step(run_id, step) for step in range(first, first + steps)]

        with ThreadPoolExecutor(CLIENTS) as pool:
            return list(chain.from_iterable(pool.map(log, self.runs)))

    def lost(self) -> int:
        return CLIENTS * METRICS * self.steps - len(open_store(self.store).history(self.runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--steps", type=int, default=25, help="of each client in a turn")
    arguments = parser.parse_args()
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # no helpers beside the bare server either
    with postgresql() as database, tempfile.TemporaryDirectory() as folder, chdir(folder):
        bare_store, our_store = (
            database.new(name).replace("postgresql:", "postgresql+psycopg:") for name in ("bare", "ours")
        )
        filled = fill(our_store, RUNS, METRICS, 1)
        options = ("--database", our_store, "--workers", WORKERS)
        with (
            served(bare_store, "--workers", WORKERS) as address,
            with_accounts(database, Path(folder)) as (accounts, accounts_store),
            running(Path(folder), *options) as service,
        ):
            ours = Server(service.uri, our_store, service.admin)
            others = {
                "MLflow without accounts": Server(address, bare_store),
                "MLflow with its own accounts": Server(accounts, accounts_store, ("admin", PASSWORD)),
            }
            measure(ours, others, arguments.turns, arguments.steps)
            search(ours, filled[0])


@contextmanager
def with_accounts(database: Database, folder: Path) -> Iterator[tuple[str, str]]:
    """Address and store of MLflow's own server with its own accounts."""
    store, accounts = (
        database.new(name).replace("postgresql:", "postgresql+psycopg:") for name in ("theirs", "accounts")
    )
    settings = {"default_permission": "READ", "database_uri": accounts, "admin_username": "admin"}
    settings["auth_cache_ttl_seconds"] = "60"  # as the service has it
    lines = [f"{name} = {value}" for name, value in {**settings, "admin_password": PASSWORD}.items()]
    (folder / "theirs.ini").write_text("\n".join(["[mlflow]", *lines, ""]))
    login = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    only_here = {"MLFLOW_AUTH_CONFIG_PATH": str(folder / "theirs.ini"), "MLFLOW_FLASK_SERVER_SECRET_KEY": "secret"}
    previous = dict(os.environ)
    os.environ.update(login | only_here)
    try:
        with served(store, "--workers", WORKERS, "--app-name", "basic-auth") as address:
            os.environ.clear()
            os.environ.update(previous)
            yield address, store
    finally:
        os.environ.clear()
        os.environ.update(previous)


def measure(ours: Server, others: Mapping[str, Server], turns: int, steps: int) -> None:
    samples: dict[Server, list[float]] = {server: [] for server in (ours, *others.values())}
    for server in samples:
        server.turn(3)  # every process has opened its connections
    for _ in range(turns):
        for server, seconds in samples.items():
            seconds += server.turn(steps)
    slow = {server: 1000 * float(np.percentile(seconds, 95)) for server, seconds in samples.items()}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {len(samples[ours])} batches of {METRICS} each")
    print(f"p95 of a batch, ms: service {slow[ours]:.0f}; rows lost {ours.lost()}")
    for name, server in others.items():
        print(f"{name}: {slow[server]:.0f}, ratio {slow[ours] / slow[server]:.2f}; rows lost {server.lost()}")


def search(server: Server, run_id: str) -> None:
    client = Client(server.uri, server.login)
    answer = client.get(client.api + "runs/get", params={"run_id": run_id}).json()
    experiment = answer["run"]["info"]["experiment_id"]
    client.search(experiment)
    idle = np.median([client.search(experiment) for _ in range(3)])
    over = threading.Event()
    beside: list[float] = []

    def keep_logging() -> None:
        while not over.is_set():
            beside.extend(server.turn(5))

    loggers = threading.Thread(target=keep_logging)
    loggers.start()
    busy = np.median([client.search(experiment) for _ in range(3)])
    over.set()
    loggers.join()
    print(f"search of {RUNS} runs, s: idle {idle:.1f}, while {CLIENTS} log {busy:.1f}, ratio {busy / idle:.2f}")
    print(f"p95 of a batch beside it, ms: {1000 * np.percentile(beside, 95):.0f}, of {len(beside)}")


if __name__ == "__main__":
    main()
