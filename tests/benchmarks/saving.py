"""What a checkpoint costs a training, measured in one run of it: ``python tests/benchmarks/saving.py``.

A MobileNet on two streams of four images of 256x128 each, and every tenth step with a checkpoint. The steps between are
of the same run, so that what else the machine does counts on both sides.
"""

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median, quantiles

import torch
from torch import Tensor

from msl.checkpoints import About, Checkpoint, read, write
from msl.config import ModelConfig
from msl.data import Batch
from msl.models import build_model
from msl.training import Callback, Schedule, State, Term, fit
from msl.training.callbacks import SaveCheckpoints
from msl.training.objectives.supervised import Supervised
from msl.training.schedules import Poly

STEPS, EVERY = 120, 10
SIZE, IMAGES, CLASSES = (128, 256), 4, 19
LARGE_TENSORS, TENSOR_SHAPE = 100, (1000, 880)  # a file of 352 MB


class Scene:
    """A stream of one batch."""

    position = 0

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        image = torch.randint(0, 256, (IMAGES, 3, *SIZE), dtype=torch.uint8, generator=generator)
        label = torch.randint(0, CLASSES, (IMAGES, *SIZE), dtype=torch.uint8, generator=generator)
        self._batch = Batch(image, label, tuple("abcd"))

    def __next__(self) -> Batch:
        return self._batch


class Silent:
    """A reporter that records nothing: the times are those of the checkpoints alone."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        pass

    def file(self, path: Path, folder: str) -> None:
        pass

    def flush(self) -> None:
        pass

    def mark(self) -> str:
        return ""

    def secure(self, mark: str) -> None:
        pass


class Times(Callback):
    """Seconds of every step, and of what the callback does after it on the training's thread."""

    def __init__(self, saving: SaveCheckpoints) -> None:
        self._saving = saving
        self.steps: dict[int, float] = {}
        self.saves: dict[int, float] = {}

    def on_step(self, state: State) -> None:
        self.steps[state.step] = state.seconds
        began = time.perf_counter()
        self._saving.on_step(state)
        self.saves[state.step] = time.perf_counter() - began


def figures() -> dict[str, float]:
    """Every figure by name, with its unit."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("MSL_WORK")) as folder:
        return _training(Path(folder)) | _large_file(Path(folder) / "large.pt")


def _training(folder: Path) -> dict[str, float]:
    model = build_model(ModelConfig(num_classes=CLASSES))
    optimizer = torch.optim.SGD([{"params": list(model.parameters()), "lr": 1e-3, "initial_lr": 1e-3}], momentum=0.9)
    schedule = Schedule(lr=Poly(STEPS, 0.9), stop=STEPS, epoch_iters=STEPS)
    state = State(model=model, optimizer=optimizer, streams={"source": Scene(), "target": Scene()}, schedule=schedule)
    saving = SaveCheckpoints(folder, Silent(), {}, About(group="bench"), every=EVERY)
    times = Times(saving)
    fit(state, [Term("source", Supervised(0.1)), Term("target", Supervised(0.1))], [times])
    saving.on_end(state)
    return _compared(times) | {"its file, MB": (folder / "last.pt").stat().st_size / 1e6}


def _compared(times: Times) -> dict[str, float]:
    def seconds(place: int) -> float:
        """Of the steps at that place after a checkpoint; their first quartile: other work makes steps only slower."""
        return quantiles([times.steps[step] for step in times.steps if step > EVERY and step % EVERY == place], n=4)[0]

    others = median(seconds(place) for place in range(2, EVERY))
    saves = [times.saves[step] for step in times.saves if step % EVERY == 0]
    return {
        "a step, s": others,
        "the step after a checkpoint against the others, ratio": seconds(1) / others,
        "the same of a step between, for the noise, ratio": seconds(EVERY // 2) / others,
        "a checkpoint on the training's thread, ms": 1000 * median(saves),
    }


def _large_file(path: Path) -> dict[str, float]:
    weights: dict[str, Tensor] = {f"layer {k}": torch.randn(TENSOR_SHAPE) for k in range(LARGE_TENSORS)}
    began = time.perf_counter()
    write(path, Checkpoint(about=About(group="bench"), step=1, weights=weights))
    written = time.perf_counter()
    read(path)
    return {
        f"writing {path.stat().st_size / 1e6:.0f} MB with its digest, until it is on the disk, s": written - began,
        "reading and verifying it, s": time.perf_counter() - written,
    }


if __name__ == "__main__":
    for name, value in figures().items():
        print(f"{name:75} {value:9.3f}")
