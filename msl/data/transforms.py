"""What happens to an image and its label between the file and the network."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tvf

from msl.data.blur import Blur

_MIRRORED = 0.5  # share of the samples


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


def stretched_image(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image (3, H, W) as training stretches it to width and height."""
    stretched: Tensor = Stretch(size)(tv_tensors.Image(image))
    return stretched.as_subclass(Tensor)


def stretched_label(label: Tensor, size: tuple[int, int]) -> Tensor:
    """A label (H, W) as training stretches it to width and height."""
    stretched: Tensor = Stretch(size)(tv_tensors.Mask(label))
    return stretched.as_subclass(Tensor)


def mirrored(pixels: Tensor) -> Tensor:
    """An image or a label (…, H, W) mirrored as training does."""
    flipped: Tensor = tvf.horizontal_flip_image(pixels)
    return flipped


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


class Version(v2.Transform):
    """One of the versions of a sample that was stretched before: as it is, or mirrored with probability 0.5.

    It draws what v2.RandomHorizontalFlip draws. A sample has a second version if mirroring after stretching would give
    other values than training does, which mirrors first (see `msl.data.prepared`).
    """

    def __init__(self, mirror: bool) -> None:
        super().__init__()
        self._mirror = mirror

    def make_params(self, flat_inputs: list[Tensor]) -> dict[str, bool]:
        """Whether to mirror."""
        return {"is_mirrored": self._mirror and bool(torch.rand(1) < _MIRRORED)}

    def transform(self, inpt: Tensor, params: dict[str, bool]) -> Tensor:
        """Choose the version of an image (V, 3, H, W) or of a label (V, H, W); a domain without labels has none."""
        if not params["is_mirrored"]:
            chosen = inpt[0]
        else:
            chosen = inpt[1] if len(inpt) == 2 else mirrored(inpt[0].as_subclass(Tensor))
        wrapped: Tensor = tv_tensors.wrap(chosen.as_subclass(Tensor), like=inpt)
        return wrapped


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
        steps += [v2.RandomHorizontalFlip(_MIRRORED)] if mirror else []
        super().__init__([*steps, Stretch(size), *_blurred(blur)])


class PreparedTransform(Seeded):
    """What `TrainTransform` does, for samples that were stretched before: the same bits from the same seed."""

    def __init__(self, mirror: bool, blur: bool) -> None:
        super().__init__([Version(mirror), *_blurred(blur)])


def _blurred(blur: bool) -> list[v2.Transform]:
    return [v2.RandomApply([Blur((1e-3, 1.0))], p=0.5)] if blur else []


class CropTransform(Seeded):
    """What the training of a style decoder does: a random square of an image that was scaled, not stretched."""

    def __init__(self, size: int, crop: int) -> None:
        """Set it up.

        Args:
            size: pixels of the scaled image's shorter side.
            crop: pixels of the square's sides.
        """
        super().__init__([v2.Resize(size, v2.InterpolationMode.BICUBIC, antialias=True), v2.RandomCrop(crop)])
