"""What the style stages read: style images, content, encoder and decoder."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from torch.utils.data import Subset

from msl import schema
from msl.config import StyleImagesConfig, TrainStyleConfig
from msl.data import Domain, Images, Joined, StyleFolder, domain_names, open_domain
from msl.errors import ConfigError
from msl.recipes import Request
from msl.stages.hygiene import Checked, check
from msl.stages.inputs import data_root
from msl.tracking import Client, DataInput, find_checkpoint, find_finished, fingerprint, sha256_of

log = logging.getLogger("msl")

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
    def inputs(self) -> list[DataInput]:
        """What the run store is told of it all."""
        return [*(checked.input for checked in self.contents), self.styles.input]

    def digests(self) -> dict[str, str]:
        """Content digests by role and name."""
        return {f"{data.role} {data.name}": data.digest for data in self.inputs}


def open_decoder_data(config: TrainStyleConfig) -> DecoderData:
    """The content domains' training splits, without labels, and the style images.

    Raises:
        ConfigError: a domain is unknown, or the style is nothing known.
        DataError: an image is missing or unreadable, or the style folder is empty.
    """
    root = data_root(config.runtime)
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


def encoder_digests(encoder: str) -> dict[str, str]:
    """The digest of an encoder's file, if it is one."""
    return {"encoder": sha256_of(Path(encoder))} if Path(encoder).is_file() else {}


def decoder_fingerprint(config: TrainStyleConfig, data: DecoderData, start: Path | None) -> str:
    """By which a finished decoder is found again."""
    settings = {name: value for name, value in config.decisive().items() if name not in ("encoder", "decoder")}
    encoder = weights_file(config.network.encoder, data_root(config.runtime))
    named = {} if encoder_digests(encoder) else {"encoder": encoder}
    inputs = data.digests() | encoder_digests(encoder) | ({"decoder": sha256_of(start)} if start else {})
    return fingerprint("train_style", settings, inputs | named)


def find_decoder(client: Client, request: Request) -> str | None:
    """ID of a finished train_style run with these settings and this data.

    Raises:
        ConfigError, DataError: as `open_decoder_data`.
    """
    config = request.settings()
    assert isinstance(config, TrainStyleConfig)
    assert config.network.decoder is None
    found = find_finished(client, decoder_fingerprint(config, open_decoder_data(config), None))
    log.info(f"using the decoder of run {found}" if found else "no finished train_style run fits, so it is run first")
    return found


def last_checkpoint_of(run_id: str) -> str:
    """Reference of a run's last checkpoint."""
    return f"runs:/{run_id}/{schema.CHECKPOINT_FOLDER}/{schema.LAST_CHECKPOINT}"


def fetch_decoder(reference: str, root: Path | None, folder: Path) -> Path:
    """The local file of a decoder: here, below data_root, or a run's, downloaded into `folder`.

    Raises:
        CheckpointError: there is no such file, run or artifact.
    """
    return find_checkpoint(weights_file(reference, root), folder / "decoder")[0]
