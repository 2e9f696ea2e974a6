"""Images of a domain for what needs no labels: statistics of BatchNorm, and criteria that choose a network."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from msl.data import Domain, Resized, loading_explained, picked


@dataclass(frozen=True, kw_only=True)
class UnlabelledImages:
    """At most `count` images of a domain, spread evenly over it. Its label files are never opened."""

    domain: Domain
    size: tuple[int, int]  # width and height of the network's input
    count: int
    num_workers: int = 0
    indices: tuple[int, ...] = field(init=False)  # of the images, in the order of the domain

    def __post_init__(self) -> None:
        total = len(self.domain)
        chosen = min(self.count, total)
        object.__setattr__(self, "domain", replace(self.domain, labelled=False))
        object.__setattr__(self, "indices", tuple(k * total // chosen for k in range(chosen)))

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[Tensor]:
        """Each image (3, H, W) uint8 RGB in turn, resized as for a score."""
        return self._load(self.indices)

    def batches(self, most: int) -> Iterator[Tensor]:
        """All images once, in batches (N, 3, H, W) of at most `most`; each batch is spread over the whole domain."""
        number = -(-len(self) // most)
        groups = [self.indices[first::number] for first in range(number)]
        images = self._load([index for group in groups for index in group])
        for group in groups:
            yield torch.stack([next(images) for _ in group])

    def _load(self, indices: tuple[int, ...] | list[int]) -> Iterator[Tensor]:
        with loading_explained():
            for sample in picked(self.domain, Resized(self.size), indices, self.num_workers):
                yield sample.images[0]
