"""A styled copy of a domain on disk: its identity, its folder, and the YAML file that describes it."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from msl.config import StylizeConfig
from msl.data import domain_names
from msl.data.copy_digests import CopyDigests
from msl.inputs.checks import Checked
from msl.inputs.styles import Styles
from msl.labels import LABEL_SETS, LabelSet

log = logging.getLogger("msl")

LABELS = Path("labels")  # folder for labels of generated scenes, which have no file
FORMATS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "png": (".png", {"format": "PNG"}),
    "jpeg": (".jpg", {"format": "JPEG", "quality": 95, "subsampling": 0}),
}


@dataclass(frozen=True, kw_only=True)
class StyledCopy:
    """A copy that exists or will be made."""

    config: StylizeConfig
    contents: Mapping[str, Checked]  # by split
    styles: Styles
    decoder: Mapping[str, str]  # reference and digest, the encoder's too if it is separate; empty without a network

    @property
    def name(self) -> str:
        """Name of the copy."""
        copied = self.config.copied
        base = next(iter(self.contents.values())).domain.name
        suffix = "_".join([copied.style_name or self.styles.name, *self.method_suffix()])
        return f"{base}_{suffix}"

    def method_suffix(self) -> list[str]:
        """The part of the name for a method without a network."""
        return [] if self.config.method.method == "adain" or self.config.copied.style_name else [self.how["method"]]

    @cached_property
    def how(self) -> dict[str, str]:
        """How the images are made: everything except the content that decides their pixels."""
        method, look, copied = self.config.method, self.config.look, self.config.copied
        facts = {"method": method.method, "style": self.styles.name, "alpha": f"{look.alpha:g}"}
        if look.style_weights is not None:
            facts["style_weights"] = ",".join(f"{weight:g}" for weight in look.style_weights)
        if method.method == "adain" and look.style_size is not None:
            facts["style_size"] = str(look.style_size)
        if method.method == "fourier":
            facts["beta"] = f"{method.beta:g}"
        if method.preserve_colours:
            facts["preserve_colours"] = "true"
        if copied.shuffle_styles:
            facts["style_seed"] = str(copied.style_seed)
        return facts | dict(self.decoder)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Two copies with the same identity are the same."""
        return {
            "name": self.name,
            "content": {split: checked.report.digest for split, checked in self.contents.items()},
            "style_digest": self.styles.digest,
            "format": self.config.copied.image_format,
            "how": {name: value for name, value in self.how.items() if name != "decoder"},
        }

    @property
    def folder(self) -> Path:
        """Folder of the copy."""
        digest = sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()
        return self.config.copied.output.absolute() / f"{self.name}-{digest[:8]}"

    def images(self, split: str) -> list[Path]:
        """The image files of a split, in the order of its domain."""
        domain, folder = self.contents[split].domain, self.folder / split
        return [folder / f"{domain.samples.name(index)}{self.suffix}" for index in range(len(domain))]

    def is_complete(self) -> bool:
        """Whether every image is there, and, as far as sizes and times tell, as it was written."""
        if not self.file.is_file():
            return False
        digests = CopyDigests(self.folder)
        changed = [path for split in self.contents for path in self.images(split) if not digests.is_unchanged(path)]
        if changed:
            log.warning("%d images of %s are missing or damaged, such as %s", len(changed), self.folder, changed[0])
        return not changed

    @property
    def file(self) -> Path:
        """The copy's YAML file."""
        return self.folder / f"{self.name}.yaml"

    @property
    def suffix(self) -> str:
        """Suffix of the image files."""
        return FORMATS[self.config.copied.image_format][0]


def domain_file(copy: StyledCopy) -> dict[str, Any]:
    """The content of the copy's YAML file (see `msl.data.pairs`)."""
    first = next(iter(copy.contents.values())).domain
    content = {"name": copy.name, "root": ".", "style": copy.how}
    if first.samples.drawn:
        folders = {split: Path(checked.domain.samples.name(0)).parent for split, checked in copy.contents.items()}
        patterns = {
            split: {
                "images": (split / folder / f"*{copy.suffix}").as_posix(),
                "labels": (LABELS / split / folder / "*.png").as_posix(),
            }
            for split, folder in folders.items()
        }
        return content | _classes(first.label_set) | {"splits": patterns}
    content_name = copy.config.copied.content
    root = copy.config.runtime.data_root
    source = {
        "domain": content_name if content_name in domain_names() else str(Path(content_name).absolute()),
        "data_root": str(root.absolute()) if root is not None else None,
        "digests": {split: checked.report.digest for split, checked in copy.contents.items()},
        "skipped": {
            split: sorted({problem.sample for problem in checked.report.problems})
            for split, checked in copy.contents.items()
            if checked.report.problems
        },
        "suffix": copy.suffix,
    }
    return content | {"content": source}


def _classes(label_set: LabelSet) -> dict[str, Any]:
    """The lines for the classes of generated scenes, whose label files have the ids of Cityscapes."""
    if label_set.name in LABEL_SETS:
        return {"label_set": label_set.name}
    classes = {name: list(colour) for name, colour in zip(label_set.classes, label_set.palette, strict=True)}
    return {"label_set": label_set.name, "classes": classes, "ids": "cityscapes"}


def manifest(copy: StyledCopy) -> bytes:
    """How the copy was made, as JSON."""
    counts = {split: len(checked.domain) for split, checked in copy.contents.items()}
    content = copy.identity | {"how": copy.how, "images": counts}
    return json.dumps(content, indent=2).encode()
