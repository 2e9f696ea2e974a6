"""The stage stylize: a copy of a domain in another style, with the labels of what it was made of."""

import io
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from msl import schema
from msl.checkpoints.style import load_transfer
from msl.config import StylizeConfig
from msl.data import Domain, open_domain
from msl.errors import ConfigError
from msl.models.devices import place, prepare
from msl.recipes import Request
from msl.stages.copies import FORMATS, LABELS, Job, domain_file, manifest
from msl.stages.copying import make_each, write_whole
from msl.stages.hygiene import check, record_skipped
from msl.stages.inputs import data_root, told
from msl.stages.style_inputs import fetch_decoder, find_decoder, last_checkpoint_of, open_styles, weights_file
from msl.stages.style_training import train_style
from msl.style import (
    ColourTransfer,
    FourierTransfer,
    Styler,
    StyleStatistics,
    mixing_weights,
    preserve_colours,
    to_uint8,
)
from msl.style.pictures import grid
from msl.tracking import Client, MlflowReporter, connect, describe, ending, open_run, sha256_of, workplace

log = logging.getLogger("msl")

MANIFEST = "manifest.json"
_STAGE = "stylize"
_LOCK = ".lock"
_SHOWN = 4


@dataclass(frozen=True)
class Copy:
    """What a stylize run leaves behind."""

    run_id: str
    file: Path  # YAML file of the copy
    made: int  # images that this run made; the others were there


def stylize(request: Request, nested_in: str | None = None) -> Copy:
    """Copy a domain in a style. What a copy of the same settings has already, is kept: an interrupted one is completed.

    Any number of processes share the work if they are given the same settings.

    Raises:
        MslError: anything a user can mend, before the first image wherever it can be known then. The run ends FAILED.
    """
    if request.resume is not None:
        raise ConfigError("stylize needs no resume: the same command again goes on where it was interrupted")
    client, config, group = connect(), request.settings(), request.group_name()
    assert isinstance(config, StylizeConfig)
    tags = {schema.STAGE: _STAGE, schema.RECIPE: request.recipe, schema.GROUP: group}
    reporter = open_run(client, group, tags, nested_in)
    with ending(reporter), workplace(reporter.run_id) as folder:
        decoder = _decoder(client, request, config)
        if decoder is None and config.method.method == "adain":
            decoder = last_checkpoint_of(train_style(request.for_style("train_style"), reporter.run_id).run_id)
        job = _open(config, decoder, folder)
        _describe(job, request, reporter)
        record_skipped(reporter, list(job.contents.values()), folder)
        made = _copy(job, reporter)
        _finish(job)
        _show(job, reporter, folder)
        return Copy(reporter.run_id, job.file, made)


def find_copy(client: Client, request: Request) -> Path | None:
    """The YAML file of a whole copy that a stylize request would make; None if there is none.

    Raises:
        MslError: as `stylize`.
    """
    config = request.settings()
    assert isinstance(config, StylizeConfig)
    decoder = _decoder(client, request, config)
    if decoder is None and config.method.method == "adain":
        return None
    with TemporaryDirectory() as folder:
        job = _open(config, decoder, Path(folder))
    return job.file if job.file.is_file() else None


def _decoder(client: Client, request: Request, config: StylizeConfig) -> str | None:
    """Reference of the decoder, if the style has a network and there is one already."""
    if config.method.method != "adain":
        return None
    if config.network.decoder is not None:
        return config.network.decoder
    found = find_decoder(client, request.for_style("train_style"))
    return None if found is None else last_checkpoint_of(found)


def _open(config: StylizeConfig, decoder: str | None, folder: Path) -> Job:
    root = data_root(config.runtime)
    contents = {}
    for split in config.copied.split.split(","):
        domain = open_domain(config.copied.content, root, split, labelled=False)
        if domain.style:
            raise ConfigError(f"content = {config.copied.content} is a styled copy itself: style what it was made of")
        contents[split] = check("content", domain, config.runtime.skip_bad)
    styles = open_styles(config.look, root)
    mixing_weights(config.look.style_weights, len(styles.images))  # refused before anything is loaded
    styler, origin = _styler(config, decoder, root, folder)
    styler = place(styler, prepare(config.runtime)).eval()
    return Job(config=config, contents=contents, styles=styles, styler=styler, decoder=origin)


def _styler(
    config: StylizeConfig, decoder: str | None, root: Path | None, folder: Path
) -> tuple[Styler, dict[str, str]]:
    """What styles the images and, of a network, where it is from."""
    if config.method.method == "fourier":
        return FourierTransfer(config.method.beta), {}
    if config.method.method == "colour":
        return ColourTransfer(), {}
    assert decoder is not None
    path = fetch_decoder(decoder, root, folder)
    origin = {"decoder": decoder, "sha256": sha256_of(path)[:16]}
    return load_transfer(path, weights_file(config.network.encoder, root), config.look.style_size), origin


