"""The evaluate stage: scores a checkpoint on its own domains, or on other domains."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msl import schema
from msl.checkpoints import Checkpoint, load_network, refuse_other_classes
from msl.config import EvaluateConfig, EvaluationConfig, parse_size
from msl.data.titles import domain_title
from msl.errors import ConfigError, MslError
from msl.inputs.checks import Checked, check, record_skipped
from msl.inputs.domains import open_scored_split, to_score
from msl.inputs.networks import Origin, find_network
from msl.inputs.prepared import scored_images
from msl.inputs.unlabelled import Unlabelled, for_criteria, for_statistics, open_for_criteria, open_for_statistics
from msl.labels import LabelSet, are_numbered
from msl.models import SegmentationNetwork
from msl.models.devices import prepare, to_device
from msl.models.precision import chosen_precision, usable_precision
from msl.recipes.group_name import join_words
from msl.scoring.criteria import criteria
from msl.scoring.evaluation import Scored
from msl.scoring.evaluation import evaluate as score
from msl.scoring.exports import LabelFiles
from msl.scoring.panels import panel
from msl.scoring.recalibration import reestimate
from msl.scoring.scores import Result
from msl.scoring.tables import write_tables
from msl.stages.stage import Outcome
from msl.tracking import MlflowReporter, RunRecord, connect, describe, ending, open_run, run_folder

_PRECISION = "precision"  # the setting, of a training too


def evaluate(config: EvaluateConfig, group: str | None = None) -> Outcome:
    """Score a checkpoint, and record scores, tables and panels as a run.

    Args:
        config: settings.
        group: name of the runs that differ only by seed; None = made from the checkpoint's group.

    Raises:
        MslError: the checkpoint, a domain or the tracking server cannot be used; a run is opened only when it can.
    """
    client = connect()
    with TemporaryDirectory() as download:  # before a run is opened: a mistake costs none
        origin = find_network(client, config.scored.checkpoint, Path(download), config.file, config.runtime.data_root)
    checkpoint, trained = origin.checkpoint, origin.checkpoint.about.settings
    if config.evaluation.recalibrate is None:
        origin.mention_recalibration("These are scored here; `-P recalibrate={}` scores with the others.")
    label_set, device = _label_set(config, origin), prepare(config.runtime)
    domains = _open_domains(config, checkpoint, label_set)
    precision = _precision(config, trained)
    reporter = open_run(client, f"evaluate {config.scored.checkpoint}", {schema.STAGE: "evaluate"})
    with ending(reporter), run_folder(reporter.run_id) as folder:
        files = _label_files(config, domains)
        domains, checks = _check_domains(domains, config.runtime.skip_bad)
        unlabelled = _open_unlabelled(config, checkpoint, label_set, checks)
        checks += unlabelled.checks
        domains = scored_images(domains, checks, config.runtime)
        name = group or _group_name(config, checkpoint)
        seed = trained.get(schema.SEED)  # the authors' files do not have it
        reporter.rename(f"{name} seed={seed}")
        record = RunRecord(stage="evaluate", settings=config.flat(), classes=label_set.classes)
        tags = {schema.GROUP: name, schema.PARENT: origin.parent}
        if config.scored.export is not None:
            tags[schema.PREDICTIONS] = f"{platform.node()}:{config.scored.export.absolute()}"
        settings = config.flat() | {schema.SEED: seed, _PRECISION: precision}
        describe(reporter, settings, record, tags, [checked.input for checked in checks])
        record_skipped(reporter, checks, folder)

        kind = usable_precision(precision, device)
        model = to_device(load_network(checkpoint, origin.reference), device, kind)
        if unlabelled.recalibration is not None:
            reestimate(model, unlabelled.recalibration)
        scores = {d.role: score(model, d, kind, files.get(d.role)) for d in domains}
        values = {} if unlabelled.criteria is None else criteria(model, unlabelled.criteria)
        result = Result(checkpoint.step, scores, values)
        metrics = result.metrics(label_set)
        reporter.metrics(metrics, result.step)
        _report(reporter, model, domains, result, config.evaluation.panels, folder)
        return Outcome(reporter.run_id, metrics)


def _precision(config: EvaluateConfig, trained: Mapping[str, Any]) -> str:
    """The precision that the settings name, as far as this machine has it."""
    name = config.scored.precision
    return chosen_precision(trained.get(_PRECISION, "float32") if name == "trained" else name, config.runtime)


def _label_set(config: EvaluateConfig, origin: Origin) -> LabelSet:
    """The classes that the network predicts; those of the data, if the file of another program does not name them.

    Raises:
        CheckpointError: the data has another number of classes.
    """
    scored = config.scored
    if are_numbered(origin.about.classes):
        for name in (scored.target, scored.source):
            if name not in (None, "trained") and (domain := open_scored_split(name, config.runtime.data_root, None)):
                refuse_other_classes(origin.about, origin.reference, domain.label_set.classes)
                return domain.label_set
    return origin.about.labels


def _group_name(config: EvaluateConfig, checkpoint: Checkpoint) -> str:
    """The checkpoint's group, the domains that are not those of its training, and scoring that is not the default."""
    settings, defaults = config.flat(), EvaluationConfig().model_dump(mode="json")
    changes = [f"{name}={settings[name]}" for name in config.scoring if settings[name] != defaults[name]]
    return join_words(
        ["evaluate", checkpoint.about.group, *_other_domains(config, checkpoint.about.settings), *changes]
    )


