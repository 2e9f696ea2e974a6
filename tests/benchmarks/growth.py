"""How a step's time grows with the image, the classes and the batch, and what the paper's rows would cost by that.

`python tests/benchmarks/growth.py` (on a card, or with `--small` on two cores) prints four points of each, the straight
line that fits them, and the hours of the paper's five rows with three seeds.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from steps import Case, ours, step_s

SEEDS = 3
# Iterations of the rows of the paper's table: a pretraining with one output and one with two, and an adaptation each.
PRETRAINING, ADAPTATION = 80_000, 40_000
ROWS = {"source only": 0, "MS": ADAPTATION, "IW": ADAPTATION, "multi": ADAPTATION, "multi, IW": ADAPTATION}
PRETRAININGS = 2  # one output, two outputs


@dataclass(frozen=True)
class Line:
    """seconds = start + slope · x, by least squares."""

    start: float
    slope: float
    worst: float  # the largest distance of a point, as a share of its value

    @classmethod
    def fitted(cls, points: Sequence[tuple[float, float]]) -> "Line":
        """The line through points (x, seconds)."""
        x, y = (torch.tensor(column, dtype=torch.float64) for column in zip(*points, strict=True))
        slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
        start = y.mean() - slope * x.mean()
        worst = ((start + slope * x - y) / y).abs().max()
        return cls(float(start), float(slope), float(worst))

    def at(self, x: float) -> float:
        """Seconds."""
        return self.start + self.slope * x


def cost_h(adapt_step_s: float, scoring_share: float = 0.1) -> float:
    """Hours of the paper's five rows with three seeds: a step of pretraining has one image, so half of the work.

    Rows share their pretrainings; scoring adds a share.
    """
    steps = PRETRAININGS * PRETRAINING / 2 + sum(ROWS.values())
    return SEEDS * steps * adapt_step_s * (1 + scoring_share) / 3600


def series(base: Case, is_small: bool) -> dict[str, list[tuple[float, Case]]]:
    """Four cases along each axis, with the number on the axis."""
    scale = 4 if is_small else 1
    sizes = [(height // scale, 2 * height // scale) for height in (256, 384, 512, 640)]
    counts = (1, 2, 3, 4)
    return {
        "megapixels of an image": [(h * w / 1e6, replace(base, source=(h, w), target=(h, w))) for h, w in sizes],
        "classes": [(c, replace(base, classes=c)) for c in (2, 13, 19, 64)],
        "images in a batch": [(b, replace(base, batch=b)) for b in counts],
    }


def print_figures(device: torch.device, precision: str, is_small: bool) -> None:
    """The tables, and the cost."""
    side = (128, 256) if is_small else (512, 1024)
    base = Case(device, side, side, backbone="mobilenet_v2" if is_small else "resnet101")
    lines = {}
    print(f"\n| {precision} on {device} | x | ms a step | line | off by at most |\n| --- | ---: | ---: | --- | ---: |")
    for axis, cases in series(base, is_small).items():
        points = [(x, step_s(ours(case, precision)[0], steps=3 if is_small else 20, warm=6)) for x, case in cases]
        line = lines[axis] = Line.fitted(points)
        model = f"{1000 * line.start:.1f} + {1000 * line.slope:.2f} x"
        for number, (x, seconds) in enumerate(points):
            tail = f"{model} | {100 * line.worst:.0f} %" if number == 0 else " | "
            print(f"| {axis if number == 0 else ''} | {x:g} | {1000 * seconds:.1f} | {tail} |")
    seconds = lines["megapixels of an image"].at((1280 * 720 + 1280 * 640) / 2 / 1e6)
    print(f"\nthe paper's five rows, {SEEDS} seeds, at {1000 * seconds:.0f} ms a step: {cost_h(seconds):.0f} hours")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="a MobileNet on small images")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", help="bfloat16 on a card, float32 on a CPU, where bfloat16 may be emulated")
    arguments = parser.parse_args()
    usual = "float32" if arguments.device == "cpu" else "bfloat16"
    print_figures(torch.device(arguments.device), arguments.precision or usual, arguments.small)
