"""Titles of domains in the names of groups: the same however the path of the YAML file is typed."""

from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from msl.data.catalog import open_domain
from msl.data.domain_file import DomainFile, read_domain_file
from msl.data.files import FileSamples
from msl.data.yaml_file import is_domain_file
from msl.errors import DataError

_DIGEST_DIGITS = 6
_SPLITS = ("train", "val")


def domain_title(name_or_yaml: str) -> str:
    """The name of a domain; for one that a YAML file describes, its own name and a digest: ``ring_road@1f9c02``.

    The digest is of the description and of the names and sizes of the image files, wherever they are. So other data of
    the same name has another title, and the same data on another machine has the same one.

    Raises:
        ConfigError: the YAML file is missing or wrong.
    """
    if not is_domain_file(name_or_yaml):
        return name_or_yaml
    domain = read_domain_file(Path(name_or_yaml))
    digest = sha256(repr(_described(domain)).encode())
    if domain.content is None:  # else the description has the digests of the images
        for line in _files(name_or_yaml, domain.root):
            digest.update(line.encode())
    return f"{domain.name}@{digest.hexdigest()[:_DIGEST_DIGITS]}"


def _described(domain: DomainFile) -> dict[str, object]:
    """The description without folders of this machine."""
    elsewhere = {"root": True, "content": {"domain", "data_root"}}
    return domain.model_dump(mode="json", exclude=elsewhere, exclude_defaults=True)  # type: ignore[arg-type]  # mixed values


def _files(name_or_yaml: str, root: Path) -> Iterator[str]:
    """A line for each image of the splits that exist."""
    for split in _SPLITS:
        with suppress(DataError):  # the check of the data reports it
            samples = open_domain(name_or_yaml, None, split, labelled=False).samples
            for pair in samples.pairs if isinstance(samples, FileSamples) else ():
                size = pair.image.stat().st_size if pair.image.is_file() else -1
                yield f"{split} {pair.name} {size}\n"
