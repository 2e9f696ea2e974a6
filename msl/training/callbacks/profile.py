"""Where the time and the memory of a step go."""

import csv
import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile

from msl import schema
from msl.training.devices import device_of
from msl.training.loop import Callback, Reporter, State
from msl.training.phases import Clock

log = logging.getLogger("msl")

_FIRST = 10  # steps before the profile: libraries load, passes are recorded
_TRACED = 3  # steps of the trace; they come after the others, because a trace takes time itself
_OPERATIONS = 50  # the longest, in the table of operations


class Profile(Callback):
    """Measures some steps: a table of their phases, then a trace and a table of their operations.

    The phases are measured as training is. Its files are `phases.csv`, `operations.csv` and `trace.json.gz`, which
    https://ui.perfetto.dev shows.
    """

    only_first = True

    def __init__(self, steps: int, folder: Path, reporter: Reporter) -> None:
        self._steps, self._folder, self._reporter = steps, folder, reporter
        self._seen = self._measured = 0
        self._clock: Clock | None = None
        self._trace: profile | None = None
        self._hooks = ExitStack()
        self._start_s = self._start_cpu_s = 0.0

    def on_step(self, state: State) -> None:
        """Begin after the first steps; write when enough are measured."""
        self._seen += 1
        self._measured += self._clock is not None
        if self._seen == _FIRST and not state.finished:
            self._begin(state)
        elif self._clock is not None and (self._measured == self._steps or state.finished):
            self._write_phases(state, self._clock)
            self._begin_trace(state)
        elif self._trace is not None and (self._seen == _FIRST + self._steps + _TRACED or state.finished):
            self._write_trace(state, self._trace)

    def on_end(self, state: State) -> None:
        """Say so if training was too short."""
        if self._seen < _FIRST + 1:
            log.warning("profile = %d: training ended before its step %d, so nothing is measured", self._steps, _FIRST)

    def close(self) -> None:
        """Stop a trace that an error has interrupted."""
        self._hooks.close()
        if self._trace is not None:
            self._trace.stop()
            self._trace = None

    def _begin(self, state: State) -> None:
        self._clock = state.phases.clock = Clock(device_of(state.model))
        self._hooks.enter_context(state.phases.telling_of(state.model))
        _synchronize(device_of(state.model))
        self._start_s, self._start_cpu_s = time.perf_counter(), time.process_time()

    def _write_phases(self, state: State, clock: Clock) -> None:
        clock.stop()
        _synchronize(device_of(state.model))
        wall_s, cpu_s = time.perf_counter() - self._start_s, time.process_time() - self._start_cpu_s
        self._clock = state.phases.clock = None
        self._hooks.close()
        rows = phase_rows(clock, self._measured, wall_s)
        self._write(schema.PHASES_FILE, ("phase", "CPU ms", "GPU ms", "share %", "memory MB"), rows)
        for phase, cpu_ms, gpu_ms, share, memory_mb in rows:
            on_gpu = f"  GPU {gpu_ms:>9} ms" if gpu_ms else ""
            memory = f"  memory {memory_mb:>8} MB" if memory_mb else ""
            log.info("profile: %-10s CPU %9s ms%s  %5s %%%s", phase, cpu_ms, on_gpu, share, memory)
        if device_of(state.model).type != "cuda":
            busy = 100 * cpu_s / wall_s / torch.get_num_threads()
            log.info("profile: the processor was busy %.0f %% (%d threads)", busy, torch.get_num_threads())

    def _begin_trace(self, state: State) -> None:
        if state.finished:
            return
        kinds = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device_of(state.model).type == "cuda")
        self._trace = profile(activities=kinds, acc_events=True)
        self._trace.start()
        self._start_s = time.perf_counter()

    def _write_trace(self, state: State, trace: profile) -> None:
        _synchronize(device_of(state.model))
        wall_s = time.perf_counter() - self._start_s
        self._trace = None
        trace.stop()
        if device_of(state.model).type == "cuda":
            log.info("profile: the card was busy %.0f %%", 100 * busy_s(trace.events()) / wall_s)
        averages = sorted(
            trace.key_averages(), key=lambda row: -max(row.self_device_time_total, row.self_cpu_time_total)
        )
        rows = [
            (row.key, row.count, f"{row.self_cpu_time_total / 1000:.3f}", f"{row.self_device_time_total / 1000:.3f}")
            for row in averages[:_OPERATIONS]
        ]
        self._write(schema.OPERATIONS_FILE, ("operation", "calls", "CPU ms", "GPU ms"), rows)
        path = self._folder / schema.TRACE_FILE
        trace.export_chrome_trace(str(path))
        self._reporter.file(path, schema.PROFILE_FOLDER)

    def _write(self, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / name
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        self._reporter.file(path, schema.PROFILE_FOLDER)


def phase_rows(clock: Clock, steps: int, wall_s: float) -> list[tuple[str, str, str, str, str]]:
    """Each phase with its milliseconds a step, its share of the time, its memory; then what is left, and the sum."""
    gpu_s = clock.gpu_s()
    rest_s = wall_s - sum(clock.cpu_s.values())
    seconds = {**clock.cpu_s, "the rest": rest_s, "a step": wall_s}
    return [
        (
            phase,
            f"{1000 * cpu_s / steps:.2f}",
            f"{1000 * gpu_s[phase] / steps:.2f}" if phase in gpu_s else "",
            f"{100 * cpu_s / wall_s:.1f}",
            f"{clock.memory_mb[phase]:.0f}" if phase in clock.memory_mb else "",
        )
        for phase, cpu_s in seconds.items()
    ]


def busy_s(events: Iterable[FunctionEvent]) -> float:
    """Seconds in which at least one kernel or copy ran on a GPU."""
    ranges = sorted((e.time_range.start, e.time_range.end) for e in events if e.device_type.name == "CUDA")
    busy, until = 0.0, float("-inf")
    for start, end in ranges:
        busy += max(0.0, end - max(start, until))
        until = max(until, end)
    return busy / 1e6


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
