"""What is done about samples that cannot be used: refused, or on the user's word left out, told and recorded."""

import csv
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from msl import schema
from msl.data import Domain, Report
from msl.errors import DataError
from msl.inputs.notices import tell_once
from msl.tracking import DataInput, MlflowReporter

log = logging.getLogger("msl")

_NAMED = 5  # problems that a message spells out
_HEADER = ("domain", "split", "sample", "problem", "file", "detail")


@dataclass(frozen=True)
class Checked:
    """A domain after a look at every sample, reduced to those that can be used."""

    role: str  # source or target
    domain: Domain
    report: Report

    @property
    def title(self) -> str:
        """Domain and split."""
        return f"{self.domain.name}/{self.domain.split}"

    @property
    def input(self) -> DataInput:
        """What the run store is told of it."""
        domain = self.domain
        return DataInput(self.role, domain.name, domain.split, self.report.digest, len(domain), domain.style)

    def headline(self) -> str:
        """How many samples cannot be used, and why."""
        return (
            f"{self.title}: {self.report.unusable} of {self.report.count} samples cannot be used: {self.report.kinds()}"
        )


def look_at(role: str, domain: Domain) -> Checked:
    """Look at every sample; decide nothing."""
    report = domain.inspect()
    return Checked(role, replace(domain, samples=report.usable), report)


def check(role: str, domain: Domain, skip_bad: bool) -> Checked:
    """Look at every sample, and refuse the domain for those that cannot be used or, with `skip_bad`, leave them out.

    Raises:
        DataError: names such samples and the way out; or nothing is left.
    """
    checked = look_at(role, domain)
    for note in checked.report.notes:
        tell_once(f"{checked.title}: {note}", checked.report.digest)
    if not checked.report.problems:
        return checked
    named = "\n  ".join([checked.headline(), *checked.report.named(_NAMED)])
    if not skip_bad:
        raise DataError(f"{named}\n-e validate lists them all. -P skip_bad=true goes on without them.")
    if not len(checked.domain):
        raise DataError(f"{named}\nNothing is left to go on with.")
    log.warning(
        "%s\nskip_bad: going on with the other %d samples; scores on this split are of those alone. "
        "Artifact %s/%s has all that is left out.",
        *(named, len(checked.domain), schema.DATA_FOLDER, schema.SKIPPED_FILE),
    )
    return checked


def record_skipped(reporter: MlflowReporter, checks: Sequence[Checked], folder: Path) -> None:
    """Upload which samples were left out, if any, and say how many in a tag."""
    short = {checked.title: checked.report.unusable for checked in checks if checked.report.problems}
    if short:
        reporter.file(write_problems(checks, folder / schema.SKIPPED_FILE), schema.DATA_FOLDER)
        reporter.tags({schema.DATA_SKIPPED: ", ".join(f"{title} {count}" for title, count in short.items())})


def write_problems(checks: Iterable[Checked], path: Path) -> Path:
    """Every problem as a row of a CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for checked in checks:
            where = (checked.domain.name, checked.domain.split)
            for problem in checked.report.problems:
                writer.writerow([*where, problem.sample, problem.kind, problem.file, problem.detail])
    return path
