"""From images to the predicted class of every pixel, in bounded memory: for scores, panels and exports alike."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from msl.models import SegmentationNetwork
from msl.numerics.bands import by_bands, most_probable
from msl.numerics.interpolation import upsample_rows
from msl.numerics.precision import at_least_single

_BAND = 2**24  # bytes of upsampled logits at a time: 107 rows of 2048 pixels and 19 classes
_GPU_BAND = 2**28  # on a GPU, whose bands are few, because each costs the launch of some kernels

# Takes a band's rows, its predicted classes (N, rows, W) and the probabilities of all classes (N, C, rows, W).
BandWatcher = Callable[[slice, Tensor, Tensor], None]


def views(model: SegmentationNetwork, images: Sequence[Tensor], flip: bool) -> list[Tensor]:
    """Coarse logits (N, C, h, w) of images at each of their sizes; with `flip`, also of the mirrored copies.

    Args:
        model: in eval mode.
        images: one image (3, H, W) or several (N, 3, H, W), at one or several sizes.
        flip: add a view of each mirrored copy; its logits are mirrored back.
    """
    device = next(model.parameters()).device
    view_logits = []
    for image in images:
        batch = (image if image.ndim == 4 else image[None]).to(device)
        if flip and device.type != "cpu":  # both in one pass
            plain, turned = at_least_single(model.coarse(torch.cat([batch, batch.flip(-1)])).main).chunk(2)
            view_logits += [plain, turned.flip(-1)]
            continue
        view_logits.append(at_least_single(model.coarse(batch).main))
        if flip:
            view_logits.append(at_least_single(model.coarse(batch.flip(-1)).main).flip(-1))
    return view_logits


def predict(view_logits: Sequence[Tensor], size: Sequence[int], watch: BandWatcher | None = None) -> Tensor:
    """Coarse logits (N, C, h, w) of one or several views to predicted classes (N, *size), uint8.

    One view: the class with the highest logit. Several views: the class with the highest mean probability at full
    resolution. Logits are upsampled in bands of 16 MB. For every size, at most four bands are in memory beside the
    prediction.

    Args:
        view_logits: the logits of each view.
        size: height and width of the prediction.
        watch: called with each band and its probabilities, which are computed only for it.
    """
    parts = []
    for rows in _bands(view_logits, size):
        score = _score(view_logits, size, rows)
        parts.append(by_bands(most_probable, score).byte())  # (N, rows, W)
        if watch is not None:
            watch(slice(rows.start, rows.stop), parts[-1], _probabilities(score, len(view_logits)))
        del score  # before the next band is computed
    return torch.cat(parts, dim=1)  # (N, H, W)


def predict_with_confidence(view_logits: Sequence[Tensor], size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """What `predict` gives, and the probability (N, *size) of the predicted classes, float32; in as little memory."""
    bands = _bands(view_logits, size)
    parts = [_confidence(_score(view_logits, size, band), len(view_logits)) for band in bands]
    labels, probabilities = zip(*parts, strict=True)
    return torch.cat(labels, dim=1), torch.cat(probabilities, dim=1)


def _bands(view_logits: Sequence[Tensor], size: Sequence[int]) -> list[range]:
    """The rows of each band: as many as fill it with logits."""
    height, width = size
    images, classes = view_logits[0].shape[:2]
    band = _BAND if view_logits[0].device.type == "cpu" else _GPU_BAND
    rows = max(1, band // (view_logits[0].element_size() * images * classes * width))
    return [range(start, min(start + rows, height)) for start in range(0, height, rows)]


def _score(view_logits: Sequence[Tensor], size: Sequence[int], rows: range) -> Tensor:
    """The score of a band (N, C, rows, W): the logits of a single view, or the sum of the views' probabilities."""
    height, width = size
    score = upsample_rows(view_logits[0], (height, width), rows)
    if len(view_logits) > 1:
        score = score.softmax(dim=1)
        for logits in view_logits[1:]:
            score += upsample_rows(logits, (height, width), rows).softmax(dim=1)
    return score


def _probabilities(score: Tensor, view_count: int) -> Tensor:
    """Probabilities (N, C, rows, W) of a band's score; with several views, computed in place."""
    return score.softmax(dim=1) if view_count == 1 else score.div_(view_count)


def _confidence(score: Tensor, view_count: int) -> tuple[Tensor, Tensor]:
    """Predicted classes and their probabilities (N, rows, W) of a band's score."""
    probability = by_bands(_largest_share, score) if view_count == 1 else score.amax(dim=1) / view_count
    return by_bands(most_probable, score).byte(), probability.float()


def _largest_share(logits: Tensor) -> Tensor:
    """Largest probability (N, H, W) of logits (N, C, H, W)."""
    return (logits - logits.amax(dim=1, keepdim=True)).exp_().sum(dim=1).reciprocal_()
