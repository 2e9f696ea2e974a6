"""What happens to an image and its label between the file and the network."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tvf

_KERNEL = 7  # pixels; covers ±3 σ of the widest blur


class Stretch(v2.Transform):
    """Resize to exactly width × height, whatever the proportions: images bicubic, labels to the nearest pixel.

    torchvision's own Resize picks a label's pixel by the corner of its cell and so shifts labels against images by up
    to half a pixel of the original; this one picks it by the centre, as Pillow does.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = [size[1], size[0]]

    def transform(self, inpt: Tensor, params: dict[str, object]) -> Tensor:
        """Resize one image or label."""
        if list(inpt.shape[-2:]) == self.size:
            return inpt
        if isinstance(inpt, tv_tensors.Mask):
            resized = nearest(inpt, self.size)
        else:
            resized = tvf.resize_image(inpt, self.size, v2.InterpolationMode.BICUBIC, antialias=True)
        wrapped: Tensor = tv_tensors.wrap(resized, like=inpt)
        return wrapped


def nearest(label: Tensor, size: Sequence[int]) -> Tensor:
    """Labels (…, H, W) resized to (…, *size): each pixel takes the one at its centre."""
    resized: Tensor = tvf.resize_image(label[None], list(size), interpolation=v2.InterpolationMode.NEAREST_EXACT)[0]
    return resized


class Resized:
    """What evaluation does: the image stretched to the network's size, times each of `scales`."""

    def __init__(self, size: tuple[int, int], scales: Sequence[float] = (1.0,)) -> None:
        self._stretches = [Stretch((round(size[0] * scale), round(size[1] * scale))) for scale in scales]

    def __call__(self, image: Tensor) -> list[Tensor]:
        """(3, H, W) uint8 in; out, one for each scale."""
        return [stretch(tv_tensors.Image(image)).as_subclass(Tensor) for stretch in self._stretches]


class Quarter(v2.Transform):
    """One of the four quarters of an image and its label."""

    def make_params(self, flat_inputs: list[Tensor]) -> dict[str, int]:
        """Which quarter, in pixels of this image."""
        height, width = flat_inputs[0].shape[-2:]
        quarter = int(torch.randint(4, ()))
        return {
            "top": (quarter // 2) * (height - height // 2),
            "left": (quarter % 2) * (width - width // 2),
            "height": height // 2,
            "width": width // 2,
        }

    def transform(self, inpt: Tensor, params: dict[str, int]) -> Tensor:
        """Cut it out."""
        cut: Tensor = self._call_kernel(tvf.crop, inpt, **params)
        return cut


class Seeded:
    """Random steps on image and label together, drawn from a seed."""

    def __init__(self, steps: Sequence[v2.Transform]) -> None:
        self._steps = v2.Compose(steps)

    def __call__(self, image: Tensor, label: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """(3, H, W) and (H, W) uint8 in and out; the same `seed` always does the same.

        The process's own random state is left as it was, so that a network's dropout does not depend on the number
        of loading processes.
        """
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            image, label = self._steps(tv_tensors.Image(image), tv_tensors.Mask(label))
        return image.as_subclass(Tensor), label.as_subclass(Tensor)


class TrainTransform(Seeded):
    """What training does: mirror, stretch, blur.

    Chen et al. (ICCV 2019) mirror half of the images and blur half of them. The radius of the blur is uniform up
    to one pixel.
    """

    def __init__(self, size: tuple[int, int], mirror: bool, blur: bool, quarters: bool = False) -> None:
        steps: list[v2.Transform] = [Quarter()] if quarters else []
        steps += [v2.RandomHorizontalFlip(0.5)] if mirror else []
        steps.append(Stretch(size))
        steps += [v2.RandomApply([v2.GaussianBlur(_KERNEL, (1e-3, 1.0))], p=0.5)] if blur else []
        super().__init__(steps)


class CropTransform(Seeded):
    """What the training of a style decoder does: a random square of an image that was scaled, not stretched."""

    def __init__(self, size: int, crop: int) -> None:
        """Set it up.

        Args:
            size: pixels of the scaled image's shorter side.
            crop: pixels of the square's sides.
        """
        super().__init__([v2.Resize(size, v2.InterpolationMode.BICUBIC, antialias=True), v2.RandomCrop(crop)])
