"""What is known of a domain before its images are decoded: whether msl draws them, their number and size."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from msl.data.catalog import open_domain
from msl.data.domain_file import read_domain_file
from msl.data.files import FileSamples
from msl.data.generated import GeneratedSamples
from msl.data.images import image_size
from msl.data.yaml_file import is_domain_file
from msl.errors import DataError
from msl.streets import STYLES

_LOOKED_AT = 16  # images, spread evenly


class ImageFacts(NamedTuple):
    """The images of one split."""

    images: int
    size: tuple[int, int]  # width and height of most of those that were looked at


def is_generated(name_or_yaml: str) -> bool:
    """Whether msl draws the domain's images, or a styled copy was made from such images.

    Raises:
        ConfigError: the YAML file is missing or wrong.
    """
    if not is_domain_file(name_or_yaml):
        return name_or_yaml in STYLES
    domain = read_domain_file(Path(name_or_yaml))
    if domain.content is not None:
        return is_generated(domain.content.domain)
    return domain.layout in STYLES


def image_count(name_or_yaml: str, data_root: str | Path | None, split: str = "train") -> int:
    """The number of images of a split; raises as `image_facts` does."""
    return len(open_domain(name_or_yaml, None if data_root is None else Path(data_root), split, labelled=False))


def image_facts(name_or_yaml: str, data_root: Path | None, split: str = "train") -> ImageFacts:
    """The number and size of the images of a split.

    Raises:
        ConfigError: the domain is unknown.
        DataError: the folder or the split is missing or empty, or no image can be read.
    """
    samples = open_domain(name_or_yaml, data_root, split, labelled=False).samples
    if isinstance(samples, GeneratedSamples):
        return ImageFacts(len(samples), samples.streets.size)
    assert isinstance(samples, FileSamples)
    chosen = samples.pairs[:: max(1, len(samples) // _LOOKED_AT)]
    sizes, damage = Counter[tuple[int, int]](), None
    for pair in chosen:
        try:
            sizes[image_size(pair.image)] += 1
        except DataError as error:  # the check of the data reports it, if there are others
            damage = error
    if damage is not None and not sizes:
        raise damage
    return ImageFacts(len(samples), sizes.most_common(1)[0][0])