def _other_domains(config: EvaluateConfig, trained: Mapping[str, Any]) -> Iterator[str]:
    for role, name in ((schema.SOURCE, config.scored.source), (schema.TARGET, config.scored.target)):
        if name not in (None, "trained") and (title := domain_title(name)) != _title_in_training(trained.get(role)):
            yield f"{role}={title}"


def _title_in_training(name: str | None) -> str | None:
    """The title of a domain of the training, if its file is still there."""
    with suppress(MslError):
        return None if name is None else domain_title(name)
    return None


def _label_files(config: EvaluateConfig, domains: Sequence[Scored]) -> dict[str, LabelFiles]:
    """The folders for the predictions, by role. They are made early, so that an error is not found after long work."""
    folder = config.scored.export
    return {} if folder is None else {d.role: LabelFiles(folder / d.role, d.domain.label_set) for d in domains}


def _names_and_sizes(
    config: EvaluateConfig, checkpoint: Checkpoint, label_set: LabelSet
) -> dict[str, tuple[str | None, tuple[int, int]]]:
    """Name and size of each domain, by role: from the settings, or else from the checkpoint's training."""
    trained, scored = checkpoint.about.settings, config.scored
    if not trained and (scored.crop_size is None or "trained" in (scored.source, scored.target)):
        raise ConfigError(
            f"{scored.checkpoint} does not say what it was trained on: pass crop_size, source and target "
            f"(a domain, or none). Its classes are {label_set.name}'s."
        )
    source_size = scored.crop_size or parse_size(trained["crop_size"])
    as_trained = parse_size(trained.get("target_crop_size") or f"{source_size[0]},{source_size[1]}")
    target_size = scored.target_crop_size or scored.crop_size or as_trained
    names = {schema.SOURCE: (scored.source, source_size), schema.TARGET: (scored.target, target_size)}
    return {role: (trained[role] if name == "trained" else name, size) for role, (name, size) in names.items()}


def _open_domains(config: EvaluateConfig, checkpoint: Checkpoint, label_set: LabelSet) -> list[Scored]:
    """The domains to score."""
    root, split = config.runtime.data_root, config.scored.split
    domains = []
    for role, (name, size) in _names_and_sizes(config, checkpoint, label_set).items():
        if role == schema.TARGET and not config.evaluation.target_labels:
            continue
        if name is not None and (domain := open_scored_split(name, root, label_set, split)) is not None:
            domains.append(to_score(role, domain, size, config))
    if not domains:
        raise ConfigError("there is nothing to score: no domain has labels. -e predict is for images without labels.")
    return domains


def _check_domains(domains: Sequence[Scored], skip_bad: bool) -> tuple[list[Scored], list[Checked]]:
    checks = [check(scored.role, scored.domain, skip_bad) for scored in domains]
    usable = [replace(scored, domain=checked.domain) for scored, checked in zip(domains, checks, strict=True)]
    return usable, checks


def _open_unlabelled(
    config: EvaluateConfig, checkpoint: Checkpoint, label_set: LabelSet, scored: Sequence[Checked]
) -> Unlabelled:
    """The target's images for criteria and statistics.

    Raises:
        ConfigError: statistics shall be estimated, and there is no target.
    """
    name, size = _names_and_sizes(config, checkpoint, label_set)[schema.TARGET]
    seen = next((checked for checked in scored if checked.role == schema.TARGET), None)
    further = None if seen is not None else open_for_criteria(config, name, label_set, config.scored.split)
    statistics = open_for_statistics(config, name, label_set)
    checks = tuple(checked for checked in (further, statistics) if checked is not None)
    return Unlabelled(for_criteria(seen or further, size, config), for_statistics(statistics, size, config), checks)


def _report(
    reporter: MlflowReporter,
    model: SegmentationNetwork,
    domains: Sequence[Scored],
    result: Result,
    panels: int,
    folder: Path,
) -> None:
    label_set = domains[0].domain.label_set
    for table in write_tables({"evaluated": result}, label_set, folder):
        reporter.file(table, schema.EVALUATION_FOLDER)
    for scored in domains if panels else []:
        for file in panel(model, scored, panels).save(folder, scored.role, result.step):
            reporter.file(file, schema.PANEL_FOLDER)
