"""A user's domain, described by a YAML file.

    name: ring_road
    root: /data/ring_road            # absolute, or relative to this file
    ids: cityscapes                  # cityscapes, synthia, camvid, train_ids, or a table {0: road, 1: sky, 255: null}
    splits:
      train: {images: "frames/train/*.jpg", labels: "masks/train/*.png"}
      val:   {images: "frames/val/*.jpg", labels: "masks/val/*.png"}

`msl.data.patterns` has the rules of patterns. The text that a star matches in an image's path fills the star in the
label's path. A split that serves only as an unlabelled target needs no `labels`. A number instead of a pattern, such as
``val: 0.1``, takes that share of `train`. The classes are those of `label_set` (cityscapes19 by default), or the user's
own: `classes` is a list of names, or a table of names and colours, in the order of the network's outputs.

Instead of `splits`, `layout: cityscapes` (or another data set's name) says that the files have that data set's layout;
`layout: streets`, or `streets_real` or `streets_dusk`, generates images of any `size` and `count`. Stage stylize writes
such files for its copies: with `content`, the labels are those of another domain, and `style` says how the images were
made.
"""

import re
from collections.abc import Mapping
from os.path import normpath
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from msl.config import Size, validated
from msl.data.patterns import Pattern
from msl.data.yaml_file import NO_COLOURS, read_table
from msl.errors import ConfigError, DataError
from msl.labels import (
    CAMVID_IDS,
    CITYSCAPES_IDS,
    RAW_IDS,
    SYNTHIA_IDS,
    LabelSet,
    RawIds,
    check_names,
    described_label_set,
    find_label_set,
    train_ids,
)

_KNOWN_IDS: dict[str, RawIds] = {"cityscapes": CITYSCAPES_IDS, "synthia": SYNTHIA_IDS, "camvid": CAMVID_IDS}
_DEFAULT_LABEL_SET = "cityscapes19"
_COLOUR = re.compile("[#,]")  # in #c82828 or 200,40,40
_LISTS = {".csv", ".json", ".list", ".lst", ".tsv", ".txt"}  # suffixes of files that list others
_NO_LISTS = (
    'write patterns, such as {images: "frames/*.jpg", labels: "masks/*.png"} (docs/own-data.md); lists of files are '
    "read only with the layout of a published data set"
)


class SplitPattern(BaseModel):
    """Where the files of one split are, below the root."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: str = Field(description="pattern of the images' paths, with stars")
    labels: str | None = Field(None, description="pattern of the labels' paths, with as many stars or fewer")

    @model_validator(mode="before")
    @classmethod
    def _is_a_table(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(_NO_LISTS)
        return value

    @model_validator(mode="after")
    def _patterns_fit(self) -> Self:
        images = Pattern.of(self.images)
        if Path(self.images).suffix.lower() in _LISTS:
            raise ValueError(f"images = {self.images}: {_NO_LISTS}")
        if self.labels is not None:
            images.check_filling(Pattern.of(self.labels))
        return self


class CopiedFrom(BaseModel):
    """The domain that a styled copy was made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str = Field(description="name, or absolute path of a YAML file")
    data_root: Path | None = Field(None, description="folder of data sets that holds it")
    digests: dict[str, str] = Field(description="digest of the images of each copied split")
    skipped: dict[str, list[str]] = Field({}, description="samples of each split that could not be used")
    suffix: str = Field(description="suffix of the copy's images; each split has a folder below root")


