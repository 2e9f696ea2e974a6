"""The stage joint_adain: adaptation with a style network in front of the segmentation network."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from msl import schema
from msl.checkpoints import about_network
from msl.checkpoints.style import load_transfer
from msl.config import JointAdainConfig
from msl.data import CropTransform, Joined, Paired, Stream
from msl.errors import CheckpointError
from msl.inputs.domains import DomainData, open_data
from msl.inputs.places import weights_file
from msl.inputs.styles import Styles, encoder_digest, open_styles
from msl.models import SegmentationNetwork
from msl.models.devices import prepare, to_device
from msl.recipes import Request
from msl.stages.adapt import AdaptingStage
from msl.stages.decoders import check_decoder
from msl.stages.segmentation import Extension
from msl.stages.stage import Job, Need, Start
from msl.style import StyleTransfer
from msl.style.front import StyleFront, front_of, put_in_front
from msl.tracking import DataInput
from msl.training import Callback, Term
from msl.training.callbacks import LowerOnPlateau, TrainDecoder
from msl.training.objectives.style_reconstruction import StyleReconstruction
from msl.world import world

log = logging.getLogger("msl")

_STYLE = "style"  # stream and term of the decoder's own losses


@dataclass(frozen=True)
class JointData(DomainData):
    """Both domains, and the style images."""

    styles: Styles

    @property
    def inputs(self) -> list[DataInput]:
        """Those of the domains, then the style images."""
        return [*super().inputs, self.styles.input]

    def digests(self) -> dict[str, str]:
        """With that of the style images."""
        return super().digests() | {_STYLE: self.styles.digest}


class JointAdain(AdaptingStage[JointAdainConfig, JointData]):
    """styled source → Supervised; styled target → Adaptation; optionally (content, style) → StyleReconstruction."""

    name = "joint_adain"

    def needs(self, request: Request, config: JointAdainConfig) -> list[Need]:
        """A pretrained network and a trained decoder."""
        decoder = Need(setting="decoder", reference=config.network.decoder, request=request.for_style("train_style"))
        return [*super().needs(request, config), decoder]

    def check(self, request: Request, starts: Mapping[str, Start]) -> None:
        """Also the decoder, and that the checkpoint has no style network yet."""
        super().check(request, starts)
        check_decoder(request, starts)
        start = starts.get("checkpoint")
        if start is not None and about_network(start.checkpoint(), start.reference).front is not None:
            raise CheckpointError(
                f"checkpoint = {start.reference}: that network has a style network in front of it "
                "already. Start from a checkpoint without one."
            )

    def open(self, config: JointAdainConfig) -> JointData:
        """Both domains, the target without its labels, and the style images; raises as `open_data` does."""
        domains = open_data(config, self.trains_on)
        return JointData(**vars(domains), styles=open_styles(config.look, config.runtime.data_root))

    def tags(self, starts: Mapping[str, Start]) -> dict[str, str]:
        """Also the decoder's reference."""
        return super().tags(starts) | {schema.STYLE_DECODER: starts["decoder"].reference}

    def modules(self, config: JointAdainConfig) -> list[str]:
        """Also the modules of the style network and of its decoder's training."""
        parts = (StyleFront, StyleTransfer, StyleReconstruction, TrainDecoder, LowerOnPlateau)
        return [*super().modules(config), *(part.__module__ for part in parts)]

    def decisive(self, config: JointAdainConfig, data: JointData) -> dict[str, Any]:
        """Also digests of the files that the settings name."""
        encoder = encoder_digest(config.network, config.runtime.data_root)
        return super().decisive(config, data) | {"encoder": encoder, "style": data.styles.digest}

    def first_network(self, job: Job[JointAdainConfig, JointData]) -> SegmentationNetwork:
        """The network of the checkpoint, with the style network in front."""
        network, front = super().first_network(job), _front(job)
        put_in_front(network, front)
        return network

    def extension(
        self, job: Job[JointAdainConfig, JointData], network: SegmentationNetwork, positions: Mapping[str, int]
    ) -> Extension:
        """The training of the decoder, and the callback that lowers the learning rate."""
        joint, losses, front = job.config.joint, job.config.losses, front_of(network)
        if front is None:
            raise CheckpointError(f"run {job.reporter.run_id}: its checkpoint has no style network. Start a new run.")
        callbacks: dict[str, Callback] = {**super().extension(job, network, positions).callbacks}
        if joint.style_training != "frozen":
            callbacks["decoder"] = TrainDecoder(front.transfer.decoder, losses)
        if joint.plateau_factor is not None:
            callbacks["plateau"] = LowerOnPlateau(joint.plateau_factor, joint.plateau_patience)
        if joint.style_training != "decoder":
            return Extension(callbacks=callbacks)
        term = Term(_STYLE, StyleReconstruction(losses, front.transfer))
        stream = _squares(job, self.trains_on, front.mean.device, positions.get(_STYLE, 0))
        return Extension(terms=[term], streams={_STYLE: stream}, callbacks=callbacks)


def _front(job: Job[JointAdainConfig, JointData]) -> StyleFront:
    """The style network with its styles; the statistics of the styles are computed on the device."""
    config, device = job.config, prepare(job.config.runtime)
    encoder = weights_file(config.network.encoder, config.runtime.data_root)
    with torch.random.fork_rng(
        devices=[]
    ):  # its weights are loaded: its initial ones must change no other random number
        transfer = load_transfer(job.starts["decoder"].path, encoder, config.look.style_size)
    front = to_device(StyleFront(transfer, config.look.alpha, config.joint.style_training), device)
    front.take_on(front.transfer.prepare([image.to(device) for image in job.data.styles.tensors()]), config.look)
    return front


def _squares(
    job: Job[JointAdainConfig, JointData], roles: tuple[str, ...], device: torch.device, position: int
) -> Paired:
    """Squares of both domains' images and of style images, at the scale of the style network."""
    config, side = job.config, min(job.data.sizes[schema.SOURCE])
    scaled = config.look.style_size or side
    crop = CropTransform(scaled, min(scaled, side))
    seed, count, workers = config.run.seed, config.optimizer.batch_size, config.runtime.num_workers
    if config.runtime.cache is not None:
        log.info("%s: squares are cut from whole images, so its training reads the files and no prepared copy", _STYLE)
    content = Joined([job.data.trained[role] for role in roles])
    return Paired(
        Stream(content, crop, count, seed, "content", workers, device, position, world=world()),
        Stream(job.data.styles.images, crop, count, seed, _STYLE, workers, device, position, world=world()),
    )
