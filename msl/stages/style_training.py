"""The stage train_style: a decoder learns to draw in the styles of an encoder's features."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from msl import schema
from msl.checkpoints.style import about_style, load_transfer, transfer_in
from msl.config import TrainStyleConfig
from msl.data import CropTransform, Images, Paired, Stream
from msl.errors import DataError
from msl.models.devices import PRECISIONS, place, prepare
from msl.recipes import Request
from msl.stages.hygiene import record_skipped
from msl.stages.inputs import data_root
from msl.stages.runs import Outcome, last_checkpoint, recorded
from msl.stages.style_inputs import (
    DecoderData,
    decoder_fingerprint,
    fetch_decoder,
    open_decoder_data,
    weights_file,
)
from msl.style import StyleTransfer, load_encoder, mirrored, normalise, unit_rgb
from msl.tracking import (
    Client,
    MlflowReporter,
    connect,
    describe,
    ending,
    open_run,
    read_config,
    reopen_run,
    workplace,
)
from msl.training import Callback, Schedule, State, Term, fit
from msl.training.callbacks import LogMeans, Previews, ProgressBar, SaveCheckpoints, StopOnNaN, restore
from msl.training.objectives.style_reconstruction import StyleReconstruction
from msl.training.optimizers import adam
from msl.training.schedules import Inverse

_STAGE = "train_style"
_STYLES_SHOWN = 4
_LOOKED_AT = 16  # images by which an encoder is normalised and a decoder begins


@dataclass(frozen=True, kw_only=True)
class _Job:
    group: str
    config: TrainStyleConfig
    data: DecoderData
    reporter: MlflowReporter
    folder: Path  # of the run, on this machine


def train_style(request: Request, nested_in: str | None = None) -> Outcome:
    """Train an AdaIN decoder on content and style images (Huang and Belongie, ICCV 2017), or go on with it.

    Raises:
        MslError: anything a user can mend, before training wherever it can be known then. The run ends FAILED.
    """
    client = connect()
    if request.resume is not None:
        return _resume(client, request, request.resume)
    config, group = _settings(request), request.group_name()
    tags = {schema.STAGE: _STAGE, schema.RECIPE: request.recipe, schema.GROUP: group}
    reporter = open_run(client, f"{group} seed={config.run.seed}", tags, nested_in)
    with ending(reporter), workplace(reporter.run_id) as folder:
        job = _Job(group=group, config=config, data=open_decoder_data(config), reporter=reporter, folder=folder)
        start = _start(job)
        transfer = _network(job, start)
        _describe(job, request, start)
        record_skipped(reporter, job.data.contents, folder)
        return _train(job, *_assembled(job, transfer, 0))


def _resume(client: Client, request: Request, run_id: str) -> Outcome:
    record = read_config(client, run_id)
    config = recorded(record, request)
    assert isinstance(config, TrainStyleConfig)
    reporter = reopen_run(client, run_id)
    with ending(reporter), workplace(run_id) as folder:
        data = open_decoder_data(config)
        if data.digests() != record["data"]:
            raise DataError(f"run {run_id} cannot go on: its data has changed since (digests {record['data']})")
        job = _Job(group=record["group"], config=config, data=data, reporter=reporter, folder=folder)
        saved = last_checkpoint(run_id, folder)
        if saved is None:
            state, callbacks = _assembled(job, _network(job, _start(job)), 0)
        else:
            transfer = place(transfer_in(saved, folder, config.data.style_resize), prepare(config.runtime))
            state, callbacks = _assembled(job, transfer, saved["positions"][_STAGE])
            restore(saved, state, callbacks)
        reporter.metrics({schema.ATTEMPT: reporter.attempt}, state.step)
        return _train(job, state, callbacks)


def _settings(request: Request) -> TrainStyleConfig:
    config = request.settings()
    assert isinstance(config, TrainStyleConfig)
    return config


def _start(job: _Job) -> Path | None:
    """The decoder's weights to start from, if it does not start afresh."""
    decoder = job.config.network.decoder
    return None if decoder is None else fetch_decoder(decoder, data_root(job.config.runtime), job.folder)


