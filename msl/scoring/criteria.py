"""The criteria of a network on unlabelled images, in one pass over them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from msl import schema
from msl.metrics.criteria import (
    MIXED_SHARE,
    Criterion,
    Entropy,
    Information,
    MixedConsistency,
    NeighbourhoodDensity,
    Normal,
    statistics_drift,
)
from msl.models import SegmentationNetwork
from msl.models.batch_norm import BatchNorm
from msl.numerics.moments import PooledMoments
from msl.numerics.precision import at_least_single
from msl.scoring.evaluation import eval_mode
from msl.scoring.unlabelled import UnlabelledImages


@torch.no_grad()
def criteria(
    model: SegmentationNetwork,
    images: UnlabelledImages,
    precision: torch.dtype = torch.float32,
    before: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Every criterion under its name in the run store; one without a value is left out.

    Images go through the network one by one, each alone and once mixed with the next. No random state changes.

    Args:
        model: on its device; in any mode, which it keeps.
        images: of the target.
        precision: of the network's forward pass.
        before: called before each image; an error that it raises ends the work.
    """
    device = next(model.parameters()).device
    sums: dict[str, Criterion] = {"entropy": Entropy(), "information": Information(), "SND": NeighbourhoodDensity()}
    mixed, watch = MixedConsistency(), _Watch(model)
    autocast = torch.autocast(device.type, precision, enabled=precision != torch.float32)
    first = previous = None
    with eval_mode(model), autocast:
        for loaded in images:
            before()
            image = loaded[None].to(device)
            with watch.looking():
                prob = at_least_single(model.coarse(image).main).softmax(dim=1)  # (1, C, h, w)
            for criterion in sums.values():
                criterion.add(prob)
            alone = image, prob.argmax(dim=1)
            if previous is not None:
                mixed.add(previous[1], _mixed(model, previous[0], image))
            first, previous = first or alone, alone
        if first is not None and previous is not None and first is not previous:
            mixed.add(previous[1], _mixed(model, previous[0], first[0]))
    values = {name: criterion.value() for name, criterion in sums.items()}
    values |= {"MixVal": mixed.value(), "drift": statistics_drift(watch.seen(), watch.stored())}
    return {schema.criterion(name): value for name, value in values.items() if value == value}  # not NaN


def _mixed(model: SegmentationNetwork, image: Tensor, other: Tensor) -> Tensor:
    """The classes (1, h, w) of a mixture of two images (1, 3, H, W) uint8, in which the first one's share is larger."""
    mixture = (MIXED_SHARE * image.float() + (1 - MIXED_SHARE) * other.float()) / 255
    return model.coarse(mixture).main.argmax(dim=1)


class _Watch:
    """What the BatchNorm layers of a network are given while it is looked at."""

    def __init__(self, model: nn.Module) -> None:
        self._layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, BatchNorm)}
        self._moments: dict[str, PooledMoments] = {}

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Add up the inputs of the layers until the block ends."""

        def look(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
            return lambda _, inputs: self._moments.setdefault(name, PooledMoments()).add(inputs[0])

        with ExitStack() as hooks:
            for name, layer in self._layers.items():
                hooks.callback(layer.register_forward_pre_hook(look(name)).remove)
            yield

    def seen(self) -> Mapping[str, Normal]:
        """Mean and variance of all inputs so far."""
        return {name: (moments.mean, moments.variance()) for name, moments in self._moments.items()}

    def stored(self) -> Mapping[str, Normal]:
        """The running statistics of the layers."""
        running = {name: (layer.running_mean, layer.running_var) for name, layer in self._layers.items()}
        return {
            name: (mean, variance)
            for name, (mean, variance) in running.items()
            if mean is not None and variance is not None
        }
