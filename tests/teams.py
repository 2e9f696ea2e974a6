"""Processes that train together, for tests: forks of this one, joined by gloo."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from ports import held_port
from torch import distributed as dist
from torch import multiprocessing

from msl.recipes import Request
from msl.runs import run as carry_out
from msl.runs.following import follow

Work = Callable[[int], object]


def in_processes(count: int, work: Work) -> list[object]:
    """What `work` returns for each rank, in its process; an error in one is raised here."""
    with TemporaryDirectory() as folder:
        multiprocessing.start_processes(_work, (count, Path(folder), work), nprocs=count, start_method="fork")
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(count)]


def _work(rank: int, count: int, folder: Path, work: Work) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=count)
    result = work(rank)
    dist.barrier()
    torch.save(result, folder / f"{rank}.pt")
    dist.destroy_process_group()


def trained(count: int, request: Request) -> str:
    """ID of the run of a request in so many processes, as torchrun starts them, but forks of this one.

    They have what this process has set, such as the precision. It must not have opened the run store.
    """
    with TemporaryDirectory() as folder, held_port() as port:
        arguments = (count, port, Path(folder) / "run", request)
        multiprocessing.start_processes(_train, arguments, nprocs=count, start_method="fork")
        return (Path(folder) / "run").read_text()


def _train(rank: int, count: int, port: int, result: Path, request: Request) -> None:
    _become(rank, count, port)
    if rank:
        follow()
    else:
        result.write_text(carry_out(request).run_id)


@contextmanager
def started_team(count: int, work: Work) -> Iterator[list[BaseProcess]]:
    """Processes that each do `work` with their rank, as torchrun starts them, but forks of this one."""
    context = multiprocessing.get_context("fork")
    with held_port() as port:
        processes = [context.Process(target=_join, args=(rank, count, port, work)) for rank in range(count)]
        for process in processes:
            process.start()
        yield processes


def _join(rank: int, count: int, port: int, work: Work) -> None:
    _become(rank, count, port)
    work(rank)


def _become(rank: int, count: int, port: int) -> None:
    torch.set_num_threads(1)
    if count > 1:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
