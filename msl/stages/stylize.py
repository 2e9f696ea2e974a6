"""The stage stylize: copies a domain in another style; the copy has the domain's labels."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import yaml
from PIL import Image

from msl import schema
from msl.checkpoints.files import is_checkpoint
from msl.checkpoints.style import load_transfer
from msl.config import StylizeConfig
from msl.console import progress
from msl.data import open_domain
from msl.errors import ConfigError
from msl.inputs.checks import Checked, check
from msl.inputs.copies import StyledCopy, domain_file, manifest
from msl.inputs.copy_progress import CopyProgress
from msl.inputs.domains import describe_style
from msl.inputs.makers import making
from msl.inputs.mixture import Mixture
from msl.inputs.places import weights_file
from msl.inputs.shared_files import make_each, write_whole
from msl.inputs.split_images import SplitImages
from msl.inputs.styles import Styles, encoder_digest, open_styles
from msl.models.devices import prepare, to_device
from msl.recipes import Request
from msl.stages.decoders import check_decoder
from msl.stages.stage import Job, Need, Outcome, Start, WorkingStage
from msl.style import ColourTransfer, FourierTransfer, Styler, mixing_weights
from msl.style.pictures import grid
from msl.tracking import DataInput, sha256_of

log = logging.getLogger("msl")

MANIFEST = "manifest.json"
_LOCK = ".lock"
_IMAGES_SHOWN = 4


@dataclass(frozen=True)
class CopyData:
    """The domain to copy, and the style images."""

    contents: Mapping[str, Checked]  # by split
    styles: Styles

    @property
    def checks(self) -> list[Checked]:
        """The domain to copy, split by split."""
        return list(self.contents.values())

    @property
    def inputs(self) -> list[DataInput]:
        """The data as the run store records it."""
        return [*(checked.input for checked in self.contents.values()), self.styles.input]

    def digests(self) -> dict[str, str]:
        """Content digests by split."""
        return {split: checked.report.digest for split, checked in self.contents.items()}

    def tags(self) -> dict[str, str]:
        """There are none: only domains with a role have tags."""
        return {}


CopyJob = Job[StylizeConfig, CopyData]


class Stylize(WorkingStage[StylizeConfig, CopyData]):
    """Copy a domain in a style. Several processes with the same settings share the work."""

    name = "stylize"

    def needs(self, request: Request, config: StylizeConfig) -> list[Need]:
        """A trained decoder, if the method has a network."""
        if config.method.method != "adain":
            return []
        training = request.for_style("train_style")
        return [Need(setting="decoder", reference=config.network.decoder, request=training)]

    def check(self, request: Request, starts: Mapping[str, Start]) -> None:
        """Also the decoder."""
        super().check(request, starts)
        check_decoder(request, starts)

    def open(self, config: StylizeConfig) -> CopyData:
        """The content without its labels, split by split, and the style images.

        Raises:
            ConfigError: a name is unknown, the content is a styled copy itself, or the weights do not fit the styles.
            DataError: an image is missing or unreadable.
        """
        root, contents = config.runtime.data_root, {}
        for split in config.copied.split.split(","):
            domain = open_domain(config.copied.content, root, split, labelled=False)
            if domain.style:
                raise ConfigError(
                    f"content = {config.copied.content} is a styled copy itself: name the domain that it copies"
                )
            contents[split] = check("content", domain, config.runtime.skip_bad)
        styles = open_styles(config.look, root)
        mixing_weights(config.look.style_weights, len(styles.images))  # fails before anything is loaded
        return CopyData(contents, styles)

    def tags(self, starts: Mapping[str, Start]) -> dict[str, str]:
        """The decoder that draws the copy."""
        return {schema.PARENT: starts["decoder"].reference} if "decoder" in starts else {}

    def record(self, job: CopyJob) -> dict[str, Any]:
        """The identity of the copy."""
        return {"extra": _copy_of(job.config, job.data, job.starts).identity}

    def find_existing(self, config: StylizeConfig, data: CopyData, starts: Mapping[str, Start]) -> str | None:
        """The YAML file of a complete copy; a copy that lacks images or has damaged ones is completed first."""
        copy = _copy_of(config, data, starts)
        return str(copy.file) if copy.is_complete() else None

    def carry_out(self, job: CopyJob) -> Outcome:
        """Make the missing and damaged files of the copy. Its YAML file comes last, so only a complete copy has one."""
        copy, styler = _copy_of(job.config, job.data, job.starts), _styler(job)
        log.info("%s: %s, in %s", copy.name, describe_style(copy.how), copy.folder)
        with making(copy.folder, job.reporter.run_id) as makers:
            write_whole(copy.folder / MANIFEST, manifest(copy))
            mixture = Mixture(job.config, job.data.styles.images, styler)
            images_made = _make_images(copy, mixture, CopyProgress(copy, makers, job.reporter))
            write_whole(copy.file, yaml.safe_dump(domain_file(copy), sort_keys=False).encode())
        _show(copy, job)
        return Outcome(job.reporter.run_id, result=str(copy.file), images_made=images_made)


def _copy_of(config: StylizeConfig, data: CopyData, starts: Mapping[str, Start]) -> StyledCopy:
    decoder: dict[str, str] = {}
    if "decoder" in starts:
        start = starts["decoder"]
        decoder = {"decoder": start.reference, "sha256": sha256_of(start.path)[:16]}
        if not is_checkpoint(start.path):  # bare weights: its encoder is another file
            decoder["encoder"] = encoder_digest(config.network, config.runtime.data_root)[:16]
    return StyledCopy(config=config, contents=data.contents, styles=data.styles, decoder=decoder)


def _styler(job: CopyJob) -> Styler:
    """The styler of the settings, on its device."""
    config, device = job.config, prepare(job.config.runtime)
    styler: Styler
    if config.method.method == "fourier":
        styler = FourierTransfer(config.method.beta)
    elif config.method.method == "colour":
        styler = ColourTransfer()
    else:
        encoder = weights_file(config.network.encoder, config.runtime.data_root)
        styler = load_transfer(job.starts["decoder"].path, encoder, config.look.style_size)
    return to_device(styler, device).eval()


def _make_images(copy: StyledCopy, mixture: Mixture, shown: CopyProgress) -> int:
    """Make the missing and damaged images of every split; gives their number."""
    for split, checked in copy.contents.items():
        images = SplitImages(copy, split, checked.domain, mixture)
        with progress(title=f"{copy.name}/{split}", unit="img", total=len(checked.domain)) as bar:
            for _, is_new in make_each(images, copy.folder / split / _LOCK, shown.wait):
                bar.update()
                shown.add(is_new, bar.format_dict["rate"] or 0.0, is_last=bar.n == bar.total)
    return shown.images_made


def _show(copy: StyledCopy, job: CopyJob) -> None:
    """Upload the manifest, the YAML file and a picture of a few images."""
    for file in (copy.folder / MANIFEST, copy.file):
        job.reporter.file(file, schema.STYLE_FOLDER)
    split, checked = next(iter(copy.contents.items()))
    rows = []
    for index in islice(range(0, len(checked.domain), max(1, len(checked.domain) // _IMAGES_SHOWN)), _IMAGES_SHOWN):
        sample = checked.domain[index]
        with Image.open(copy.folder / split / f"{sample.name}{copy.suffix}") as styled:
            rows.append([Image.fromarray(sample.image.permute(1, 2, 0).numpy()), styled.convert("RGB")])
    if rows:
        grid(rows).save(job.folder / "style.png")
        job.reporter.file(job.folder / "style.png", schema.PANEL_FOLDER)
