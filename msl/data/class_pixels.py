"""How many pixels each class has in each image of a domain: counted once, then kept in the user's cache folder."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from msl.console import progress
from msl.data.domain import Domain
from msl.errors import DataError
from msl.files import whole_file

log = logging.getLogger("msl")

_FEW = 256  # images that are counted without a progress bar


def class_pixels(domain: Domain, content: str) -> Tensor:
    """The pixels of each class, and of none, in each image.

    Args:
        domain: with labels.
        content: digest of its images and labels.

    Returns:
        (images, C + 1) int64; the last column has the ignored pixels.
    """
    name = sha256(f"{content} {domain.table_digest()}".encode()).hexdigest()[:32]
    file = _folder() / f"{name}.pt"
    counts = _stored(file, (len(domain), len(domain.label_set) + 1))
    if counts is None:
        counts = _counted(domain)
        _store(file, counts)
    return counts


def _folder() -> Path:
    return Path(os.environ.get("MSL_CACHE") or Path.home() / ".cache" / "msl") / "class_pixels"


def _stored(file: Path, shape: tuple[int, int]) -> Tensor | None:
    try:
        counts = torch.load(file, weights_only=True)
    except Exception:  # a file that is missing, cut or damaged is counted again
        return None
    return counts if isinstance(counts, Tensor) and counts.shape == shape else None


def _store(file: Path, counts: Tensor) -> None:
    """Without a folder that can be written, every run counts: slower, but never wrong."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file, DataError) as temporary:
            torch.save(counts, temporary)
    except (OSError, DataError, RuntimeError) as error:
        log.info("the pixels of classes are counted again by the next run: %s", error)


def _counted(domain: Domain) -> Tensor:
    title = f"counting classes of {domain.name}/{domain.split}"
    count = len(domain)
    with (
        ThreadPoolExecutor(os.cpu_count()) as pool,
        progress(title=title, unit="label", total=count, disable=count < _FEW, leave=False) as bar,
    ):
        rows = []
        for row in pool.map(lambda index: _pixels(domain.label(index), len(domain.label_set)), range(count)):
            rows.append(row)
            bar.update()
    return torch.stack(rows)


def _pixels(label: Tensor, num_classes: int) -> Tensor:
    counts = label.flatten().int().bincount(minlength=num_classes)
    return torch.cat([counts[:num_classes], counts[num_classes:].sum(dim=0, keepdim=True)])
