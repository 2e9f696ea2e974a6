"""What the style stages read: style images, content, and files of weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from torch.utils.data import Subset

from msl.config import EncoderConfig, StyleImagesConfig, TrainStyleConfig
from msl.data import Domain, Images, Joined, StyleFolder, domain_names, open_domain
from msl.errors import ConfigError
from msl.inputs.checks import Checked, check
from msl.tracking import DataInput, sha256_of

_STYLES = "styles"  # folder of style folders below data_root
_STYLE, _CONTENT = "style", "content"  # roles


@dataclass(frozen=True)
class Styles:
    """Style images."""

    name: str
    digest: str
    images: Images
    of: str  # train split of a domain, or folder

    @property
    def input(self) -> DataInput:
        """What the run store is told of them."""
        return DataInput(_STYLE, self.name, self.of, self.digest, len(self.images))

    def tensors(self) -> list[Tensor]:
        """All of them, (3, h, w) uint8 RGB each."""
        return [self.images[k].image for k in range(len(self.images))]


@dataclass(frozen=True)
class DecoderData:
    """What a decoder is trained on, every sample of it checked."""

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
        """What the run store is told of it all."""
        return [*(checked.input for checked in self.contents), self.styles.input]

    def modules(self) -> list[str]:
        """Modules whose code reads it."""
        readers = {module for checked in self.contents for module in checked.domain.modules()}
        return [*sorted(readers), "msl.data.loaders", "msl.data.style_images", "msl.data.transforms"]

    def tags(self) -> dict[str, str]:
        """None: those that name data are for domains with roles."""
        return {}

    def digests(self) -> dict[str, str]:
        """Content digests by role and name."""
        return {f"{data.role} {data.name}": data.digest for data in self.inputs}


def open_decoder_data(config: TrainStyleConfig) -> DecoderData:
    """The content domains' training splits, without labels, and the style images.

    Raises:
        ConfigError: a domain is unknown, or the style is nothing known.
        DataError: an image is missing or unreadable, or the style folder is empty.
    """
    root = config.runtime.data_root
    domains = [open_domain(name, root, "train", labelled=False) for name in config.data.content.split(",")]
    contents = [check(_CONTENT, domain, config.runtime.skip_bad) for domain in domains]
    return DecoderData(contents, open_styles(config.images, root))


def open_styles(config: StyleImagesConfig, root: Path | None) -> Styles:
    """The style images that the settings name.

    Raises:
        ConfigError: there is no folder and no domain of that name.
        DataError: the folder is empty, or an image in it cannot serve.
    """
    folders = [Path(config.style), *([root / _STYLES / config.style] if root else [])]
    for folder in folders:
        if folder.is_dir():
            images = StyleFolder(folder)
            return _picked(Styles(images.name, images.digest, images, "folder"), config.style_images)
    if config.style not in domain_names() and Path(config.style).suffix not in (".yaml", ".yml"):
        looked = " or ".join(str(folder) for folder in folders)
        raise ConfigError(
            f"style = {config.style!r}: there is no folder {looked}, and no domain of that name ("
            f"{', '.join(domain_names())}, or a file NAME.yaml)"
        )
    domain: Domain = open_domain(config.style, root, "train", labelled=False)
    checked = check(_STYLE, domain, skip_bad=False)
    return _picked(Styles(domain.name, checked.report.digest, checked.domain, "train"), config.style_images)


def _picked(styles: Styles, count: int | None) -> Styles:
    """So many of them, spread evenly."""
    every = len(styles.images)
    if count is None or count >= every:
        return styles
    chosen = [k * every // count for k in range(count)]
    return Styles(styles.name, f"{styles.digest[:48]}-{count}", Subset(styles.images, chosen), styles.of)  # type: ignore[arg-type]  # any sequence


def weights_file(name: str, root: Path | None) -> str:
    """A file of weights, here or below data_root; what is no file stays what it is."""
    if not Path(name).is_file() and root is not None and (root / name).is_file():
        return str(root / name)
    return name


def encoder_digest(config: EncoderConfig, root: Path | None) -> str:
    """By which an encoder is known: the digest of its file, or its name if it is none."""
    encoder = Path(weights_file(config.encoder, root))
    return sha256_of(encoder) if encoder.is_file() else config.encoder
