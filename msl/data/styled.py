"""Styled copies of domains: new images, with the labels of the domain that they were made from."""

from dataclasses import dataclass, replace
from pathlib import Path

from msl.data.domain_file import CopiedFrom
from msl.data.files import FileSamples
from msl.data.samples import Report
from msl.errors import DataError


@dataclass(frozen=True, kw_only=True)
class StyledSamples(FileSamples):
    """Pairs of a styled image and the label of the image that it was made from."""

    content: FileSamples
    digest: str  # of the content's images when they were styled

    def inspect(self, table: bytes, labelled: bool) -> Report:
        """The report of the styled images, after a check that the content is unchanged.

        Raises:
            DataError: the content's images are no longer those that were styled.
        """
        content_digest = self.content.inspect(table, labelled=False).digest
        if content_digest != self.digest:
            raise DataError(
                f"{self.title} was made from {self.content.title}, whose images have changed since then "
                f"(digest now {content_digest[:12]}, then {self.digest[:12]}): run stylize again"
            )
        return super().inspect(table, labelled)


def styled_samples(name: str, base: FileSamples, folder: Path, split: str, content: CopiedFrom) -> StyledSamples:
    """One split of a styled copy.

    Args:
        name: of the copy.
        base: the samples that it was made from.
        folder: of the split's styled images.
        split: its name.
        content: what the copy's YAML file says about `base`.
    """
    skipped = set(content.skipped.get(split, ()))
    pairs = [
        replace(pair, image=folder / f"{pair.name}{content.suffix}") for pair in base.pairs if pair.name not in skipped
    ]
    title = f"{name}/{split}"
    return StyledSamples(title, pairs, base.decode_label, notes=base.notes, content=base, digest=content.digests[split])
