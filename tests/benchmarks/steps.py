"""An adapt step of the paper (multi, IW, ResNet-101), plain and ours, on any device and at any size."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import plain
import torch

from msl.config import AdaptationConfig, ModelConfig, OptimizerConfig
from msl.data import Batch
from msl.models import SegmentationNetwork, build_model
from msl.models.devices import to_device
from msl.numerics.determinism import deterministic
from msl.training import Schedule, State, Term, fit
from msl.training.acceleration import accelerated
from msl.training.callbacks import LogMeans, StopOnNaN
from msl.training.loop import eager_passes
from msl.training.objectives.adaptation import Adaptation
from msl.training.objectives.supervised import Supervised
from msl.training.optimizers import build_optimizer
from msl.training.scaling import Scaling
from msl.training.schedules import Poly

Run = Callable[[int], None]  # so many steps, all of them computed when it returns


@dataclass(frozen=True)
class Case:
    """What a step computes, and on what."""

    device: torch.device
    source: tuple[int, int] = (720, 1280)  # height, width
    target: tuple[int, int] = (640, 1280)
    batch: int = 1
    classes: int = 19
    backbone: str = "resnet101"

    def network(self) -> SegmentationNetwork:
        """With random weights, which cost what trained ones do."""
        torch.manual_seed(0)
        config = ModelConfig(backbone=self.backbone, multi=True, num_classes=self.classes, weights="none")
        return build_model(config).train()

    def batches(self) -> tuple[Batch, Batch]:
        """Random images and labels of the source and the target."""
        return tuple(self._batch(size) for size in (self.source, self.target))

    def _batch(self, size: tuple[int, int]) -> Batch:
        generator = torch.Generator().manual_seed(1)
        image = torch.randint(0, 256, (self.batch, 3, *size), dtype=torch.uint8, generator=generator)
        label = torch.randint(0, self.classes, (self.batch, *size), dtype=torch.uint8, generator=generator)
        return Batch(image, label, ("random",) * self.batch).to(self.device)


class Repeated:
    """A stream of one batch."""

    position = 0

    def __init__(self, batch: Batch) -> None:
        self._batches = itertools.repeat(batch)

    def __next__(self) -> Batch:
        return next(self._batches)

    def look_ahead(self) -> float:
        return 0.0


class Nowhere:
    """A reporter that keeps nothing."""

    def metrics(self, values: object, step: int) -> None: ...


def plainly(case: Case) -> Run:
    """The published loop in float32."""
    network = case.network()
    network.main_head, network.aux_head = plain.Pyramid(network.main_head), plain.Pyramid(network.aux_head)
    loop = plain.Loop(network.to(case.device))
    source, target = case.batches()

    def run(steps: int) -> None:
        for _ in range(steps):
            loop.step(source.image, source.label, target.image)
        synchronize(case.device)

    return run


def ours(
    case: Case, precision: str = "float32", compile: str = "auto", same_bits: bool = True, recompute: bool = False
) -> tuple[Run, State]:
    """Our loop with its callbacks, and its state."""
    kind: torch.dtype = getattr(torch, precision)
    model = to_device(case.network(), case.device, kind)
    source, target = case.batches()
    state = State(
        model=model,
        optimizer=build_optimizer(model, OptimizerConfig()),
        streams={"source": Repeated(source), "target": Repeated(target)},
        schedule=Schedule(lr=Poly(200_000, 0.9), stop=1, epoch_iters=2975),
        scaling=Scaling(case.device, kind),
    )
    adaptation = AdaptationConfig(target_mode="IW_maxsquare", lambda_target=0.09)
    terms = [Term("source", Supervised(0.1)), Term("target", Adaptation(adaptation, 0.1))]
    passes = accelerated(eager_passes(state, kind, recompute), compile)

    def run(steps: int) -> None:
        state.schedule = replace(state.schedule, stop=state.step + steps)
        with deterministic(same_bits):
            fit(state, terms, [StopOnNaN(), LogMeans(20, Nowhere())], passes=passes)
        synchronize(case.device)

    return run, state


def step_s(run: Run, steps: int, warm: int) -> float:
    """Seconds of a step, after some that do not count."""
    run(warm)
    start = time.perf_counter()
    run(steps)
    return (time.perf_counter() - start) / steps


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
