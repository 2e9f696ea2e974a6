"""The input of the style stages: style images, content, and files of weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from torch.utils.data import Subset

from msl.config import EncoderConfig, StyleImagesConfig, TrainStyleConfig
from msl.data import Domain, Images, Joined, StyleFolder, open_domain
from msl.inputs.checks import Checked, check
from msl.inputs.places import find_style_folder, weights_file
from msl.tracking import DataInput, sha256_of

_STYLE, _CONTENT = "style", "content"  # roles


@dataclass(frozen=True)
class Styles:
    """Style images."""

    name: str
    digest: str
    images: Images
    kind: str  # train, of a domain's split, or folder

    @property
    def input(self) -> DataInput:
        """The style images as the run store records them."""
        return DataInput(_STYLE, self.name, self.kind, self.digest, len(self.images))

    def tensors(self) -> list[Tensor]:
        """All style images, (3, h, w) uint8 RGB each."""
        return [self.images[k].image for k in range(len(self.images))]


@dataclass(frozen=True)
class DecoderData:
    """The data that a decoder is trained on; every sample has been checked."""

    contents: Sequence[Checked]
    styles: Styles

    @property
    def content(self) -> Joined:
        """The content domains as one."""
        return Joined([checked.domain for checked in self.contents])

    @property
    def checks(self) -> Sequence[Checked]:
        """The content domains."""
        return self.contents

    @property
    def inputs(self) -> list[DataInput]:
        """The data as the run store records it."""
        return [*(checked.input for checked in self.contents), self.styles.input]

    def modules(self) -> list[str]:
        """Modules whose code reads the data."""
        readers = {module for checked in self.contents for module in checked.domain.modules()}
        return [*sorted(readers), "msl.data.loaders", "msl.data.style_images", "msl.data.transforms"]

    def tags(self) -> dict[str, str]:
        """There are none: only domains with a role have tags."""
        return {}

    def digests(self) -> dict[str, str]:
        """Content digests by role and name."""
        return {f"{data.role} {data.name}": data.digest for data in self.inputs}


def open_decoder_data(config: TrainStyleConfig) -> DecoderData:
    """The content domains' training splits, without labels, and the style images.

    Raises:
        ConfigError: a domain or the style is unknown.
        DataError: an image is missing or unreadable, or the style folder is empty.
    """
    root = config.runtime.data_root
    domains = [open_domain(name, root, "train", labelled=False) for name in config.data.content.split(",")]
    contents = [check(_CONTENT, domain, config.runtime.skip_bad) for domain in domains]
    return DecoderData(contents, open_styles(config.images, root))


def open_styles(config: StyleImagesConfig, root: Path | None) -> Styles:
    """The style images that the settings name.

    Raises:
        ConfigError: no folder and no domain has that name.
        DataError: the folder is empty, or an image in it cannot be used.
    """
    folder = find_style_folder(config.style, root)
    if folder is not None:
        images = StyleFolder(folder)
        return _spread(Styles(images.name, images.digest, images, "folder"), config.style_images)
    domain: Domain = open_domain(config.style, root, "train", labelled=False)
    checked = check(_STYLE, domain, skip_bad=False)
    return _spread(Styles(domain.name, checked.report.digest, checked.domain, "train"), config.style_images)


def _spread(styles: Styles, count: int | None) -> Styles:
    """The style images, or `count` of them, spread evenly."""
    total = len(styles.images)
    if count is None or count >= total:
        return styles
    chosen = [k * total // count for k in range(count)]
    return Styles(styles.name, f"{styles.digest[:48]}-{count}", Subset(styles.images, chosen), styles.kind)  # type: ignore[arg-type]  # any sequence


def encoder_digest(config: EncoderConfig, root: Path | None) -> str:
    """The digest of the encoder's file, or its name if it is not a file."""
    encoder = Path(weights_file(config.encoder, root))
    return sha256_of(encoder) if encoder.is_file() else config.encoder