def _describe(job: Job, request: Request, reporter: MlflowReporter) -> None:
    record = {"stage": _STAGE, "recipe": request.recipe, "settings": job.config.flat(), **job.identity}
    inputs = [*(checked.input for checked in job.contents.values()), job.styles.input]
    tags = {schema.PARENT: job.decoder["decoder"]} if job.decoder else {}
    describe(reporter, job.config.flat(), record, tags, inputs)


def _copy(job: Job, reporter: MlflowReporter) -> int:
    """Make what is missing of every split; how many images that were."""
    log.info("%s: %s, in %s", job.name, told(job.how), job.folder)
    write_whole(job.folder / MANIFEST, manifest(job))
    kept, made = _Mixture(job), 0
    for split, checked in job.contents.items():
        with tqdm(total=len(checked.domain), desc=f"{job.name}/{split}", unit="img", mininterval=1) as bar:
            for number, (_, ours) in enumerate(_made(job, split, checked.domain, kept)):
                made += ours
                bar.update()
                if bar.n == bar.total or number % 50 == 0:
                    rate = bar.format_dict["rate"] or 0.0
                    reporter.metrics({schema.IMAGES_PER_S: rate}, made)
    return made


def _made(job: Job, split: str, domain: Domain, kept: "_Mixture") -> Iterator[tuple[int, bool]]:
    folder, names = job.folder / split, [domain.samples.name(index) for index in range(len(domain))]
    options = FORMATS[job.config.copied.image_format][1]

    def make(index: int) -> bytes:
        image = domain[index].image
        styled = kept.styled(image, f"{split}/{names[index]}")
        if domain.samples.drawn:
            _write_label(job, split, domain, index)
        return _encoded(styled, options)

    return make_each([folder / f"{name}{job.suffix}" for name in names], make, folder / _LOCK)


class _Mixture:
    """The styler with what it keeps of the style images."""

    def __init__(self, job: Job) -> None:
        self._styler, self._config = job.styler, job.config
        self._device = next((p.device for p in job.styler.parameters()), torch.device("cpu"))
        self._styles = job.styles
        together = not job.config.copied.shuffle_styles and not job.config.method.preserve_colours
        self._kept = self._prepared(range(len(job.styles.images))) if together else None

    def styled(self, image: Tensor, name: str) -> Tensor:
        """A styled image (3, H, W) uint8; which style image is drawn, the seed and the sample's name decide."""
        config = self._config
        content, weights, kept = image[None].to(self._device), config.look.style_weights, self._kept
        if config.copied.shuffle_styles:
            drawn = Random(f"{config.copied.style_seed} {name}").randrange(len(self._styles.images))
            kept, weights = self._prepared([drawn], content), None
        elif kept is None:
            kept = self._prepared(range(len(self._styles.images)), content)
        with torch.no_grad():
            return to_uint8(self._styler(content, kept, weights, config.look.alpha))[0].cpu()

    def _prepared(self, chosen: Any, content: Tensor | None = None) -> StyleStatistics:
        images = [self._styles.images[k].image.to(self._device) for k in chosen]
        if content is not None and self._config.method.preserve_colours:
            images = preserve_colours(images, content)
        return self._styler.prepare(images)


def _encoded(image: Tensor, options: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, **options)
    return buffer.getvalue()


def _write_label(job: Job, split: str, domain: Domain, index: int) -> None:
    """The label of a generated scene, which no file holds."""
    _, raw = domain.samples.read(index, labelled=True)
    assert raw is not None
    buffer = io.BytesIO()
    Image.fromarray(raw).save(buffer, "PNG")
    write_whole(job.folder / LABELS / split / f"{domain.samples.name(index)}.png", buffer.getvalue())


def _finish(job: Job) -> None:
    """Write the copy's YAML file, which there is of whole copies only."""
    write_whole(job.file, yaml.safe_dump(domain_file(job), sort_keys=False).encode())


def _show(job: Job, reporter: MlflowReporter, folder: Path) -> None:
    """Keep the manifest, the YAML file and a picture of a few images as artifacts of the run."""
    for file in (job.folder / MANIFEST, job.file):
        reporter.file(file, schema.STYLE_FOLDER)
    split, checked = next(iter(job.contents.items()))
    rows = []
    for index in islice(range(0, len(checked.domain), max(1, len(checked.domain) // _SHOWN)), _SHOWN):
        sample = checked.domain[index]
        with Image.open(job.folder / split / f"{sample.name}{job.suffix}") as styled:
            rows.append([Image.fromarray(sample.image.permute(1, 2, 0).numpy()), styled.convert("RGB")])
    if rows:
        grid(rows).save(folder / "style.png")
        reporter.file(folder / "style.png", schema.PANEL_FOLDER)
