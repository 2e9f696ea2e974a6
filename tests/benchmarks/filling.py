"""Big run stores for the benchmarks."""

import contextlib
import itertools
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from mlflow.tracking import MlflowClient


def fill(uri: str, runs: int, metrics: int, steps: int) -> list[str]:
    """Finished runs with parameters, tags and histories, written past MLflow into its tables."""
    client = MlflowClient(uri)
    experiment = int(client.create_experiment(uuid.uuid4().hex))
    ids = [uuid.uuid4().hex for _ in range(runs)]
    engine = sa.create_engine(uri, poolclass=sa.NullPool)
    tables = sa.MetaData()
    names = ("runs", "metrics", "latest_metrics", "params", "tags")
    tables.reflect(engine, only=names)
    run, metric, latest, param, tag = (tables.tables[name] for name in names)
    random = np.random.default_rng(0)
    common = {"experiment_id": experiment, "status": "FINISHED", "lifecycle_stage": "active"}
    common |= {"user_id": "me", "artifact_uri": "", "source_type": "LOCAL", "start_time": 1, "end_time": 2}
    with engine.begin() as connection:

        def insert(table: sa.Table, rows: Iterator[dict[str, object]]) -> None:
            while batch := list(itertools.islice(rows, 50_000)):
                connection.execute(table.insert(), batch)

        insert(run, ({"run_uuid": i, "name": i[:6], **common} for i in ids))
        for table, count in ((param, 20), (tag, 10)):
            keys = [f"key {k}" for k in range(count)]
            insert(table, ({"run_uuid": i, "key": key, "value": f"{i[:4]} {key}"} for i in ids for key in keys))
        keys = [f"target/metric {k}" for k in range(metrics)]
        for table, at in ((metric, range(steps)), (latest, range(steps - 1, steps))):
            rows = (
                {"run_uuid": i, "key": key, "step": s, "timestamp": 1000 + s, "value": value, "is_nan": False}
                for i in ids
                for key in keys
                for s, value in zip(at, random.random(len(at)).tolist(), strict=True)
            )
            insert(table, rows)
    return ids


@contextlib.contextmanager
def served(store: str) -> Iterator[str]:
    """Address of an MLflow server on a store."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--port", port]
    with Path("server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        MlflowClient(address).search_experiments()  # waits until it answers
        yield address
    finally:
        server.terminate()
        server.wait()
