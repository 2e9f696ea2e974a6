"""The evaluate stage: a checkpoint scored on its own domains, or on others."""

import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from msl import schema
from msl.checkpoints.checkpoint import Saved, load_network, read
from msl.config import EvaluateConfig, EvaluationConfig, parse_size
from msl.errors import ConfigError
from msl.labels import find_label_set
from msl.models import SegmentationNetwork
from msl.models.devices import place, prepare
from msl.scoring.evaluation import Result, Scored
from msl.scoring.evaluation import evaluate as score
from msl.scoring.exports import LabelFiles
from msl.scoring.panels import panel
from msl.scoring.tables import write_tables
from msl.stages.hygiene import Checked, check, record_skipped
from msl.stages.inputs import data_root, to_score, validation
from msl.stages.runs import Outcome
from msl.tracking import MlflowReporter, connect, describe, ending, find_checkpoint, open_run, workplace


def evaluate(config: EvaluateConfig, group: str | None = None) -> Outcome:
    """Score a checkpoint and record scores, tables and panels as a run of its own.

    Args:
        config: settings.
        group: name of runs that differ by seed only; None = made from the checkpoint's own group.

    Raises:
        MslError: the checkpoint, a domain or the tracking server is not as it should be.
    """
    reporter = open_run(connect(), f"evaluate {config.scored.checkpoint}", {schema.STAGE: "evaluate"})
    with ending(reporter), workplace(reporter.run_id) as folder:
        path, run_id = find_checkpoint(config.scored.checkpoint, folder / "start")
        saved = read(path)
        asked = _domains(config, saved)
        files = _label_files(config, asked)
        domains, checks = _checked(asked, config.runtime.skip_bad)
        name = group or _group_name(config, saved)
        seed = saved["settings"].get(schema.SEED)  # the authors' files do not tell theirs
        reporter.rename(f"{name} seed={seed}")
        record = {"stage": "evaluate", "settings": config.flat(), "classes": saved["classes"]}
        tags = {schema.GROUP: name, schema.PARENT: run_id or config.scored.checkpoint}
        if config.scored.export is not None:
            tags[schema.PREDICTIONS] = f"{platform.node()}:{config.scored.export.absolute()}"
        settings = config.flat() | {schema.SEED: seed}
        describe(reporter, settings, record, tags, [checked.input for checked in checks])
        record_skipped(reporter, checks, folder)

        model = load_network(saved, path)
        place(model, prepare(config.runtime))
        result = Result(saved["step"], {d.role: score(model, d, keep=files.get(d.role)) for d in domains})
        metrics = result.metrics(find_label_set(saved["label_set"]))
        reporter.metrics(metrics, result.step)
        _report(reporter, model, domains, result, config.evaluation.panels, folder)
        return Outcome(reporter.run_id, metrics)


def _group_name(config: EvaluateConfig, saved: Saved) -> str:
    """The checkpoint's own group, and how it is scored where that is not as usual."""
    own, plain = config.flat(), EvaluationConfig().model_dump(mode="json")
    unusual = [f"{name}={own[name]}" for name in config.scoring if own[name] != plain[name]]
    return " ".join(["evaluate", saved["group"], *unusual])


def _label_files(config: EvaluateConfig, domains: Sequence[Scored]) -> dict[str, LabelFiles]:
    """Where the predictions go, by role; made before anything costly, so that a folder that cannot be is refused."""
    folder = config.scored.export
    return {} if folder is None else {d.role: LabelFiles(folder / d.role, d.domain.label_set) for d in domains}


def _domains(config: EvaluateConfig, saved: Saved) -> list[Scored]:
    """What to score and at which size: as asked for, or else as the checkpoint was trained."""
    trained, asked = saved["settings"], config.scored
    if not trained and (asked.crop_size is None or "trained" in (asked.source, asked.target)):
        raise ConfigError(
            f"{config.scored.checkpoint} does not say what it was trained on: pass crop_size, source and target "
            f"(a domain, or none). Its classes are {saved['label_set']}'s."
        )
    source_size = asked.crop_size or parse_size(trained["crop_size"])
    as_trained = parse_size(trained.get("target_crop_size") or f"{source_size[0]},{source_size[1]}")
    target_size = asked.target_crop_size or asked.crop_size or as_trained
    names = {schema.SOURCE: (asked.source, source_size), schema.TARGET: (asked.target, target_size)}
    root = data_root(config.runtime)
    domains = []
    for role, (name, size) in names.items():
        wanted = trained[role] if name == "trained" else name
        domain = None if wanted is None else validation(wanted, root, saved["label_set"], asked.split)
        if domain is not None:
            domains.append(to_score(role, domain, size, config))
    if not domains:
        raise ConfigError("source and target are none or unlabelled: nothing to score")
    return domains


def _checked(domains: Sequence[Scored], skip_bad: bool) -> tuple[list[Scored], list[Checked]]:
    checks = [check(scored.role, scored.domain, skip_bad) for scored in domains]
    usable = [replace(scored, domain=checked.domain) for scored, checked in zip(domains, checks, strict=True)]
    return usable, checks


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
        sheet = folder / f"{scored.role}_{result.step:06d}.png"
        panel(model, scored, panels).save(sheet)
        reporter.file(sheet, schema.PANEL_FOLDER)
