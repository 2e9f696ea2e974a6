"""Styled copies of domains: images of their own, the labels of the domain that they were made of."""

from dataclasses import dataclass, replace
from pathlib import Path

from msl.data.domain_file import CopiedFrom
from msl.data.files import FileSamples
from msl.data.samples import Report
from msl.errors import DataError


@dataclass(frozen=True, kw_only=True)
class StyledSamples(FileSamples):
    """Pairs of a styled image and the label of what it was made of."""

    content: FileSamples
    digest: str  # of the content's images when they were styled

    def inspect(self, table: bytes, labelled: bool) -> Report:
        """As of all files, after a look at what they were made of.

        Raises:
            DataError: the content's images are no longer those that were styled.
        """
        found = self.content.inspect(table, labelled=False).digest
        if found != self.digest:
            raise DataError(
                f"{self.title} was made of {self.content.title}, whose images have changed since "
                f"(digest {found[:12]}, {self.digest[:12]} then): run stylize again"
            )
        return super().inspect(table, labelled)


def styled_samples(name: str, base: FileSamples, folder: Path, split: str, content: CopiedFrom) -> StyledSamples:
    """One split of a styled copy.

    Args:
        name: of the copy.
        base: what it was made of.
        folder: of the split's styled images.
        split: its name.
        content: what the copy's YAML file says of `base`.
    """
    skipped = set(content.skipped.get(split, ()))
    pairs = [
        replace(pair, image=folder / f"{pair.name}{content.suffix}") for pair in base.pairs if pair.name not in skipped
    ]
    title = f"{name}/{split}"
    return StyledSamples(title, pairs, base.decode_label, notes=base.notes, content=base, digest=content.digests[split])
