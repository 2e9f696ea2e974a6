"""Checks of samples: those that cannot be used are refused, or left out and recorded if the user sets skip_bad."""

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

_LISTED_PROBLEMS = 5  # in a message
_HEADER = ("domain", "split", "sample", "problem", "file", "detail")


@dataclass(frozen=True)
class Checked:
    """A domain after a check of every sample, with the samples that can be used."""

    role: str  # source or target
    domain: Domain
    report: Report

    @property
    def title(self) -> str:
        """Domain and split."""
        return f"{self.domain.name}/{self.domain.split}"

    @property
    def input(self) -> DataInput:
        """The domain as the run store records it."""
        domain = self.domain
        return DataInput(self.role, domain.name, domain.split, self.report.digest, len(domain), domain.style)

    def headline(self) -> str:
        """How many samples cannot be used, and why."""
        noun = "sample" if self.report.count == 1 else "samples"
        return (
            f"{self.title}: {self.report.unusable} of {self.report.count} {noun} cannot be used: {self.report.kinds()}"
        )


def inspect_domain(role: str, domain: Domain) -> Checked:
    """Check every sample, and refuse nothing."""
    report = domain.inspect()
    return Checked(role, replace(domain, samples=report.usable), report)


def check(role: str, domain: Domain, skip_bad: bool) -> Checked:
    """Check every sample. Those that cannot be used are left out if `skip_bad` is set; otherwise the domain is refused.

    Raises:
        DataError: samples cannot be used, or no sample is left; the message names samples and the way out.
    """
    checked = inspect_domain(role, domain)
    for note in checked.report.notes:
        tell_once(f"{checked.title}: {note}", checked.report.digest)
    if not checked.report.problems:
        return checked
    named = "\n  ".join([checked.headline(), *checked.report.named(_LISTED_PROBLEMS)])
    if not len(checked.domain):
        raise DataError(f"{named}\nNo sample is left. Correct the data; -e validate lists all.")
    if not skip_bad:
        raise DataError(f"{named}\n-e validate lists them all. -P skip_bad=true leaves them out.")
    log.warning(
        "%s\nskip_bad: using the other %d samples; scores on this split use only these. "
        "Artifact %s/%s lists the samples that are left out.",
        *(named, len(checked.domain), schema.DATA_FOLDER, schema.SKIPPED_FILE),
    )
    return checked


def record_skipped(reporter: MlflowReporter, checks: Sequence[Checked], folder: Path) -> None:
    """Upload a list of the samples that were left out, if any, and set a tag with their number."""
    counts = {checked.title: checked.report.unusable for checked in checks if checked.report.problems}
    if counts:
        reporter.file(write_problems(checks, folder / schema.SKIPPED_FILE), schema.DATA_FOLDER)
        reporter.tags({schema.DATA_SKIPPED: ", ".join(f"{title} {count}" for title, count in counts.items())})


def write_problems(checks: Iterable[Checked], path: Path) -> Path:
    """Write every problem as a row of a CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for checked in checks:
            split = (checked.domain.name, checked.domain.split)
            for problem in checked.report.problems:
                writer.writerow([*split, problem.sample, problem.kind, problem.file, problem.detail])
    return path