def _checked_ids(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("write a name, or a table such as {0: road, 1: sky, 255: null}")
    for raw, name in value.items():
        if not str(raw).isdecimal() or int(raw) >= RAW_IDS:
            hint = f"; {NO_COLOURS}" if _COLOUR.search(str(raw)) else ""
            raise ValueError(f"ids: {raw!r} is not an id of a label: write a number from 0 to {RAW_IDS - 1}{hint}")
        if name is not None and not isinstance(name, str):
            raise ValueError(f"ids: {raw}: {name!r} is not a class name: put it in quotes")
    return value


def _checked_classes(value: Any) -> Any:
    if value is not None and not isinstance(value, Mapping | list):
        raise ValueError("write a list of names, or a table such as {road: [128, 64, 128], car: null}")
    return value


class DomainFile(BaseModel):
    """The content of a domain's YAML file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[\w.-]+$", description="letters, digits, _ . -")
    root: Path = Field(Path(), description="folder of the data, absolute or relative to the YAML file")
    label_set: str | None = Field(
        None, description="classes in which labels are read by default; or the name for `classes`"
    )
    classes: Annotated[Any, AfterValidator(_checked_classes)] = Field(None, description="the user's own classes")
    ids: Annotated[str | dict[int, str | None] | None, BeforeValidator(_checked_ids)] = None
    splits: dict[str, SplitPattern] = {}
    held_out: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(
        {}, description="shares of train that form other splits; in the file, a number in `splits`"
    )
    layout: str | None = Field(
        None, description="name of a data set with the same layout, or streets, streets_real, streets_dusk"
    )
    size: Size = Field((256, 128), description="width,height of generated images")
    count: dict[str, int] = Field({}, description="number of generated images of each split")
    seed: int = Field(0, ge=0, description="seed of generated images")
    style: dict[str, str] = Field({}, description="how the images of a styled copy were made")
    content: CopiedFrom | None = Field(None, description="domain whose labels a styled copy shares")

    @model_validator(mode="before")
    @classmethod
    def _shares_are_held_out(cls, values: Any) -> Any:
        splits = values.get("splits")
        if not isinstance(splits, Mapping):
            return values
        shares = {name: share for name, share in splits.items() if isinstance(share, int | float)}
        patterns = {name: pattern for name, pattern in splits.items() if name not in shares}
        return {**values, "splits": patterns, "held_out": {**values.get("held_out", {}), **shares}}

    @model_validator(mode="after")
    def _shares_are_of_train(self) -> Self:
        if self.held_out and "train" not in self.splits:
            raise ValueError(
                f"splits: {', '.join(self.held_out)}: a share is taken from train: write a pattern for train"
            )
        if sum(self.held_out.values()) >= 1:
            raise ValueError(f"splits: the shares {self.held_out} leave no image for train: write smaller ones")
        return self

    @property
    def split_names(self) -> list[str]:
        """Names of all splits."""
        return [*self.splits, *self.held_out]


def read_domain_file(path: Path) -> DomainFile:
    """The settings in a YAML file, its root made absolute.

    Raises:
        ConfigError: the file is missing or is not YAML, or a field is unknown or has a bad value.
    """
    content = read_table(path)
    try:
        domain = validated(DomainFile, content)
        check_classes(domain)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if [domain.layout is not None, bool(domain.splits), domain.content is not None].count(True) != 1:
        raise ConfigError(f"{path}: give either splits (patterns of files) or layout (the name of a data set)")
    if domain.ids is not None and not domain.splits:
        raise ConfigError(f"{path}: ids is only for splits: leave it out, because a layout has its ids")
    return domain.model_copy(update={"root": _normalised((path.parent / domain.root).absolute())})


def _normalised(path: Path) -> Path:
    """The path without ``..``; as it is where that would be another folder, because a link comes before the dots."""
    short = Path(normpath(path))
    return short if short.resolve() == path.resolve() else path


def check_root(domain: DomainFile) -> None:
    """Check that the folder of the data exists.

    Raises:
        DataError: it does not.
    """
    if not domain.root.is_dir():
        raise DataError(
            f"{domain.name}: root = {domain.root}: no such folder; correct root in the YAML file (a relative root "
            "counts from the folder of that file)"
        )


def check_classes(domain: DomainFile) -> None:
    """Check that the file names only known classes.

    Raises:
        ConfigError: a class is unknown, or `label_set` or `ids` has an unknown name.
    """
    label_set = native_label_set(domain)
    if isinstance(domain.ids, dict):
        check_names(domain.ids, None if domain.classes is None else label_set)
    raw_ids(domain)


def raw_ids(domain: DomainFile) -> RawIds:
    """The ids of the label files. Without `ids`, the user's own classes are numbered in their order.

    Raises:
        ConfigError: `ids` has an unknown name.
    """
    ids = domain.ids if domain.ids is not None else "cityscapes" if domain.classes is None else "train_ids"
    if not isinstance(ids, str):
        return ids
    if ids == "train_ids":
        return train_ids(native_label_set(domain))
    if ids not in _KNOWN_IDS:
        raise ConfigError(f"{domain.name}: ids = {ids!r}: choose {', '.join(_KNOWN_IDS)}, train_ids, or a table")
    return _KNOWN_IDS[ids]


def native_label_set(domain: DomainFile) -> LabelSet:
    """The label set that the file names, or describes."""
    if domain.classes is None:
        return find_label_set(domain.label_set or _DEFAULT_LABEL_SET)
    return described_label_set(domain.label_set or domain.name, domain.classes)
