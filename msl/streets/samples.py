"""The data set: a sequence of generated street scenes with their labels."""

import hashlib
import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from msl.errors import ConfigError
from msl.streets.brush import Brush, Light
from msl.streets.canvas import Camera, Canvas
from msl.streets.lens import expose
from msl.streets.render import shade
from msl.streets.scene import draw_scene
from msl.streets.style import Style

_SMALLEST = 32  # px; below that no person fits into the image
_RENDERED = 3  # number of samples whose bytes are part of a digest

_FOCAL = (0.95, 1.20)  # share of the image's width: 56 to 45 degrees of view; Cityscapes' is 1.1
_EYE = (1.25, 1.65)  # m, the camera's height
_BEND = 0.0009  # 1/m, largest
_ASIDE = 0.10  # largest distance of the vanishing point from the middle, share of the width
_HORIZON = (0.40, 0.50)  # share of the height


@dataclass(frozen=True)
class Streets:
    """Generated street scenes in one domain's style; sample i depends only on the fields and i.

    Images are RGB, labels hold Cityscapes' label ids (7 road … 33 bicycle; 1 and 4 are ignored).

    Raises:
        ConfigError: the size or the count is out of range.
    """

    style: Style
    split: str  # part of the seed: splits of different names share no sample
    count: int
    size: tuple[int, int] = (256, 128)  # px: width, height
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.size) != 2 or min(self.size) < _SMALLEST:
            raise ConfigError(f"size = {self.size} of streets: give (width, height), both at least {_SMALLEST} px")
        if self.count < 1:
            raise ConfigError(f"count = {self.count} of streets, split {self.split!r}: give at least 1 sample")
        if self.seed < 0:
            raise ConfigError(f"seed = {self.seed} of streets: give 0 or more")

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        """Name of a sample, such as ``streets/train/00012``."""
        self._check(index)
        return f"{self.style.name}/{self.split}/{index:05d}"

    def sample(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Image (H, W, 3) and label (H, W) of a sample."""
        self._check(index)
        # The names of style and split become a hash that is the same in every process, unlike Python's hash().
        words = hashlib.sha256(f"{self.style.name}/{self.split}".encode()).digest()[:8]
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, index, int.from_bytes(words, "big")]))
        brush = Brush(Canvas(self._camera(rng)), self.style, _light(self.style, rng), rng)
        draw_scene(brush)
        light, label = shade(brush)
        return expose(brush, light), label

    def digest(self) -> str:
        """SHA-256, in hex, of the parameters and of a few samples' bytes: it changes when the samples do."""
        digest = hashlib.sha256(repr(asdict(self)).encode())
        for index in sorted({0, self.count // 2, self.count - 1})[:_RENDERED]:
            for array in self.sample(index):
                digest.update(array.tobytes())
        return digest.hexdigest()

    def _check(self, index: int) -> None:
        if not 0 <= index < self.count:
            raise IndexError(f"index {index} of {self.style.name}/{self.split}: pass 0 to {self.count - 1}")

    def _camera(self, rng: np.random.Generator) -> Camera:
        width, height = self.size
        return Camera(
            width=width,
            height=height,
            focal=width * rng.uniform(*_FOCAL),
            centre=(width * (0.5 + rng.uniform(-_ASIDE, _ASIDE)), height * rng.uniform(*_HORIZON)),
            eye=rng.uniform(*_EYE),
            bend=rng.uniform(-1, 1) ** 3 * _BEND,
        )


def _light(style: Style, rng: np.random.Generator) -> Light:
    """The sun at any side of the camera, or an overcast sky, which lights faces from above."""
    if rng.random() < style.overcast:
        return Light(toward=(0.0, 1.0, 0.0), sun=0.2, sky=rng.uniform(0.74, 0.86), casts=False)
    height, around = math.radians(rng.uniform(*style.sun_height)), rng.uniform(0, 2 * math.pi)
    flat = math.cos(height)
    toward = (flat * math.sin(around), math.sin(height), flat * math.cos(around))
    return Light(toward=toward, sun=rng.uniform(*style.sun_light), sky=rng.uniform(*style.sky_light), casts=True)
