"""Statistics of each channel of feature maps."""

from torch import Tensor

from msl.numerics.precision import at_least_single


def channel_statistics(features: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Mean and deviation sqrt(var + eps) over the pixels of each channel; the variance is unbiased.

    Args:
        features: (N, C, H, W), at least two pixels.
        eps: keeps the deviation of a constant channel, and its gradient, finite.

    Returns:
        Two tensors (N, C, 1, 1), in float32 or float64.
    """
    features = at_least_single(features)
    variance = features.var(dim=(2, 3), keepdim=True)  # (N, C, 1, 1)
    return features.mean(dim=(2, 3), keepdim=True), (variance + eps).sqrt()
