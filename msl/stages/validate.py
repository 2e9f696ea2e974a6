"""The validate stage: every sample of a domain looked at, without a training."""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msl import schema
from msl.config import ValidateConfig
from msl.data import Domain, open_domain
from msl.errors import ConfigError, DataError
from msl.inputs.checks import Checked, look_at, write_problems
from msl.inputs.domains import scored_split
from msl.labels import IGNORE, LabelSet
from msl.stages.stage import Outcome
from msl.tracking import MlflowReporter, RunRecord, connect, describe, ending, open_run, workplace

_STAGE = "validate"
_NAMED = 10  # problems of a kind that the report spells out
_SIZES = 5  # sizes of images that it counts one by one
_WIDTH = 100  # characters of a line


def validate(config: ValidateConfig, group: str | None = None, show: Callable[[str], None] = print) -> Outcome:
    """Look at every sample that a training would read, and record what was found as a run of its own.

    Args:
        config: settings.
        group: name of the run and its group; None = from the domains.
        show: gets each domain's report as soon as it is there.

    Raises:
        DataError: samples cannot be used. The run ends FAILED, with all of them in ``validation/problems.csv``.
        MslError: a domain or the tracking server is not as it should be.
    """
    names = [name for name in (config.examined.source, config.examined.target) if name is not None]
    title = group or " ".join([_STAGE, *names])
    reporter = open_run(connect(), title, {schema.STAGE: _STAGE, schema.GROUP: title})
    with ending(reporter):
        checks, texts = [], []
        for role, domain in _domains(config):
            checks.append(look_at(role, domain))
            texts.append(_report(checks[-1]))
            show(texts[-1])
        _record(reporter, config, checks, texts)
        if unusable := [checked.headline() for checked in checks if checked.report.problems]:
            every = f"All are named in {schema.VALIDATION_FOLDER}/{schema.PROBLEMS_FILE} of run {reporter.run_id}."
            way_out = "Trainings refuse them, or with -P skip_bad=true go on without them."
            raise DataError("\n".join([*unusable, f"{every} {way_out}"]))
        return Outcome(reporter.run_id, {})


def _domains(config: ValidateConfig) -> list[tuple[str, Domain]]:
    """What a training would read of the splits: the target's training images without their labels."""
    examined, root = config.examined, config.files.data_root
    splits = examined.split.split(",")
    domains = list[tuple[str, Domain]]()
    label_set: str | LabelSet | None = examined.label_set
    if examined.source is not None:
        seen = [_opened_source(examined.source, root, label_set, split) for split in splits]
        domains += [(schema.SOURCE, domain) for domain in seen if domain is not None]
    label_set = domains[0][1].label_set if domains else label_set
    for split in splits if examined.target is not None else []:
        assert examined.target is not None
        if split == "train":
            domains.append((schema.TARGET, open_domain(examined.target, root, split, label_set, labelled=False)))
        elif (scored := scored_split(examined.target, root, label_set, split)) is not None:
            domains.append((schema.TARGET, scored))
    if not domains:
        raise ConfigError("source and target are none or unlabelled: nothing to check")
    return domains


def _opened_source(name: str, root: Path | None, label_set: str | LabelSet | None, split: str) -> Domain | None:
    """A split with its labels; None, with a notice, where the domain has none that is scored."""
    if split == "train":
        return open_domain(name, root, split, label_set)
    return scored_split(name, root, label_set, split)


def _record(reporter: MlflowReporter, config: ValidateConfig, checks: list[Checked], texts: list[str]) -> None:
    record = RunRecord(stage=_STAGE, settings=config.flat())
    describe(reporter, config.flat(), record, {}, [checked.input for checked in checks])
    reporter.text("\n\n".join(texts) + "\n", f"{schema.VALIDATION_FOLDER}/{schema.REPORT_FILE}")
    with workplace(reporter.run_id) as folder:
        reporter.file(write_problems(checks, folder / schema.PROBLEMS_FILE), schema.VALIDATION_FOLDER)


def _report(checked: Checked) -> str:
    """Counts, sizes and classes, and every problem by its kind, on a few lines."""
    report = checked.report
    headline = checked.headline() if report.problems else f"{checked.title}: {report.count} samples, all usable"
    facts = {"digest": report.digest, "sizes": _sizes(report.sizes)}
    if report.pixels:
        facts["pixels"] = _shares(report.pixels, checked.domain.label_set)
    lines = [headline, *(_fact(name, text) for name, text in facts.items())]
    lines += [_fact("note", note) for note in report.notes]
    for kind in {problem.kind: None for problem in report.problems}:
        lines += [f"  {kind}", *(f"    {line}" for line in report.named(_NAMED, kind))]
    return "\n".join(lines)


def _fact(name: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=f"  {name:8}", subsequent_indent=" " * 10)


def _sizes(sizes: Mapping[tuple[int, int], int]) -> str:
    ranked = sorted(sizes.items(), key=lambda item: -item[1])
    named = [f"{count} of {width}x{height}" for (width, height), count in ranked[:_SIZES]]
    rest = len(ranked) - _SIZES
    return ", ".join([*named, f"{rest} other sizes"] if rest > 0 else named)


def _shares(pixels: Mapping[int, int], label_set: LabelSet) -> str:
    total = sum(pixels.values())

    def shares() -> Iterator[str]:
        for train_id, name in [*enumerate(label_set.classes), (IGNORE, "ignored")]:
            yield f"{name} {100 * pixels.get(train_id, 0) / total:.2f} %"

    return ", ".join(shares())
