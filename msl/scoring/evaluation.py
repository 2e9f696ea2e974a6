"""Scoring a network on a domain."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from msl.config.catalog import METRICS
from msl.console import progress
from msl.data import Domain, Prepared, Resized, in_order, loading_explained, nearest
from msl.metrics import Metric
from msl.models import SegmentationNetwork
from msl.numerics import ranks
from msl.scoring.batches import batches
from msl.scoring.counting import Counting
from msl.scoring.prediction import predict, views
from msl.scoring.scores import Scores


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A domain to score, and how."""

    role: str  # source or target: the metrics' prefix
    domain: Domain
    size: tuple[int, int]  # width and height of the network's input
    count: int | None  # number of images to score, from the first on; None = all
    flip: bool = False  # average over the image and its mirrored copy
    scales: tuple[float, ...] = (1.0,)  # multiples of `size` to average over
    resize_labels: bool = False  # score only at `size`, as the published code does
    extra_metrics: tuple[str, ...] = ()  # names in the table `msl.schema.SCORES`
    num_workers: int = 0
    prepared: Prepared | None = None  # the resized images, if they are kept

    def __len__(self) -> int:
        return len(self.domain) if self.count is None else min(self.count, len(self.domain))


def evaluate(
    model: SegmentationNetwork,
    scored: Scored,
    precision: torch.dtype = torch.float32,
    keep: Callable[[str, Tensor], None] | None = None,
    before: Callable[[str], None] = lambda name: None,
) -> Scores:
    """Score `model` on a domain: count every image in one confusion matrix and in what the extra metrics need.

    Images of one size go through a GPU together. It predicts and counts, and nothing waits for it. For the prediction
    at full resolution, the logits are upsampled directly to the label's size.

    Where several processes train together, each scores its part of the images, and the counts are added up.

    Args:
        model: on its device.
        scored: what to score, and how.
        precision: of the network's forward pass.
        keep: called with every image's name and its prediction (H, W) at full resolution.
        before: called with every image's name before it is scored; an error that it raises ends the scoring.

    Raises:
        ValueError: a label has an id that is none of the network's classes.
    """
    device = next(model.parameters()).device
    metrics: dict[str, Metric[Any]] = {name: METRICS.load(name) for name in scored.extra_metrics}
    num_classes = model.config.num_classes
    resized_kinds = [m.counts for m in metrics.values() if m.at_input_size or scored.resize_labels]
    full_kinds = [m.counts for m in metrics.values() if not m.at_input_size]
    resized = Counting(resized_kinds, num_classes, device)
    full = resized if scored.resize_labels else Counting(full_kinds, num_classes, device)
    resize = Resized(scored.size, scored.scales)
    samples = in_order(scored.domain, resize, scored.count, scored.num_workers, scored.prepared, ranks.part)
    autocast = torch.autocast(device.type, precision, enabled=precision != torch.float32)
    total = len(ranks.part(len(scored)))
    shown = progress(samples, title=f"scoring {scored.role}", unit="img", total=total, leave=False)
    with ranks.together(), loading_explained(), eval_mode(model), autocast, torch.inference_mode():
        for batch in batches(shown, device):
            for name in batch.names:
                before(name)
            view_logits = views(model, batch.images, scored.flip)
            resized.predict(view_logits, nearest(batch.label, scored.size[::-1]))
            if keep is None and full is resized:
                continue
            size = batch.label.shape[1:]
            prediction = predict(view_logits, size) if full is resized else full.predict(view_logits, batch.label)
            if keep is not None:
                for name, image_prediction in zip(batch.names, prediction.cpu(), strict=True):
                    keep(name, image_prediction)
        for counting in (resized, full):
            counting.settle()
    full.add_up()
    if full is not resized:
        resized.add_up()
    extra = {name: (resized if m.at_input_size else full).counts[m.counts] for name, m in metrics.items()}
    return Scores(full.matrix, resized.matrix, extra)


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Eval mode until the block ends; then every module gets back its mode."""
    modes: Mapping[nn.Module, bool] = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
