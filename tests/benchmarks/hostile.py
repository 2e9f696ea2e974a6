"""The service beside strangers, and with a large artifact: ``python tests/benchmarks/hostile.py``.

16 clients log as in `service.py`. In every second turn strangers send 60 wrong passwords and hold 900 connections that
say half a header; turns without strangers are between these, so that other work of the machine affects both. Then an
artifact of 2 GB goes up and comes down, and the memory of the server's processes is looked at.
"""

import argparse
import hashlib
import multiprocessing
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import requests

sys.path.insert(0, str(Path(__file__).parent.parent))

from running import Service, postgresql, running
from service import CLIENTS, WORKERS, Server

WRONG_PASSWORDS, HALF_OPEN = 60, 900
_CHUNK = os.urandom(2**20)


@contextmanager
def strangers(service: Service) -> Iterator[list[int]]:
    """Strangers in a process of their own; gives the answers to wrong passwords, at the end of the block."""
    spawn = multiprocessing.get_context("spawn")
    begun, over, statuses, answers = spawn.Event(), spawn.Event(), spawn.SimpleQueue(), []
    process = spawn.Process(target=be_strangers, args=(service.port, begun, over, statuses))
    process.start()
    begun.wait()
    try:
        yield answers
    finally:
        over.set()
        answers += statuses.get()
        process.join()


def be_strangers(port: int, begun: Event, over: Event, statuses: "multiprocessing.SimpleQueue[list[int]]") -> None:
    """Half-open connections, made again as often as the server closes them, and wrong passwords."""
    os.nice(19)  # they stand for other machines: what they compute shall not be taken from the server
    answers: list[int] = []

    def guess() -> None:
        for number in range(WRONG_PASSWORDS):
            if not over.is_set():
                login = (f"nobody {number % 7}", f"wrong password {number}")
                url = f"http://127.0.0.1:{port}/version"
                answers.append(requests.get(url, auth=login, timeout=300).status_code)

    guesses = threading.Thread(target=guess)
    guesses.start()
    begun.set()
    while not over.is_set():
        with ExitStack() as stack:
            for _ in range(HALF_OPEN):
                with suppress(OSError):
                    connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
                    connection.sendall(b"GET /version HTTP/1.1\r\nHost: local")
            over.wait(10)
    guesses.join()
    statuses.put(answers)


def beside_strangers(service: Service, store: str, turns: int, steps: int) -> None:
    server = Server(service.uri, store, service.admin)
    server.turn(3)  # every process has opened its connections
    alone: list[float] = []
    beside: list[float] = []
    statuses: list[int] = []
    for _ in range(turns):
        alone += server.turn(steps)
        with strangers(service) as answers:
            beside += server.turn(steps)
        statuses += answers
    slow = [1000 * float(np.percentile(seconds, 95)) for seconds in (alone, beside)]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {CLIENTS} clients, {len(beside)} batches each")
    print(f"p95 of a batch, ms: alone {slow[0]:.0f}, beside strangers {slow[1]:.0f}, ratio {slow[1] / slow[0]:.2f}")
    print(f"answers to strangers: { ({status: statuses.count(status) for status in sorted(set(statuses))}) }")
    print(f"rows lost: {server.lost()}")


def large_artifact(service: Service, size_mb: int) -> None:
    url = f"{service.uri}/api/2.0/mlflow-artifacts/artifacts/0/large/artifacts/model.bin"
    sent, received = hashlib.sha256(), hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        for number in range(size_mb):
            chunk = number.to_bytes(4, "big") + _CHUNK[4:]
            sent.update(chunk)
            yield chunk

    workers = children(service.process.pid)
    before = {worker: memory_mb(worker, "VmRSS") for worker in workers}
    for worker in workers:
        Path(f"/proc/{worker}/clear_refs").write_text("5")  # the peak is counted from now
    start = time.perf_counter()
    requests.put(url, data=chunks(), auth=service.admin, timeout=600).raise_for_status()
    up_s = time.perf_counter() - start
    with requests.get(url, auth=service.admin, stream=True, timeout=600) as answer:
        answer.raise_for_status()
        for part in answer.iter_content(2**20):
            received.update(part)
    down_s = time.perf_counter() - start - up_s
    more = max(memory_mb(worker, "VmHWM") - before[worker] for worker in workers)
    print(f"{size_mb} MiB: up {size_mb / up_s:.0f} MiB/s, down {size_mb / down_s:.0f} MiB/s")
    print(f"equal: {sent.digest() == received.digest()}; the peak of a server process grew by {more:.0f} MiB")


def children(process: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{process}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def memory_mb(process: int, name: str) -> float:
    (line,) = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--steps", type=int, default=100, help="of each client in a turn")
    parser.add_argument("--size_mb", type=int, default=2048, help="of the artifact")
    arguments = parser.parse_args()
    with postgresql() as database, tempfile.TemporaryDirectory() as folder:
        store = database.new("ours").replace("postgresql:", "postgresql+psycopg:")
        with running(Path(folder), "--database", store, "--workers", WORKERS) as service:
            if arguments.turns:
                beside_strangers(service, store, arguments.turns, arguments.steps)
            large_artifact(service, arguments.size_mb)


if __name__ == "__main__":
    main()
