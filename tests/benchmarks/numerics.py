"""Losses, metrics and a whole step against plain alternatives, as ratios of two figures of one run.

The two sides take turns, and the fastest turn of each counts, so that a busy moment affects both. Peak memory is
measured by PyTorch's profiler, which sees what its allocator gives out and takes back.
"""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import plain
import torch
from ratio import Pair, Ratio, timed
from torch import Tensor
from torch.nn import functional as fn
from torch.profiler import ProfilerActivity, profile

from msl.config import AdaptationConfig, ModelConfig, OptimizerConfig
from msl.data import Batch
from msl.labels import LABEL_SETS
from msl.losses import cross_entropy, guidance_labels, iw_max_square
from msl.metrics import ConfusionMatrix
from msl.models import SegmentationNetwork, build_model
from msl.models.devices import to_device
from msl.scoring.legend import coloured
from msl.training import Schedule, State, Term, fit
from msl.training.objectives.adaptation import Adaptation
from msl.training.objectives.supervised import Supervised
from msl.training.optimizers import build_optimizer
from msl.training.schedules import Poly

CLASSES = 19
LABELS = LABEL_SETS["cityscapes19"]
FULL, LOSS, STEP = (1024, 2048), (640, 1280), (320, 640)  # heights and widths
LAMBDA_SEG, THRESHOLD = 0.1, 0.95


def ratios() -> Iterator[Ratio]:
    """Every comparison, one after the other."""
    tensor, map_ = f"1×{CLASSES}×{LOSS[0]}×{LOSS[1]}", f"{FULL[0]}×{FULL[1]}"
    image_wise, labelled = "softmax, IW_maxsquare, backward", "guidance labels, cross entropy, backward"
    by_masks, by_maxima = "masks over N·C·H·W", "torch.max, F.cross_entropy"
    histogram = f"histogram on the CPU, {by_masks}"
    yield timed(image_wise, tensor, histogram, iw_pair(), 4)
    yield _memory(image_wise, tensor, histogram, iw_pair(), 2)
    yield timed(labelled, tensor, by_masks, masks_pair(), 4)
    yield _memory(labelled, tensor, by_masks, masks_pair(), 2)
    yield timed(labelled, tensor, by_maxima, maxima_pair(), None)
    yield _memory(labelled, tensor, by_maxima, maxima_pair(), None)
    yield timed("confusion matrix, one update", map_, "np.bincount with a mask", confusion_pair(), 3, turns=30)
    yield timed("colours of a label map", map_, "loop over pixels", colours_pair(), 100, turns=2)
    step = "one adapt step: multi, IW, ResNet-101"
    yield timed(step, f"1×3×{STEP[0]}×{STEP[1]}, twice", "the two network passes alone", step_pair(), 1 / 1.1, turns=3)


def iw_pair() -> Pair:
    logits = _logits(0)
    return (
        lambda: _backward(lambda z: iw_max_square(z.softmax(dim=1)), logits),
        lambda: _backward(lambda z: plain.iw_max_square(z.softmax(dim=1)), logits),
    )


def masks_pair() -> Pair:
    return _guidance_pair(plain.guidance_by_masks)


def maxima_pair() -> Pair:
    return _guidance_pair(plain.guidance_by_maxima)


def _guidance_pair(alternative: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Pair:
    logits, prob_main = _logits(1), _logits(0).softmax(dim=1)
    prob_aux = logits.softmax(dim=1)
    return (
        lambda: _backward(lambda z: _guidance(prob_main, prob_aux, z), logits),
        lambda: _backward(lambda z: alternative(prob_main, prob_aux, z), logits),
    )


def _guidance(prob_main: Tensor, prob_aux: Tensor, logits_aux: Tensor) -> Tensor:
    return cross_entropy(logits_aux, guidance_labels(prob_main, prob_aux, THRESHOLD), prob=prob_aux)


def confusion_pair() -> Pair:
    label, prediction = _label_map(0), _label_map(1)  # both 8-bit, as evaluation has them
    label[:100] = 255
    matrix = ConfusionMatrix(CLASSES)
    return (
        lambda: matrix.update(prediction, label),
        lambda: plain.confusion(prediction.numpy(), label.numpy(), CLASSES),
    )


def colours_pair() -> Pair:
    label, palette = _label_map(0), np.array(LABELS.palette, np.uint8)
    return lambda: coloured(label, LABELS), lambda: plain.colours(label.numpy(), palette)


def step_pair() -> Pair:
    model, image = network(), images(STEP)
    step, state = adapting(model, image)

    def passes() -> None:
        state.optimizer.zero_grad()
        for _ in state.streams:
            main, aux = model(image)
            (main.sum() + aux.sum()).backward()

    return step, passes


def network() -> SegmentationNetwork:
    """ResNet-101 with both outputs and random weights, which cost what trained ones do."""
    model = build_model(ModelConfig(backbone="resnet101", multi=True, num_classes=CLASSES, weights="none"))
    to_device(model, torch.device("cpu"))
    return model.train()


def images(size: tuple[int, int]) -> Tensor:
    """One random image (1, 3, H, W)."""
    return torch.randint(0, 256, (1, 3, *size), dtype=torch.uint8)


def adapting(model: SegmentationNetwork, image: Tensor) -> tuple[Callable[[], None], State]:
    """One step of adaptation with this image as source and target, and the state that it changes."""
    batch = Batch(image, torch.randint(0, CLASSES, (1, *image.shape[2:]), dtype=torch.uint8), ("random",))
    adaptation = AdaptationConfig(target_mode="IW_maxsquare", lambda_target=0.09, threshold=THRESHOLD)
    terms = [Term("source", Supervised(LAMBDA_SEG)), Term("target", Adaptation(adaptation, LAMBDA_SEG))]
    state = State(
        model=model,
        optimizer=build_optimizer(model, OptimizerConfig()),
        streams={"source": itertools.repeat(batch), "target": itertools.repeat(batch)},
        schedule=Schedule(lr=Poly(1000, 0.9), stop=1, epoch_iters=1000),
    )

    def step() -> None:
        state.step = 0
        fit(state, terms, [])

    return step, state


def _logits(seed: int) -> Tensor:
    """Logits that are smooth like those of a network, and confident for about a third of the pixels."""
    coarse = 6 * torch.randn(1, CLASSES, *(side // 32 for side in LOSS), generator=torch.Generator().manual_seed(seed))
    return fn.interpolate(coarse, LOSS, mode="bilinear", align_corners=True)


def _label_map(seed: int) -> Tensor:
    """Patches of classes, 8-bit as in a file."""
    coarse = torch.randint(0, CLASSES, (32, 64), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return coarse.repeat_interleave(FULL[0] // 32, 0).repeat_interleave(FULL[1] // 64, 1).contiguous()


def _backward(loss: Callable[[Tensor], Tensor], logits: Tensor) -> None:
    leaf = logits.detach().requires_grad_()
    loss(leaf).backward()


def _memory(what: str, size: str, alternative: str, pair: Pair, bound: float | None) -> Ratio:
    ours, theirs = (peak_mb(call) for call in pair)
    return Ratio(what, size, alternative, ours, theirs, "MB", bound)


def peak_mb(call: Callable[[], object]) -> float:
    """Peak memory of a call's tensors in MB, without its inputs."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        call()
    events = [event for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns())
    return max(itertools.accumulate(event.nbytes() for event in events)) / 1e6
