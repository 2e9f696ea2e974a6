"""Big run stores for the benchmarks."""

import contextlib
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from mlflow.tracking import MlflowClient

from msl import schema

Cells = tuple[object, ...]  # of a row


def fill(uri: str, runs: int, metrics: int, steps: int, seeds: int = 0) -> list[str]:
    """Finished runs with parameters, tags and histories, written directly into MLflow's tables.

    With `seeds`, they are runs of msl, as many of a group; their metrics are target/mIoU and others.
    """
    client = MlflowClient(uri)
    experiment = int(client.create_experiment(uuid.uuid4().hex))
    ids = [uuid.uuid4().hex for _ in range(runs)]
    engine = sa.create_engine(uri, poolclass=sa.NullPool)
    random = np.random.default_rng(0)
    common = {"experiment_id": experiment, "status": "FINISHED", "lifecycle_stage": "active"}
    common |= {"user_id": "me", "artifact_uri": "", "source_type": "LOCAL", "start_time": 1, "end_time": 2}
    keys = [f"target/metric {k}" for k in range(metrics)]
    if seeds:
        keys[:2] = ["target/mIoU", "last/target/mIoU"]

    def rows(at: range) -> Iterator[Cells]:
        for i in ids:
            for key in keys:
                for s, value in zip(at, random.random(len(at)).tolist(), strict=True):
                    yield i, key, s, 1000 + s, value, False

    named = ("run_uuid", "key", "step", "timestamp", "value", "is_nan")
    texts = ((i, f"key {k}", f"{i[:4]} {k}") for i in ids for k in range(20))
    tags = ((i, f"key {k}", f"{i[:4]} {k}") for i in ids for k in range(10))
    with contextlib.closing(engine.raw_connection()) as connection:
        insert = _inserter(connection, engine.dialect.name)
        insert("runs", ("run_uuid", "name", *common), ((i, i[:6], *common.values()) for i in ids))
        insert("params", ("run_uuid", "key", "value"), texts)
        insert("tags", ("run_uuid", "key", "value"), tags)
        if seeds:
            insert(
                "params",
                ("run_uuid", "key", "value"),
                ((i, schema.param("seed"), n % seeds) for n, i in enumerate(ids)),
            )
            marks = ((schema.STAGE, "adapt"), (schema.GROUP, "group"))
            groups = (
                (i, key, f"{value} {n // seeds}" if key == schema.GROUP else value)
                for n, i in enumerate(ids)
                for key, value in marks
            )
            insert("tags", ("run_uuid", "key", "value"), groups)
        insert("metrics", named, rows(range(steps)))
        insert("latest_metrics", named, rows(range(steps - 1, steps)))
        connection.commit()
        if engine.dialect.name == "postgresql":  # as its daemon does by itself, some minutes later
            connection.driver_connection.autocommit = True
            connection.cursor().execute("VACUUM ANALYZE")
    return ids


def _inserter(connection: Any, dialect: str) -> Callable[[str, Sequence[str], Iterable[Cells]], None]:
    """The fastest function of the database's driver that fills a table."""

    def insert(table: str, columns: Sequence[str], rows: Iterable[Cells]) -> None:
        names = ", ".join(columns)
        cursor = connection.cursor()
        if dialect == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)

    return insert


@contextlib.contextmanager
def served(store: str, *options: str) -> Iterator[str]:
    """Address of an MLflow server on a store."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--port", port, *options]
    with Path("server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        MlflowClient(address).search_experiments()  # waits until it answers
        yield address
    finally:
        server.terminate()
        server.wait()
