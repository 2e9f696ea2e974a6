"""A GPU's table, side by side with plain implementations in one run: ``python tests/benchmarks/card.py``.

It prints a table and writes it, with versions, to `card.md` (`--output`). It takes about four minutes on an H100;
`--small --device cpu` runs all of it in a minute on two cores, to see that it works. The growth of a step is another
command, `growth.py`.
"""

import argparse
import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from steps import Case, Run, ours, plainly, step_s, synchronize
from torch.profiler import ProfilerActivity, profile

from msl.data.domain import Sample
from msl.labels import find_label_set
from msl.models.devices import to_device
from msl.scoring.evaluation import Scored, evaluate
from msl.training.callbacks.profile import busy_s

EPOCH, SCORED = 2975, 500  # adapt steps, images
OUR_STEPS = {
    "float32": {"precision": "float32"},
    "float32, recompute": {"recompute": True},
    "bfloat16": {"precision": "bfloat16"},
    "bfloat16, recompute": {"precision": "bfloat16", "recompute": True},
    "bfloat16, deterministic=false": {"precision": "bfloat16", "same_bits": False},
    "bfloat16, compile=off": {"precision": "bfloat16", "compile": "off"},
    "bfloat16, compile=network": {"precision": "bfloat16", "compile": "network"},
}


@dataclass(frozen=True)
class Measured:
    """A step's time and memory."""

    seconds: float
    memory_gb: float  # of tensors, the peak; 0 on a CPU


class Pictures:
    """A domain in memory."""

    name, split = "pictures", "val"

    def __init__(self, count: int, size: tuple[int, int], classes: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self._image = torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=generator)
        self._label = torch.randint(0, classes, size, dtype=torch.uint8, generator=generator)
        self._count = count
        self.label_set = find_label_set("cityscapes19")

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        return Sample(self._image, self._label, f"p{index}")


def measured(make: Callable[[], Run], device: torch.device, steps: int) -> Measured:
    """Time and peak memory of a side; the memory of the side before is given back first."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    run = make()
    seconds = step_s(run, steps, warm=6)
    memory = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
    return Measured(seconds, memory)


def step_rows(case: Case, steps: int) -> Iterator[str]:
    """The published loop, then ours in several ways."""
    base = measured(lambda: plainly(case), case.device, steps)
    yield f"| adapt step, plain float32 | {1000 * base.seconds:.1f} ms | {base.memory_gb:.1f} GB | 1 | |"
    goals = {"float32": "1.8", "bfloat16": "4"}
    for name, options in OUR_STEPS.items():
        if case.device.type == "cpu" and options.get("compile") == "network":
            continue  # minutes of a compiler
        side = measured(lambda options=options: ours(case, **options)[0], case.device, steps)
        figures = f"{1000 * side.seconds:.1f} ms | {side.memory_gb:.1f} GB | {base.seconds / side.seconds:.2f}"
        yield f"| ours, {name} | {figures} | {goals.get(name, '')} |"


def same_bits_row(case: Case, steps: int) -> str:
    """Whether two runs of one seed end with the same weights."""
    ends = []
    for _ in range(2):
        run, state = ours(case, "bfloat16")
        run(steps)
        ends.append(torch.cat([value.double().flatten().cpu() for value in state.model.state_dict().values()]))
    largest = float((ends[0] - ends[1]).abs().max())
    return f"| two runs of one seed after {steps} steps, largest difference | {largest:g} | | | 0 |"


def busy_row(case: Case, steps: int) -> str:
    """Percent of the time in which a kernel runs, between evaluations."""
    run, _ = ours(case, "bfloat16")
    run(6)
    if case.device.type != "cuda":
        return "| the card was busy | no card | | | 90 % |"
    with profile(activities=[ProfilerActivity.CUDA], acc_events=True) as trace:
        start = time.perf_counter()
        run(steps)
        wall_s = time.perf_counter() - start
    return f"| the card was busy | {100 * busy_s(trace.events()) / wall_s:.0f} % | | | 90 % |"


def scoring_row(case: Case, epoch_step_s: float, size: tuple[int, int], images: int) -> str:
    """Images of full size, against an epoch of adapt steps."""
    model = to_device(case.network(), case.device)
    height, width = size

    def score(count: int) -> None:
        domain = Pictures(count, size, case.classes)
        scored = Scored(role="target", domain=domain, size=(case.target[1], case.target[0]), count=None)
        evaluate(model, scored, torch.bfloat16)
        synchronize(case.device)

    score(4)
    start = time.perf_counter()
    score(images)
    seconds = SCORED * (time.perf_counter() - start) / images
    share = seconds / (EPOCH * epoch_step_s)
    return f"| scoring {SCORED} images of {width}x{height} | {seconds:.1f} s | | {share:.3f} of an epoch | 0.1 |"


def table(case: Case, is_small: bool) -> list[str]:
    """All rows."""
    steps = 3 if is_small else 60
    lines = ["| what | time | memory | ratio | asked |", "| --- | ---: | ---: | ---: | ---: |", *step_rows(case, steps)]
    epoch_step_s = measured(lambda: ours(case, "bfloat16")[0], case.device, steps).seconds
    full = (256, 512) if is_small else (1024, 2048)
    lines += [same_bits_row(case, 8 if is_small else 50), busy_row(case, steps)]
    return [*lines, scoring_row(case, epoch_step_s, full, 4 if is_small else 40)]


def machine(device: torch.device) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    return f"{name}; torch {torch.__version__}; TF32 in convolutions on both sides: {torch.backends.cudnn.allow_tf32}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="a MobileNet on small images")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--output", type=Path, default=Path(tempfile.gettempdir()) / "card.md")
    arguments = parser.parse_args()
    chosen = torch.device(arguments.device)
    small = Case(chosen, (96, 160), (80, 160), backbone="mobilenet_v2")
    rows = [machine(chosen), "", *table(small if arguments.small else Case(chosen), arguments.small)]
    arguments.output.write_text("\n".join(rows) + "\n")
    print("\n".join(rows))
