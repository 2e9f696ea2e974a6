"""The streams of the domains on which a segmentation network is trained."""

import logging
from dataclasses import dataclass
from typing import Any

import torch

from msl.config import TrainConfig
from msl.data import PreparedTransform, Stream, TrainTransform
from msl.data.crops import RandomCrop
from msl.data.loaders import Augmentation, Images
from msl.data.rare_classes import RareClasses
from msl.inputs.domains import DomainData
from msl.inputs.prepared import prepared_images
from msl.stages.stage import Job
from msl.world import world

log = logging.getLogger("msl")


@dataclass(frozen=True)
class Choice:
    """Which samples of a domain, and which part of each, a stage trains on."""

    crop: tuple[int, int] | None = None  # width and height of random crops; None = whole images
    rare: RareClasses | None = None  # draws the samples; None = each once in an epoch


def domain_stream(
    job: Job[Any, Any], role: str, device: torch.device, position: int, choice: Choice = Choice()
) -> Stream:
    """The batches of the domain that is trained on in this role, from its prepared copy if there is one."""
    config: TrainConfig = job.config
    images, transform = _samples(config, job.data, role)
    if choice.crop is not None:
        transform = RandomCrop(transform, choice.crop, choice.rare)
    return Stream(
        images,
        transform,
        config.optimizer.batch_size,
        config.run.seed,
        role,
        config.runtime.num_workers,
        device,
        position,
        pick=None if choice.rare is None else choice.rare.image,
        world=world(),
    )


def _samples(config: TrainConfig, data: DomainData, role: str) -> tuple[Images, Augmentation]:
    size, mirror, blur = data.sizes[role], config.source.random_mirror, config.source.gaussian_blur
    if config.quarters and config.runtime.cache is not None:
        log.info("%s: quarters are cut from whole images, so training reads the files and no prepared copy", role)
    elif (prepared := prepared_images(data.check_of(role), size, mirror, config.runtime)) is not None:
        return prepared, PreparedTransform(mirror, blur)
    return data.trained[role], TrainTransform(size, mirror, blur, config.quarters)
