"""Styled copies of domains: new images, with the labels of the domain that they were made from."""

from dataclasses import dataclass, replace
from pathlib import Path

from msl.data.copy_digests import CopyDigests
from msl.data.domain_file import CopiedFrom
from msl.data.files import FilePair, FileSamples
from msl.data.images import decode_image
from msl.data.inspection import scan
from msl.data.samples import Kind, Problem, Report
from msl.errors import DataError

_CHANGED = "the image is not the one that stylize wrote, as its SHA-256 says: run stylize again, which makes it anew"


@dataclass(frozen=True, kw_only=True)
class StyledSamples(FileSamples):
    """Pairs of a styled image and the label of the image that it was made from."""

    content: FileSamples
    digest: str  # of the content's images when they were styled
    copy_folder: Path

    def inspect(self, table: bytes, labelled: bool) -> Report:
        """The report of the styled images, after a check that the content is unchanged and that they are as written.

        Raises:
            DataError: the content's images are no longer those that were styled.
        """
        content_digest = self.content.inspect(table, labelled=False).digest
        if content_digest != self.digest:
            raise DataError(
                f"{self.title} was made from {self.content.title}, whose images have changed since then "
                f"(digest now {content_digest[:12]}, then {self.digest[:12]}): run stylize again"
            )
        changed = {pair.name: pair for pair in self._changed()}
        whole = replace(self, pairs=[pair for pair in self.pairs if pair.name not in changed])
        report = super(StyledSamples, whole).inspect(table, labelled)
        problems = [Problem(name, Kind.CHANGED, str(pair.image), _CHANGED) for name, pair in changed.items()]
        return replace(report, count=len(self), problems=[*problems, *report.problems])

    def _changed(self) -> list[FilePair]:
        """The pairs whose image can be read but is not the one that was written."""
        digests = CopyDigests(self.copy_folder)
        if not digests:
            return []
        records = scan([pair.image for pair in self.pairs], decode_image, f"images of {self.title}")
        written = [digests.digest(pair.image) for pair in self.pairs]
        return [
            pair
            for pair, record, digest in zip(self.pairs, records, written, strict=True)
            if digest is not None and record.digest not in ("", digest)
        ]


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
    return StyledSamples(
        title,
        pairs,
        base.decode_label,
        notes=base.notes,
        content=base,
        digest=content.digests[split],
        copy_folder=folder.parent,
    )