def _network(job: _Job, start: Path | None) -> StyleTransfer:
    """Encoder and decoder on their device: the decoder from `start`, or fresh."""
    config = job.config
    device, size = prepare(config.runtime), config.data.style_resize
    encoder = weights_file(config.network.encoder, data_root(config.runtime))
    if start is not None:
        return place(load_transfer(start, encoder, size), device)
    seeing = load_encoder(encoder)
    images = _looked_at(job)
    if config.network.normalise_encoder:
        normalise(seeing, images)
    return place(StyleTransfer(seeing, mirrored(seeing, images), size), device)


def _looked_at(job: _Job) -> Tensor:
    """Squares of content images, spread evenly over all: (N, 3, H, W) in [0, 1]."""
    content, transform = job.data.content, _transform(job)
    count = min(len(content), _LOOKED_AT)
    samples = [content[k * len(content) // count] for k in range(count)]
    squares = [transform(sample.image, sample.label, seed)[0] for seed, sample in enumerate(samples)]
    return unit_rgb(torch.stack(squares), "content")


def _describe(job: _Job, request: Request, start: Path | None) -> None:
    config = job.config
    record = {
        "stage": _STAGE,
        "recipe": request.recipe,
        "group": job.group,
        "settings": config.flat(),
        "data": job.data.digests(),
    }
    tags = {schema.FINGERPRINT: decoder_fingerprint(config, job.data, start)}
    if config.network.decoder is not None:
        tags[schema.PARENT] = config.network.decoder
    describe(job.reporter, config.flat(), record, tags, job.data.inputs)


def _assembled(job: _Job, transfer: StyleTransfer, position: int) -> tuple[State, dict[str, Callback]]:
    config, device = job.config, next(transfer.parameters()).device
    content = job.data.content
    streams = {_STAGE: Paired(*(_stream(job, *s, device, position) for s in _sides(job, content)))}
    most = config.run.max_iters or config.schedule.style_iters
    schedule = Schedule(
        lr=Inverse(config.losses.style_lr_decay),
        stop=min(config.schedule.style_iters, most),
        epoch_iters=math.ceil(len(content) / config.data.style_batch_size),
    )
    state = State(model=transfer, optimizer=adam(transfer.decoder, config.losses), streams=streams, schedule=schedule)
    return state, _callbacks(job, transfer)


def _sides(job: _Job, content: Images) -> list[tuple[Images, str]]:
    return [(content, "content"), (job.data.styles.images, "style")]


def _stream(job: _Job, images: Images, salt: str, device: torch.device, position: int) -> Stream:
    config = job.config
    size, workers = config.data.style_batch_size, config.runtime.num_workers
    return Stream(images, _transform(job), size, config.run.seed, salt, workers, device, position)


def _transform(job: _Job) -> CropTransform:
    return CropTransform(job.config.data.style_resize, job.config.data.style_crop)


def _callbacks(job: _Job, transfer: StyleTransfer) -> dict[str, Callback]:
    watch, reporter = job.config.monitor, job.reporter
    means = LogMeans(watch.log_every, reporter)
    about = {"stage": _STAGE, "group": job.group, "settings": job.config.flat(), **about_style(transfer)}
    contents = [
        checked.domain[k * len(checked.domain) // watch.previews].image
        for checked in job.data.contents
        for k in range(min(watch.previews, len(checked.domain)))
    ]
    count = len(job.data.styles.images)
    shown = min(count, _STYLES_SHOWN)
    styles = [job.data.styles.images[k * count // shown].image for k in range(shown)]
    pictures = Previews(transfer, contents, styles, watch.preview_every, job.folder / schema.PANEL_FOLDER, reporter)
    return {
        "nan": StopOnNaN(),
        "means": means,
        "previews": pictures,
        "checkpoints": SaveCheckpoints(job.folder, reporter, {"means": means}, about, watch.preview_every),
        "bar": ProgressBar(_STAGE),
    }


def _train(job: _Job, state: State, callbacks: Mapping[str, Callback]) -> Outcome:
    transfer = state.model
    assert isinstance(transfer, StyleTransfer)
    terms = [Term(_STAGE, StyleReconstruction(job.config.losses, transfer))]
    try:
        fit(state, terms, list(callbacks.values()), precision=PRECISIONS[job.config.run.precision])
    finally:
        for stream in state.streams.values():
            stream.close()
    return Outcome(job.reporter.run_id, {})
