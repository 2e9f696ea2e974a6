"""The validate stage: checks every sample of a domain without training."""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

from msl import schema
from msl.config import ValidateConfig
from msl.data import Domain, open_domain
from msl.data.titles import domain_title
from msl.errors import ConfigError, DataError
from msl.files import make_folder
from msl.inputs.checks import Checked, inspect_domain, write_problems
from msl.inputs.domains import open_scored_split
from msl.inputs.shares import class_table, shares_of, write_classes
from msl.labels import LabelSet
from msl.recipes.group_name import join_words
from msl.scoring.contact_sheet import contact_sheet
from msl.scoring.exports import write_image
from msl.stages.stage import Outcome
from msl.tracking import MlflowReporter, RunRecord, connect, describe, ending, open_run, run_folder

_STAGE = "validate"
_DRAWN_SAMPLES = 8  # of each domain
_LISTED_PROBLEMS = 10  # of each kind, in the report
_LISTED_SIZES = 5  # of images, in the report
_LINE_WIDTH = 100  # characters


def validate(config: ValidateConfig, group: str | None = None, show: Callable[[str], None] = print) -> Outcome:
    """Check every sample that a training would read, and record the result as a run.

    Args:
        config: settings.
        group: name of the run and its group; None = made from the domains.
        show: is called with each domain's report as soon as it exists.

    Raises:
        DataError: samples cannot be used. The run ends FAILED; ``validation/problems.csv`` lists all of them.
        MslError: a domain or the tracking server cannot be used.
    """
    names = [name for name in (config.examined.source, config.examined.target) if name is not None]
    title = group or join_words([_STAGE, *map(domain_title, names)])
    reporter = open_run(connect(), title, {schema.STAGE: _STAGE, schema.GROUP: title})
    with ending(reporter):
        checks, texts = [], []
        domains = _open_domains(config)
        make_folder(config.examined.output, ConfigError)
        for role, domain in domains:
            checks.append(inspect_domain(role, domain))
            texts.append(
                "\n".join([_report(checks[-1]), *_fact("drawn", _draw(reporter, checks[-1], config.examined.output))])
            )
            show(texts[-1])
        _record(reporter, config, checks, texts)
        if unusable := [checked.headline() for checked in checks if checked.report.problems]:
            table = f"{schema.VALIDATION_FOLDER}/{schema.PROBLEMS_FILE} of run {reporter.run_id} lists them all."
            way_out = "A training refuses them."
            if all(len(checked.domain) for checked in checks):
                way_out = "A training refuses them; with -P skip_bad=true it leaves them out."
            raise DataError("\n".join([*unusable, f"{table} {way_out}"]))
        return Outcome(reporter.run_id, {})


def _open_domains(config: ValidateConfig) -> list[tuple[str, Domain]]:
    """The domains as a training would read them: the target's training images without their labels."""
    examined, root = config.examined, config.files.data_root
    splits = examined.split.split(",")
    domains = list[tuple[str, Domain]]()
    label_set: str | LabelSet | None = examined.label_set
    if examined.source is not None:
        source_domains = [_open_source(examined.source, root, label_set, split) for split in splits]
        domains += [(schema.SOURCE, domain) for domain in source_domains if domain is not None]
    label_set = domains[0][1].label_set if domains else label_set
    for split in splits if examined.target is not None else []:
        assert examined.target is not None
        if split == "train":
            domains.append((schema.TARGET, open_domain(examined.target, root, split, label_set, labelled=False)))
        elif (domain := open_scored_split(examined.target, root, label_set, split)) is not None:
            domains.append((schema.TARGET, domain))
    if not domains:
        raise ConfigError("source and target are none or unlabelled: there is nothing to check. Name a domain.")
    return domains


def _open_source(name: str, root: Path | None, label_set: str | LabelSet | None, split: str) -> Domain | None:
    """A split with its labels; None, with a warning, if they cannot be scored."""
    if split == "train":
        return open_domain(name, root, split, label_set)
    return open_scored_split(name, root, label_set, split)


def _record(reporter: MlflowReporter, config: ValidateConfig, checks: list[Checked], texts: list[str]) -> None:
    record = RunRecord(stage=_STAGE, settings=config.flat())
    describe(reporter, config.flat(), record, {}, [checked.input for checked in checks])
    reporter.text("\n\n".join(texts) + "\n", f"{schema.VALIDATION_FOLDER}/{schema.REPORT_FILE}")
    reporter.file(write_classes(checks, config.examined.output / schema.CLASSES_FILE), schema.VALIDATION_FOLDER)
    with run_folder(reporter.run_id) as folder:
        reporter.file(write_problems(checks, folder / schema.PROBLEMS_FILE), schema.VALIDATION_FOLDER)


def _draw(reporter: MlflowReporter, checked: Checked, output: Path) -> str:
    """Draw usable samples, on disk and in the run; the picture's path, or "" if no sample can be used."""
    if not len(checked.domain):
        return ""
    path = output / f"{checked.role}_{checked.domain.split}.png"
    write_image(contact_sheet(checked.domain, _DRAWN_SAMPLES), path)
    reporter.file(path, schema.VALIDATION_FOLDER)
    return f"{path}"


def _report(checked: Checked) -> str:
    """Counts, sizes, classes, and the problems by kind, in a few lines."""
    report = checked.report
    headline = checked.headline() if report.problems else f"{checked.title}: {_counted(report.count)} usable"
    lines = [headline, *_fact("digest", report.digest), *_fact("sizes", _sizes(report.sizes))]
    lines += [f"  {line}" for line in class_table(shares_of(checked))]
    lines += [line for note in report.notes for line in _fact("note", note)]
    for kind in {problem.kind: None for problem in report.problems}:
        lines += [f"  {kind}", *(f"    {line}" for line in report.named(_LISTED_PROBLEMS, kind))]
    return "\n".join(lines)


def _counted(samples: int) -> str:
    return "1 sample," if samples == 1 else f"{samples} samples, all"


def _fact(name: str, text: str) -> list[str]:
    """Lines that say `text`; none if it is empty."""
    return textwrap.wrap(text, _LINE_WIDTH, initial_indent=f"  {name:8}", subsequent_indent=" " * 10)


def _sizes(sizes: Mapping[tuple[int, int], int]) -> str:
    ranked = sorted(sizes.items(), key=lambda item: -item[1])
    named = [f"{count} of {width}x{height}" for (width, height), count in ranked[:_LISTED_SIZES]]
    unlisted = len(ranked) - _LISTED_SIZES
    return ", ".join([*named, f"{unlisted} other sizes"] if unlisted > 0 else named)
