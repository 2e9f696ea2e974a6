"""The stage train_style: a decoder learns to draw images from an encoder's features (Huang and Belongie, 2017)."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from msl import schema
from msl.checkpoints import About, Checkpoint
from msl.checkpoints.style import about_style, load_transfer, style_network
from msl.config import TrainStyleConfig
from msl.data import CropTransform, Images, Paired, Stream
from msl.inputs.places import weights_file
from msl.inputs.styles import DecoderData, encoder_digest, open_decoder_data
from msl.models.devices import machine_values, prepare, to_device
from msl.models.precision import PRECISIONS, chosen_precision, usable_precision
from msl.recipes import Request
from msl.stages.decoders import check_decoder
from msl.stages.profiles import profile_of
from msl.stages.stage import Job, Need, Start, Training, TrainingStage
from msl.style import StyleTransfer, load_encoder, mirror_encoder, normalise, unit_rgb
from msl.training import Callback, Schedule, State, Term
from msl.training.callbacks import LogMeans, Previews, ProgressBar, SaveCheckpoints, StopOnNaN
from msl.training.devices import device_of
from msl.training.objectives.style_reconstruction import StyleReconstruction
from msl.training.optimizers.decoder import adam
from msl.training.scaling import Scaling
from msl.training.schedules import Inverse
from msl.world import world

_STYLES_SHOWN = 4
_FIRST_IMAGES = 16  # to normalise the encoder and to initialise the decoder

# A fingerprint has these in another form: a decoder as an input, the length of the training as its last iteration.
_KNOWN_OTHERWISE = ("decoder", "style_iters", "max_iters")

StyleJob = Job[TrainStyleConfig, DecoderData]


class TrainStyle(TrainingStage[TrainStyleConfig, DecoderData, StyleTransfer]):
    """(content, style) → StyleReconstruction."""

    name = "train_style"

    def needs(self, request: Request, config: TrainStyleConfig) -> list[Need]:
        """The decoder to continue with, if the settings name one; else it begins with a new decoder."""
        decoder = config.network.decoder
        return [] if decoder is None else [Need(setting="decoder", reference=decoder, request=request)]

    def check(self, request: Request, starts: Mapping[str, Start]) -> None:
        """Also the decoder."""
        super().check(request, starts)
        check_decoder(request, starts)

    def open(self, config: TrainStyleConfig) -> DecoderData:
        """Content and style images; raises as `open_decoder_data` does."""
        return open_decoder_data(config)

    def values_from_data(self, config: TrainStyleConfig, data: DecoderData) -> dict[str, Any]:
        """The precision of this machine."""
        precision = chosen_precision(config.run.precision, config.runtime)
        return {"precision": precision, **machine_values(config.runtime)}

    def tags(self, starts: Mapping[str, Start]) -> dict[str, str]:
        """The decoder that it continued with."""
        return {schema.PARENT: starts["decoder"].reference} if "decoder" in starts else {}

    def modules(self, config: TrainStyleConfig) -> list[str]:
        """The modules of the objective and of the style network, and those that all trainings use."""
        parts = (StyleReconstruction, StyleTransfer, load_encoder, mirror_encoder, normalise)
        training = ("msl.training.loop", "msl.training.acceleration")
        common = (*training, "msl.training.optimizers.decoder", "msl.training.schedules")
        return [*common, *(part.__module__ for part in parts)]

    def decisive(self, config: TrainStyleConfig, data: DecoderData) -> dict[str, Any]:
        """The settings that decide the weights, and digests of the files that they name."""
        settings = {name: value for name, value in config.decisive().items() if name not in _KNOWN_OTHERWISE}
        return settings | {
            "content": [checked.report.digest for checked in data.contents],  # in the order of the settings
            "style": data.styles.digest,
            "encoder": encoder_digest(config.network, config.runtime.data_root),
            "stop": _stop(config),
        }

    def network(self, job: StyleJob, checkpoint: Checkpoint | None) -> StyleTransfer:
        """Encoder and decoder: from the run's own checkpoint, from the decoder that it continues with, or new."""
        config, start = job.config, job.starts.get("decoder")
        device, size = prepare(config.runtime), config.data.style_resize
        precision = PRECISIONS[config.run.precision]
        if checkpoint is not None:
            return to_device(style_network(checkpoint, job.folder, size), device, precision)
        encoder = weights_file(config.network.encoder, config.runtime.data_root)
        if start is not None:
            return to_device(load_transfer(start.path, encoder, size), device, precision)
        return to_device(_new_network(job, encoder, size), device, precision)

    def build(self, job: StyleJob, network: StyleTransfer, positions: Mapping[str, int]) -> Training:
        """One term on pairs of squares; Adam, with a learning rate that falls as 1 / (1 + d i)."""
        config, position = job.config, positions.get(self.name, 0)
        schedule = Schedule(
            lr=Inverse(config.losses.style_lr_decay),
            stop=_stop(config),
            epoch_iters=math.ceil(len(job.data.content) / config.data.style_batch_size),
        )
        device = device_of(network)
        precision = usable_precision(config.run.precision, device)
        content = _stream(job, job.data.content, "content", device, position)
        pairs = Paired(content, _stream(job, job.data.styles.images, "style", device, position))
        return Training(
            state=State(
                model=network,
                optimizer=adam(network.decoder, config.losses),
                streams={self.name: pairs},
                schedule=schedule,
                scaling=Scaling(device, precision),
            ),
            terms=[Term(self.name, StyleReconstruction(config.losses, network))],
            callbacks=self._callbacks(job, network),
            precision=precision,
            deterministic=config.runtime.deterministic,
            compile=config.runtime.compile,
        )

    def _callbacks(self, job: StyleJob, network: StyleTransfer) -> dict[str, Callback]:
        monitor, reporter = job.config.monitor, job.reporter
        means = LogMeans(monitor.log_every, reporter)
        about = About(stage=self.name, group=job.group, settings=job.config.flat(), style=about_style(network))
        folder = job.folder / schema.PANEL_FOLDER
        pictures = Previews(network, *_preview_images(job), monitor.preview_every, folder, reporter)
        return {
            "nan": StopOnNaN(),
            "means": means,
            "previews": pictures,
            "checkpoints": SaveCheckpoints(
                job.folder, reporter, {"means": means}, about, monitor.preview_every, monitor.checkpoint_minutes
            ),
            "bar": ProgressBar(self.name),
            **profile_of(job),
        }


