"""Batches of a domain: an endless stream for training, one pass in order for evaluation."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from msl.data.ahead import AheadCopy
from msl.data.batch import Batch
from msl.data.domain import Domain, Sample
from msl.data.prepared import Prepared
from msl.data.processes import Items, Loadable, Loading
from msl.data.seeds import mixed_seed
from msl.data.shared_memory import Crew, fitted_crew
from msl.data.transforms import Resized
from msl.world import World

_PREFETCHED_BATCHES = 4  # that a loading process prepares in advance
_PREFETCHED_IMAGES = 2  # the same for images to score


class Images(Protocol):
    """The samples of a stream: a domain, or several as one."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample:
        """The sample at `index`."""


class Augmentation(Protocol):
    """What happens to a sample on its way into a batch."""

    def __call__(self, image: Tensor, label: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """(3, H, W) and (H, W) uint8 in and out; the same `seed` always does the same.

        Prepared samples come in with an axis of versions in front.
        """


class Pick(Protocol):
    """Chooses another sample in place of the next one of an epoch."""

    def __call__(self, seed: int) -> int:
        """The index of a sample; the same `seed` always gives the same."""


class Stream:
    """An endless sequence of batches that is a pure function of (domain, seed, position).

    Sample k of the stream is entry k mod len of the permutation of epoch k div len; its augmentation is drawn from
    (seed, epoch, index). So neither the number of loading processes nor an interruption changes the training data:
    a stream that starts at position p gives the same batches as another stream from its p-th batch on. The streams of
    one training share its seed; `salt` gives each of them its own order. With `pick`, each sample is one that it draws
    from the seed of (epoch, index).

    Where several processes train together, a batch is one for all of them: each process loads its part of it.
    """

    def __init__(
        self,
        domain: Images,
        transform: Augmentation,
        batch_size: int,
        seed: int,
        salt: str,
        num_workers: int = 0,
        device: torch.device | None = None,
        position: int = 0,
        pick: Pick | None = None,
        world: World | None = None,
    ) -> None:
        self.domain = domain
        self.position = position
        self.latest: Batch | None = None  # the batch that came last
        self._device = device or torch.device("cpu")
        self._items = _Augmented(domain, transform, mixed_seed(seed, salt), pick)
        share = (world or World()).share(batch_size)
        self._order = _Order(len(domain), batch_size, mixed_seed(seed, salt), position, share)
        self._crew, self._title = Crew(num_workers, _PREFETCHED_BATCHES), salt
        self._batches: Loading[Batch] | None = None
        self._ahead = AheadCopy(self._device) if self._device.type == "cuda" else None

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._ahead is None:
            batch = self._loaded().to(self._device)
        else:
            if self._ahead.is_empty:
                self._ahead.begin(self._loaded())
            batch = self._ahead.take()
        self.position += 1
        self.latest = batch
        return batch

    def look_ahead(self) -> float:
        """Begin to copy the next batch to the GPU, if the device is one; the stream's position does not change.

        Returns:
            Seconds of waiting for the batch in which the GPU may have had no work.
        """
        if self._ahead is None or not self._ahead.is_empty:
            return 0.0
        start = time.perf_counter()
        batch = self._loaded()
        waited = time.perf_counter() - start
        was_idle = self._ahead.is_idle()
        self._ahead.begin(batch)
        return waited if was_idle else 0.0

    def _loaded(self) -> Batch:
        if self._batches is None:
            self._batches = self._open()
        return next(self._batches)

    def _open(self) -> Loading[Batch]:
        (first_batch,) = islice(self._order, 1)
        crew = fitted_crew(self._crew, lambda: len(first_batch) * _bytes(self._items, first_batch[:1]), self._title)
        return Loading(self._items, self._order, crew, self._title)

    def close(self) -> None:
        """End the loading processes."""
        if self._batches is not None:
            self._batches.close()
        self._batches = None


class Paired:
    """Two streams in step: each batch has one style image for each content image."""

    def __init__(self, content: Stream, style: Stream) -> None:
        self._content, self._style = content, style

    @property
    def position(self) -> int:
        """Number of batches so far, the same for both."""
        return self._content.position

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        content, style = next(self._content), next(self._style)
        names = tuple(f"{image} in the style of {look}" for image, look in zip(content.names, style.names, strict=True))
        return replace(content, names=names, style=style.image)

    def look_ahead(self) -> float:
        """As `Stream.look_ahead`, for both."""
        return self._content.look_ahead() + self._style.look_ahead()

    def close(self) -> None:
        """End the loading processes."""
        self._content.close()
        self._style.close()


class Scorable(NamedTuple):
    """An image to score."""

    images: list[Tensor]  # (3, H, W) uint8 RGB one for each input size of the network
    label: Tensor  # (H, W) uint8 train ids at full resolution
    name: str

    def tensors(self) -> tuple[Tensor, ...]:
        """The parts that loading processes hand over in shared memory."""
        return *self.images, self.label


def in_order(
    domain: Domain,
    transform: Resized,
    count: int | None,
    num_workers: int,
    prepared: Prepared | None = None,
    part: Callable[[int], Sequence[int]] = range,
) -> Iterator[Scorable]:
    """The first `count` samples (all if None), each once: the image resized for the network, the label at full size.

    Resized images are taken from `prepared`, if there are any. `part` chooses indexes among so many.
    """
    chosen = part(len(domain) if count is None else min(count, len(domain)))
    return _loaded(
        _Plain(domain, transform) if prepared is None else _Ready(domain, prepared), chosen, num_workers, domain
    )


def picked(domain: Domain, transform: Resized, indices: Sequence[int], num_workers: int) -> Iterator[Scorable]:
    """The samples at these indices, in their order; as `in_order` gives them."""
    return _loaded(_Plain(domain, transform), indices, num_workers, domain)


def _loaded(
    items: Items[int, Scorable], indices: Sequence[int], num_workers: int, domain: Domain
) -> Iterator[Scorable]:
    title = f"{domain.name}/{domain.split}"
    crew = fitted_crew(Crew(num_workers, _PREFETCHED_IMAGES), lambda: _bytes(items, next(iter(indices), 0)), title)
    return Loading(items, indices, crew, title)


def _bytes(items: Items[Any, Loadable], key: Any) -> int:
    """Size of an item. An item that cannot be loaded has none here; the error follows where it is needed."""
    try:
        return sum(tensor.nbytes for tensor in items[key].tensors())
    except Exception:
        return 0


class _Order:
    """One process's share of endless batches of (epoch, index), from a position on."""

    def __init__(self, length: int, batch_size: int, seed: int, position: int, share: slice) -> None:
        self._length, self._batch_size, self._seed = length, batch_size, seed
        self._position, self._share = position, share

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        first = self._position * self._batch_size
        epoch, offset = divmod(first, self._length)
        batch: list[tuple[int, int]] = []
        while True:
            for index in self._permutation(epoch)[offset:]:
                batch.append((epoch, index))
                if len(batch) == self._batch_size:
                    yield batch[self._share]
                    batch = []
            epoch, offset = epoch + 1, 0

    def _permutation(self, epoch: int) -> list[int]:
        generator = torch.Generator().manual_seed(mixed_seed(self._seed, epoch))
        order: list[int] = torch.randperm(self._length, generator=generator).tolist()
        return order


class _Augmented:
    """Batches by the (epoch, index) of their samples."""

    def __init__(self, domain: Images, transform: Augmentation, seed: int, pick: Pick | None) -> None:
        self._domain, self._transform, self._seed, self._pick = domain, transform, seed, pick

    def __getitem__(self, keys: list[tuple[int, int]]) -> Batch:
        return _collate([self._sample(epoch, index) for epoch, index in keys])

    def _sample(self, epoch: int, index: int) -> tuple[Tensor, Tensor, str]:
        seed = mixed_seed(self._seed, epoch, index)
        sample = self._domain[index if self._pick is None else self._pick(seed)]
        image, label = self._transform(sample.image, sample.label, seed)
        return image, label, sample.name


class _Plain:
    def __init__(self, domain: Domain, transform: Resized) -> None:
        self._domain, self._transform = domain, transform

    def __getitem__(self, index: int) -> Scorable:
        sample = self._domain[index]
        return Scorable(self._transform(sample.image), sample.label, sample.name)


class _Ready:
    def __init__(self, domain: Domain, prepared: Prepared) -> None:
        self._domain, self._prepared = domain, prepared

    def __getitem__(self, index: int) -> Scorable:
        return Scorable([self._prepared.image(index)], self._domain.label(index), self._domain.samples.name(index))


def _collate(samples: list[tuple[Tensor, Tensor, str]]) -> Batch:
    images, labels, names = zip(*samples, strict=True)
    return Batch(torch.stack(images), torch.stack(labels), names)
