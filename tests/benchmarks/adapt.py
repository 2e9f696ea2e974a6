"""An adapt step of the paper on a CPU, beside the published loop: ``python tests/benchmarks/adapt.py``.

Multi, IW, ResNet-101, an image of 640x320 from each domain. The sides take turns, and the fastest turn of each counts,
in processor time, so that other work on the machine counts little. Memory is the peak of a step's tensors.
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import torch
from numerics import peak_mb
from steps import Case, Run, ours, plainly

SIDES: dict[str, dict[str, Any] | None] = {
    "plain float32": None,
    "ours float32": {},
    "ours float32, recompute": {"recompute": True},
    "ours bfloat16": {"precision": "bfloat16"},
}
ASKED = {"ours float32": "1.1", "ours bfloat16": "1.5"}


def side(case: Case, options: dict[str, Any] | None) -> Run:
    return plainly(case) if options is None else ours(case, **options)[0]


def fastest_s(runs: dict[str, Run], turns: int) -> dict[str, float]:
    """Seconds of processor time of a step, of the fastest of some turns."""
    fastest = dict.fromkeys(runs, float("inf"))
    for _ in range(turns):
        for name, run in runs.items():
            start = time.process_time()
            run(1)
            fastest[name] = min(fastest[name], time.process_time() - start)
    return fastest


def print_figures(case: Case, turns: int, left_out: Sequence[str] = ()) -> None:
    """The table."""
    runs = {name: side(case, options) for name, options in SIDES.items() if name not in left_out}
    seconds = fastest_s(runs, turns)
    memory = {name: peak_mb(lambda run=run: run(1)) for name, run in runs.items()}
    base = next(iter(SIDES))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print("| side | processor time a step | against plain | asked | memory | against plain |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in runs:
        figures = f"{seconds[name]:.2f} s | {seconds[base] / seconds[name]:.2f} | {ASKED.get(name, '')}"
        print(f"| {name} | {figures} | {memory[name]:.0f} MB | {memory[name] / memory[base]:.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--without", action="append", default=[], choices=list(SIDES)[1:], help="a side to leave out")
    parser.add_argument("--small", action="store_true", help="a MobileNet on small images")
    arguments = parser.parse_args()
    cpu = torch.device("cpu")
    small = Case(cpu, (96, 160), (96, 160), backbone="mobilenet_v2")
    print_figures(small if arguments.small else Case(cpu, (320, 640), (320, 640)), arguments.turns, arguments.without)
