"""Jobs as processes of this machine, in slots: so many cores, so much memory, graphics cards or shares of them."""

import json
import os
import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from itertools import takewhile
from math import ceil
from typing import Any, Protocol

from msl.errors import ConfigError
from msl.studies.executors.protocol import ExecutorOptions, JobRequest, Needs
from msl.tracking.holder import Holder

_CARDS = "CUDA_VISIBLE_DEVICES"
_NO_CARD = ("", "-1")  # CUDA shows those before the first of these
_BYTES_GB = 1024**3
_ROUNDING = 1e-9  # ten tenths of a card are one


class Process(Protocol):
    """A process that this one has started."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Its exit code; None as long as it lives."""


class Local:
    """Processes in sessions of their own: they outlive the driver, and Ctrl-C does not reach them."""

    poll_s = 0.2

    def __init__(self, options: ExecutorOptions) -> None:
        """Take `options.slots` jobs at a time at most."""
        self._most = options.slots
        self._processes: list[Process] = []
        self._alive: set[str] = set()
        self._taken: list[dict[str, Any]] = []  # slots of jobs that are submitted next

    def slots(self, needs: Collection[Needs]) -> int:
        """As said, else one for each core, and no more than there is room for."""
        return max(1, min(self._most or self._cores, *map(self._room, needs)))

    def check(self, needs: Needs) -> None:
        """Refuse more cards than the machine has."""
        needed, count = self._needed(needs), len(self._cards)
        if needed > count:
            raise ConfigError(
                f"a job needs {needed:g} graphics cards, and this machine has {count}. Pass cards={min(1, count)} for "
                f"all jobs, lower `cards` in the study, or set {_CARDS} to the cards that they may use"
            )

    def take_slot(self, job: JobRequest) -> bool:
        """Take cores, memory and cards, if they are left; a job alone always fits the cores and the memory.

        Raises:
            ConfigError: the machine has fewer cards than the job needs.
        """
        self.check(job.needs)
        if self._fits(job.needs):
            self._taken.append(self._place(job.needs))
            return True
        return False

    def _fits(self, needs: Needs) -> bool:
        used = self._used()
        has_cards = len(self._cards_for(needs)) == ceil(self._needed(needs))
        if not used or len(used) == self._most or not has_cards:
            return not used
        fits_cores = self._most is not None or _sum(used, "cores") + needs.cores <= self._cores
        return fits_cores and _sum(used, "memory_gb") + needs.memory_gb <= self._memory_gb

    def submit(self, jobs: Sequence[JobRequest]) -> list[str]:
        """Start the processes, each with its cards; those that share one see the same."""
        self._taken.clear()
        return [self._start(job) for job in jobs]

    def _start(self, job: JobRequest) -> str:
        place = self._place(job.needs)
        environment = {**os.environ, **job.environment, "OMP_NUM_THREADS": str(job.needs.cores)}
        if self._cards:
            environment[_CARDS] = ",".join(place["cards"])
        process = self._launch(job, environment)
        self._processes.append(process)
        handle = json.dumps({"process": asdict(Holder.of(process.pid)), **place})
        self._alive.add(handle)
        return handle

    def _launch(self, job: JobRequest, environment: Mapping[str, str]) -> Process:
        with job.log.open("ab") as output:
            return subprocess.Popen(
                job.command,
                cwd=job.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def alive(self, handles: Collection[str]) -> set[str]:
        """Those whose process lives on this machine."""
        self._processes = [process for process in self._processes if process.poll() is None]
        self._taken.clear()
        self._alive = {handle for handle in handles if _lives(_process(handle))}
        return set(self._alive)

    def cancel(self, handles: Sequence[str]) -> None:
        """Send SIGTERM: a training ends with a checkpoint after its present step."""
        for handle in handles:
            if _lives(_process(handle)):
                with suppress(ProcessLookupError):
                    os.killpg(_process(handle).pid, signal.SIGTERM)

    def _used(self) -> list[dict[str, Any]]:
        return [*map(json.loads, self._alive), *self._taken]

    @cached_property
    def _cores(self) -> int:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @cached_property
    def _memory_gb(self) -> float:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _BYTES_GB

    @cached_property
    def _cards(self) -> list[str]:
        """The cards that may be used, as CUDA names them."""
        if _CARDS in os.environ:
            return list(takewhile(lambda card: card not in _NO_CARD, os.environ[_CARDS].split(",")))
        with suppress(OSError):
            listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True)
            lines = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]  # others: parts of one
            return [str(number) for number in range(len(lines))]
        return []

    def _needed(self, needs: Needs) -> float:
        """How many cards a job needs: as said, else one, if the machine has any."""
        return min(1, len(self._cards)) if needs.cards is None else needs.cards

    def _room(self, needs: Needs) -> int:
        """How many jobs fit into the machine; if a number of jobs is said, cores do not count."""
        cards, count = self._needed(needs), len(self._cards)
        rooms = [self._memory_gb // needs.memory_gb]
        if self._most is None:
            rooms.append(self._cores // needs.cores)
        if cards:
            rooms.append(count * int((1 + _ROUNDING) / cards) if cards < 1 else count // cards)
        return int(min(rooms))

    def _place(self, needs: Needs) -> dict[str, Any]:
        """What a job takes of the machine."""
        share = min(self._needed(needs), 1)
        return {"cores": needs.cores, "memory_gb": needs.memory_gb, "cards": self._cards_for(needs), "share": share}

    def _cards_for(self, needs: Needs) -> list[str]:
        """A job's cards: those of which most is taken, so that others stay whole; fewer than it needs if none fit."""
        needed, taken = self._needed(needs), dict.fromkeys(self._cards, 0.0)
        for other in self._used():
            for card in other["cards"]:
                taken[card] = taken.get(card, 0) + other.get("share", 1)  # jobs of an older version have none
        free = [card for card in self._cards if taken[card] + min(needed, 1) <= 1 + _ROUNDING]
        return sorted(free, key=lambda card: -taken[card])[: ceil(needed)]


def _process(handle: str) -> Holder:
    return Holder(**json.loads(handle)["process"])


def _lives(process: Holder) -> bool:
    return process.is_on_this_machine and not process.is_gone


def _sum(jobs: Sequence[Mapping[str, Any]], resource: str) -> float:
    return float(sum(job[resource] for job in jobs))
