"""A domain of one's own, described by a YAML file.

    name: ring_road
    root: /data/ring_road            # absolute, or relative to this file
    label_set: cityscapes19          # the classes its labels are read in by default
    ids: cityscapes                  # cityscapes, synthia, camvid, train_ids, or a table {0: road, 1: sky, 255: null}
    splits:
      train: {images: "frames/train/*.jpg", labels: "masks/train/*.png"}
      val:   {images: "frames/val/*.jpg", labels: "masks/val/*.png"}

What a star stands for in an image's path is put in place of the stars in the label's. `labels` may be left out of a
split that is only ever an unlabelled target. Instead of `splits`, `layout: cityscapes` (or another data set's name)
says that the files lie as that data set's do; `layout: streets` and `layout: streets_real` generate images of any
`size` and `count`. Stage stylize writes such files for its copies: with `content`, the labels are those of another
domain, and `style` says how the images were made of it.
"""

import re
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from msl.config import Size, validated
from msl.data.files import FilePair, FileSamples
from msl.data.images import decode_ids, decode_synthia
from msl.errors import ConfigError, DataError, UnlabelledError
from msl.labels import CAMVID_IDS, CITYSCAPES_IDS, SYNTHIA_IDS, LabelSet, RawIds, find_label_set, train_ids

_KNOWN_IDS: dict[str, RawIds] = {"cityscapes": CITYSCAPES_IDS, "synthia": SYNTHIA_IDS, "camvid": CAMVID_IDS}


class SplitPattern(BaseModel):
    """Where the files of one split are, below the root."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: str = Field(description="pattern of the images' paths, with stars")
    labels: str | None = Field(None, description="pattern of the labels' paths, with as many stars or fewer")

    @model_validator(mode="after")
    def _every_star_is_known(self) -> Self:
        if self.labels is not None and self.labels.count("*") > self.images.count("*"):
            raise ValueError(f"labels = {self.labels} has more stars than images = {self.images} can fill")
        return self


class CopiedFrom(BaseModel):
    """The domain that a styled copy was made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str = Field(description="name, or absolute path of a YAML file")
    data_root: Path | None = Field(None, description="folder of data sets in which it was found")
    digests: dict[str, str] = Field(description="of each split that was copied, the digest of its images")
    skipped: dict[str, list[str]] = Field({}, description="of each split, samples that could not be used")
    suffix: str = Field(description="of the copy's image files, which lie below root in a folder for each split")


class DomainFile(BaseModel):
    """The content of a domain's YAML file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[\w.-]+$", description="letters, digits, _ . -")
    root: Path = Field(Path(), description="folder of the data, absolute or relative to the YAML file")
    label_set: str = "cityscapes19"
    ids: str | dict[int, str | None] = "cityscapes"
    splits: dict[str, SplitPattern] = {}
    layout: str | None = Field(None, description="name of a data set whose files lie alike, or streets, streets_real")
    size: Size = Field((256, 128), description="width,height of generated images")
    count: dict[str, int] = Field({}, description="number of generated images of each split")
    seed: int = Field(0, ge=0, description="seed of generated images")
    style: dict[str, str] = Field({}, description="how the images of a styled copy were made")
    content: CopiedFrom | None = Field(None, description="domain whose labels a styled copy shares")


def read_domain_file(path: Path) -> DomainFile:
    """The settings in a YAML file, its root made absolute.

    Raises:
        ConfigError: the file is missing, no YAML, or has an unknown or unfit field.
    """
    try:
        content: Any = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path}: holds no settings; expected lines such as 'name: my_city' and 'root: /data/my_city'"
        )
    try:
        domain = validated(DomainFile, content)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if [domain.layout is not None, bool(domain.splits), domain.content is not None].count(True) != 1:
        raise ConfigError(f"{path}: give either splits (patterns of files) or layout (the name of a data set)")
    return domain.model_copy(update={"root": (path.parent / domain.root).absolute()})


def raw_ids(domain: DomainFile) -> RawIds:
    """How the label files number their classes.

    Raises:
        ConfigError: `ids` names no known numbering.
    """
    if not isinstance(domain.ids, str):
        return domain.ids
    if domain.ids == "train_ids":
        return train_ids(native_label_set(domain))
    if domain.ids not in _KNOWN_IDS:
        raise ConfigError(f"{domain.name}: ids = {domain.ids!r}: choose {', '.join(_KNOWN_IDS)}, train_ids, or a table")
    return _KNOWN_IDS[domain.ids]


def native_label_set(domain: DomainFile) -> LabelSet:
    """The label set that the file names."""
    return find_label_set(domain.label_set)


def pattern_samples(domain: DomainFile, split: str, labelled: bool) -> FileSamples:
    """The files of one split.

    Raises:
        DataError: the folder or the split is missing, or no file matches.
        UnlabelledError: labels are needed and not described.
    """
    if split not in domain.splits:
        raise DataError(f"{domain.name} has no split {split!r}: its file describes {', '.join(domain.splits)}")
    if not domain.root.is_dir():
        raise DataError(f"{domain.name}: root = {domain.root}: no such folder")
    pattern = domain.splits[split]
    if labelled and pattern.labels is None:
        raise UnlabelledError(f"{domain.name}: split {split!r} needs labels, but its file gives no pattern for them")
    pairs = _matching(domain.root, pattern)
    if not pairs:
        raise DataError(f"{domain.name}: no file matches {domain.root / pattern.images}")
    decode = decode_synthia if domain.ids == "synthia" else decode_ids
    return FileSamples(f"{domain.name}/{split}", pairs, decode)


def _matching(root: Path, pattern: SplitPattern) -> list[FilePair]:
    captured = re.compile("([^/]*)".join(re.escape(part) for part in pattern.images.split("*")))
    pairs = []
    for image in sorted(root.glob(pattern.images)):
        name = image.relative_to(root).as_posix()
        match = captured.fullmatch(name)
        if match:
            pairs.append(FilePair(name.rpartition(".")[0], image, root / _filled(pattern.labels or "", match.groups())))
    return pairs


def _filled(pattern: str, parts: tuple[str, ...]) -> str:
    """`pattern` with its stars replaced; where it has fewer than `parts`, the last ones fill it."""
    pieces = pattern.split("*")
    fillings = (*parts[len(parts) - len(pieces) + 1 :], "")
    return "".join(piece + filling for piece, filling in zip(pieces, fillings, strict=True))
