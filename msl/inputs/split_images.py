"""The images of one split of a styled copy, which `shared_files.make_each` makes; each is proved by its digest."""

import io
import logging
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from msl.data import Domain
from msl.data.copy_digests import CopyDigests
from msl.inputs.copies import FORMATS, LABELS, StyledCopy
from msl.inputs.mixture import Mixture
from msl.inputs.shared_files import write_whole

log = logging.getLogger("msl")


class SplitImages:
    """Styled images, and the labels of generated scenes, which have no files."""

    def __init__(self, copy: StyledCopy, split: str, domain: Domain, mixture: Mixture) -> None:
        self._copy, self._split, self._domain, self._mixture = copy, split, domain, mixture
        self._digests = CopyDigests(copy.folder)

    @cached_property
    def paths(self) -> list[Path]:
        """The images, in the order of the domain."""
        return self._copy.images(self._split)

    def is_whole(self, index: int) -> bool:
        """Whether the files are as they were written. One whose digest is not known is decoded and noted."""
        return all(self._is_whole(path) for path in self._files(index))

    def make(self, index: int) -> None:
        """Make the image, and its label if that is generated."""
        image = self._domain[index].image
        styled = self._mixture.stylize(image, f"{self._split}/{self._domain.samples.name(index)}")
        *labels, path = self._files(index)
        for file in labels:
            label = self._domain.samples.read(index, labelled=True)[1]
            if label is not None:
                self._write(file, Image.fromarray(label), {"format": "PNG"})
        options = FORMATS[self._copy.config.copied.image_format][1]
        self._write(path, Image.fromarray(styled.permute(1, 2, 0).numpy()), options)

    def _files(self, index: int) -> list[Path]:
        """The image comes last."""
        if not self._domain.samples.drawn:
            return [self.paths[index]]
        name = self._domain.samples.name(index)
        return [self._copy.folder / LABELS / self._split / f"{name}.png", self.paths[index]]

    def _is_whole(self, path: Path) -> bool:
        if not path.exists():
            return False
        is_whole = self._digests.is_whole(path)
        if is_whole is None:  # of an older copy, or of a process that was killed before it noted the digest
            is_whole = _can_be_decoded(path)
            if is_whole:
                self._digests.add(path)
        if not is_whole:
            log.warning("%s is damaged, as its SHA-256 says: it is made again", path)
        return is_whole

    def _write(self, path: Path, image: Image.Image, options: Mapping[str, Any]) -> None:
        buffer = io.BytesIO()
        image.save(buffer, **options)
        write_whole(path, buffer.getvalue())
        self._digests.add(path)


def _can_be_decoded(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, SyntaxError, ValueError):  # Pillow's words for damage
        return False
    return True