def _stop(config: TrainStyleConfig) -> int:
    """Iteration after which the training ends."""
    return min(config.schedule.style_iters, config.run.max_iters or config.schedule.style_iters)


def _new_network(job: StyleJob, encoder: str, size: int) -> StyleTransfer:
    """An encoder with a new decoder, which begins as the encoder's mirror image."""
    vgg, images = load_encoder(encoder), _squares(job)
    if job.config.network.normalise_encoder:
        normalise(vgg, images)
    return StyleTransfer(vgg, mirror_encoder(vgg, images), size)


def _squares(job: StyleJob) -> Tensor:
    """Squares of content images, spread evenly over all: (N, 3, H, W) in [0, 1]."""
    content, transform = job.data.content, _transform(job)
    count = min(len(content), _FIRST_IMAGES)
    samples = [content[k * len(content) // count] for k in range(count)]
    squares = [transform(sample.image, sample.label, seed)[0] for seed, sample in enumerate(samples)]
    return unit_rgb(torch.stack(squares), "content")


def _stream(job: StyleJob, images: Images, salt: str, device: torch.device, position: int) -> Stream:
    config = job.config
    size, workers = config.data.style_batch_size, config.runtime.num_workers
    return Stream(images, _transform(job), size, config.run.seed, salt, workers, device, position, world=world())


def _transform(job: StyleJob) -> CropTransform:
    return CropTransform(job.config.data.style_resize, job.config.data.style_crop)


def _preview_images(job: StyleJob) -> tuple[list[Tensor], list[Tensor]]:
    """The content and style images of the pictures, spread evenly."""
    limit = job.config.monitor.previews
    domains = [checked.domain for checked in job.data.contents]
    contents = [domain[k * len(domain) // limit].image for domain in domains for k in range(min(limit, len(domain)))]
    images = job.data.styles.images
    count = min(len(images), _STYLES_SHOWN)
    return contents, [images[k * len(images) // count].image for k in range(count)]
