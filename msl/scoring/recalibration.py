"""BatchNorm's statistics, estimated anew on a domain's images without a training step."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

import torch
from torch import Tensor, nn

from msl.models import SegmentationNetwork
from msl.models.batch_norm import BatchNorm, batch_norms
from msl.numerics.moments import PooledMoments
from msl.scoring.evaluation import eval_mode
from msl.scoring.unlabelled import UnlabelledImages

Statistics = list[tuple[Tensor, Tensor]]  # running mean and variance (C,) of each BatchNorm

_BATCH_IMAGES = 8


class Recalibration:
    """The statistics of a network on certain images, put into it for a while.

    A network in training has running averages over its last ten to twenty batches of alternating domains, which are
    noisy. With statistics of the same images of the target, the scores of all runs are compared alike.
    """

    def __init__(self, images: UnlabelledImages, precision: torch.dtype = torch.float32) -> None:
        self._images, self._precision = images, precision
        self._step: int | None = None
        self._statistics: Statistics = []

    @contextmanager
    def applied(
        self, model: SegmentationNetwork, step: int, before: Callable[[], None] = lambda: None
    ) -> Iterator[None]:
        """Until the block ends, the network has the statistics of the images; then it has its own again, to the bit.

        Args:
            model: on its device.
            step: of the training; the statistics of one step are estimated once.
            before: called before each batch; an error that it raises ends the estimation.
        """
        running = _read(model)
        try:
            if step == self._step:
                _write(model, self._statistics)
            else:
                reestimate(model, self._images, self._precision, before)
                self._step, self._statistics = step, _read(model)
            yield
        finally:
            _write(model, running)


def recalibrated(
    recalibration: Recalibration | None,
    model: SegmentationNetwork,
    step: int,
    before: Callable[[], None] = lambda: None,
) -> AbstractContextManager[None]:
    """`Recalibration.applied`, or nothing where there is none."""
    return nullcontext() if recalibration is None else recalibration.applied(model, step, before)


@torch.no_grad()
def reestimate(
    model: SegmentationNetwork,
    images: UnlabelledImages,
    precision: torch.dtype = torch.float32,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Give every BatchNorm of a network the mean and the variance of its input over all these images.

    That is PreciseBN (Wu and Johnson, *Rethinking "Batch" in BatchNorm*, arXiv:2105.07576, section 3): plain averages
    in place of moving ones. Meanwhile each layer normalises with the statistics of its batch, as in training. The
    variance is pooled: with the distances of the batches' means. It is unbiased, as PyTorch stores it.

    Args:
        model: on its device; in any mode, which it keeps.
        images: at least 200 are advisable.
        precision: of the network's forward pass.
        before: called before each batch.
    """
    device = next(model.parameters()).device
    moments = {norm: PooledMoments() for norm in batch_norms(model)}
    autocast = torch.autocast(device.type, precision, enabled=precision != torch.float32)
    with eval_mode(model), _normalised_by_batches(moments), autocast:
        for batch in images.batches(_BATCH_IMAGES):
            before()
            model.coarse(batch.to(device))
    for norm, pooled in moments.items():
        if pooled.count:  # a layer that the network does not use keeps what it has
            _set(norm, pooled.mean, pooled.variance(correction=1))


@contextmanager
def _normalised_by_batches(moments: dict[BatchNorm, PooledMoments]) -> Iterator[None]:
    """Each layer adds up its input, and normalises it with the statistics of the batch.

    The layer stays in eval mode and is given these statistics. So it needs no second value in a channel, does not
    count the batch, and does not wait for other processes.
    """

    def look(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, BatchNorm)
        batch = PooledMoments()
        batch.add(inputs[0])
        moments[norm].join(batch)
        _set(norm, batch.mean, batch.variance())

    with ExitStack() as hooks:
        for norm in moments:
            hooks.callback(norm.register_forward_pre_hook(look).remove)
        yield


def _set(norm: BatchNorm, mean: Tensor, variance: Tensor) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


def _read(model: nn.Module) -> Statistics:
    running = [(norm.running_mean, norm.running_var) for norm in batch_norms(model)]
    return [(mean.clone(), variance.clone()) for mean, variance in running if mean is not None and variance is not None]


@torch.no_grad()
def _write(model: nn.Module, statistics: Statistics) -> None:
    norms = [norm for norm in batch_norms(model) if norm.running_mean is not None]
    for norm, (mean, variance) in zip(norms, statistics, strict=True):
        _set(norm, mean, variance)
