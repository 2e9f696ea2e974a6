"""From images to the predicted class of every pixel, in bounded memory: for scores, panels and exports alike."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from msl.models import SegmentationNetwork
from msl.numerics.bands import by_bands, most_probable
from msl.numerics.interpolation import upsample_rows
from msl.numerics.precision import at_least_single

_BAND = 2**24  # bytes of upsampled logits at a time: 107 rows of 2048 pixels and 19 classes

# Takes a band's rows, its predicted classes (N, rows, W) and the probabilities of all classes (N, C, rows, W).
BandWatcher = Callable[[slice, Tensor, Tensor], None]


def views(model: SegmentationNetwork, images: Sequence[Tensor], flip: bool) -> list[Tensor]:
    """Coarse logits (1, C, h, w) of one image at each of its sizes, mirrored too with `flip`.

    Args:
        model: in eval mode.
        images: the image at one or several sizes (3, H, W).
        flip: look at each mirrored copy as well; its logits are turned back.
    """
    device = next(model.parameters()).device
    seen = []
    for image in images:
        batch = image[None].to(device)
        seen.append(at_least_single(model.coarse(batch).main))
        if flip:
            seen.append(at_least_single(model.coarse(batch.flip(-1)).main).flip(-1))
    return seen


def predict(seen: Sequence[Tensor], size: Sequence[int], watch: BandWatcher | None = None) -> Tensor:
    """Coarse logits (N, C, h, w) of one or several views to predicted classes (N, *size), uint8.

    The class with the highest logit; of several views, with the highest mean probability at full resolution. Logits are
    upsampled in bands of 16 MB, so that beside the prediction itself no more than four of these are in use, whatever
    the size.

    Args:
        seen: the views' logits.
        size: height and width of the prediction.
        watch: is shown each band with its probabilities, which are computed for it alone.
    """
    parts = []
    for rows in _bands(seen, size):
        score = _score(seen, size, rows)
        parts.append(by_bands(most_probable, score).byte())  # (N, rows, W)
        if watch is not None:
            watch(slice(rows.start, rows.stop), parts[-1], _probabilities(score, len(seen)))
        del score  # before the next band is made
    return torch.cat(parts, dim=1)  # (N, H, W)


def predict_with_confidence(seen: Sequence[Tensor], size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """What `predict` gives, and the probability (N, *size) of the predicted classes, float32; memory as there."""
    parts = [_confident(_score(seen, size, band), len(seen)) for band in _bands(seen, size)]
    labels, probabilities = zip(*parts, strict=True)
    return torch.cat(labels, dim=1), torch.cat(probabilities, dim=1)


def _bands(seen: Sequence[Tensor], size: Sequence[int]) -> list[range]:
    """Rows of the prediction, so many at a time that their logits fill a band."""
    height, width = size
    images, classes = seen[0].shape[:2]
    rows = max(1, _BAND // (seen[0].element_size() * images * classes * width))
    return [range(start, min(start + rows, height)) for start in range(0, height, rows)]


def _score(seen: Sequence[Tensor], size: Sequence[int], rows: range) -> Tensor:
    """Of a band (N, C, rows, W): the logits of the only view, or the sum of the views' probabilities."""
    height, width = size
    score = upsample_rows(seen[0], (height, width), rows)
    if len(seen) > 1:
        score = score.softmax(dim=1)
        for logits in seen[1:]:
            score += upsample_rows(logits, (height, width), rows).softmax(dim=1)
    return score


def _probabilities(score: Tensor, views: int) -> Tensor:
    """Probabilities (N, C, rows, W) of a band's score, in the place of those of several views."""
    return score.softmax(dim=1) if views == 1 else score.div_(views)


def _confident(score: Tensor, views: int) -> tuple[Tensor, Tensor]:
    """Predicted classes and their probabilities (N, rows, W) of a band's score."""
    probability = by_bands(_largest_share, score) if views == 1 else score.amax(dim=1) / views
    return by_bands(most_probable, score).byte(), probability.float()


def _largest_share(logits: Tensor) -> Tensor:
    """Largest probability (N, H, W) of logits (N, C, H, W)."""
    return (logits - logits.amax(dim=1, keepdim=True)).exp_().sum(dim=1).reciprocal_()
