"""A study from its plan to its report: one parent run, with the runs of the study below it."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from msl import schema
from msl.config import ExecutorConfig, StudyConfig
from msl.config.catalog import EXECUTORS
from msl.errors import TrainingError
from msl.studies.course import Course, Guide
from msl.studies.declaration import Study
from msl.studies.driver import Driver
from msl.studies.early import check_weights
from msl.studies.estimate import Estimates
from msl.studies.executors import Executor, ExecutorOptions, Needs
from msl.studies.folder import StudyFolder
from msl.studies.graph import Graph, Node
from msl.studies.identity import Identities
from msl.studies.outcome import failures, table
from msl.studies.plan_tree import plan_tree
from msl.studies.source_copy import frozen_copy, go_on_with_its_code
from msl.studies.states import DONE, WAITING, Standing, identified
from msl.tracking import Client, MlflowReporter, connect, ending
from msl.tracking.code_state import CodeState
from msl.tracking.connection import missing_store
from msl.tracking.runs import code_tags
from msl.tracking.study_runs import find_study_run, open_study_run

log = logging.getLogger("msl")

Report = Callable[[MlflowReporter, Path], None]  # files are written into a folder that is removed afterwards
_FOLDER = "study"  # of the parent run's artifacts


def plan_text(study: Study, config: ExecutorConfig) -> Iterator[str]:
    """What a study would do, as a tree; nothing is made, not even a run store.

    Raises:
        MslError: a setting or a start does not fit.
    """
    client = None if missing_store() is not None else connect()
    graph, identities = Graph.of(study), Identities(client)
    known = identified(client, graph, identities)
    yield f"study {study.name}"
    yield from _tree(graph, identities, known, _slots(graph, config, executor_of(config)))


def executor_of(config: ExecutorConfig) -> Executor:
    """The executor that was chosen; raises a ConfigError if this machine lacks what it needs."""
    options = ExecutorOptions(
        slots=config.slots, partition=config.partition, time_limit=config.time_limit, address=config.address
    )
    executor: Executor = EXECUTORS.load(config.executor)(options)
    return executor


def conduct(study: Study, config: StudyConfig, say: Callable[[str], None], report: Report | None) -> str:
    """Carry a study out, or go on with it; gives the ID of its parent run.

    Args:
        study: what to run.
        config: where to run it.
        say: prints a line of progress.
        report: writes the report into the parent run; None = no report.

    Raises:
        MslError: a setting does not fit, another process drives the study, or runs have failed: the rest is done.
    """
    go_on_if_interrupted(study.name, config, say)
    return carry_out(study.name, Graph.of(study), config, say, report)


def go_on_if_interrupted(name: str, config: ExecutorConfig, say: Callable[[str], None]) -> None:
    """Go on with the code of an interrupted study, which may be another than this: then the command starts again."""
    folder = StudyFolder.of(name, config.study_folder)
    if folder.code.is_dir() and find_study_run(connect(), name) is not None:
        go_on_with_its_code(folder.code, lambda text: say(f"study {name}: {text}"))


def carry_out(
    name: str,
    graph: Graph,
    config: ExecutorConfig,
    say: Callable[[str], None],
    report: Report | None,
    guided: Callable[[Client, Path, int], Guide] | None = None,
) -> str:
    """As `conduct`, with a graph that exists already; a guide may add to it.

    Args:
        name: of the study.
        graph: its nodes.
        config: where to run it.
        say: prints a line of progress.
        report: as for `conduct`.
        guided: makes the guide from the store, the study's folder, and the jobs at a time.
    """
    folder, executor = StudyFolder.of(name, config.study_folder), executor_of(config)
    with folder.driving():
        client = connect()
        identities = Identities(client)
        known = identified(client, graph, identities)
        waiting = [node for node in graph if known[node.key].state == WAITING]
        check_weights(waiting)
        for needs in _needs(waiting, config):
            executor.check(needs)
        code = CodeState.now()
        copy = frozen_copy(folder.code, code)
        unfinished = find_study_run(client, name)
        if unfinished is None:
            folder.forget_submissions()
        reporter = open_study_run(client, name, None if unfinished is None else unfinished.run_id)
        with ending(reporter):
            say(f"study {name}: run {reporter.run_id}, logs in {folder.path / 'jobs'}")
            slots = _slots(graph, config, executor)
            _describe(reporter, code, _tree(graph, identities, known, slots))
            course = Course(
                client=client,
                identities=identities,
                executor=executor,
                folder=folder,
                study_run=reporter.run_id,
                code=copy,
                needs=config.needs(),
                retries=config.retries,
                say=say,
                asks=not reporter.is_started_by_mlflow,
                guide=None if guided is None else guided(client, folder.path, slots),
            )
            ends = Driver(graph, course).run()
            _conclude(graph, ends, folder, reporter, say, report)
    return reporter.run_id


def _describe(reporter: MlflowReporter, code: CodeState, tree: Iterator[str]) -> None:
    """The plan and the code, as they are at this start."""
    reporter.tags(code_tags(code))
    reporter.text("\n".join(tree) + "\n", f"{_FOLDER}/plan.txt")
    if code.diff:
        reporter.text(code.diff, f"{schema.CODE_FOLDER}/{schema.DIFF_FILE}")


def _slots(graph: Graph, config: ExecutorConfig, executor: Executor) -> int:
    """Jobs at a time, by what they need."""
    return executor.slots(_needs(graph, config))


def _needs(nodes: Iterable[Node], config: ExecutorConfig) -> set[Needs]:
    """What jobs need; where there are none yet, what those of a sweep will."""
    return {node.row.needs(config.needs()) for node in nodes} or {Needs()._replace(**config.needs())}


def _tree(graph: Graph, identities: Identities, known: Mapping[str, Standing], slots: int) -> Iterator[str]:
    return plan_tree(graph, known, Estimates(), identities.missing, slots)


def _conclude(
    graph: Graph,
    ends: Mapping[str, Standing],
    folder: StudyFolder,
    reporter: MlflowReporter,
    say: Callable[[str], None],
    report: Report | None,
) -> None:
    """The table, the report and what has failed."""
    lines = list(table(graph, ends))
    for line in lines:
        say("  ".join(f"{cell:<{width}}" for cell, width in zip(line, _widths(lines), strict=True)).rstrip())
    reporter.text("\n".join(",".join(f'"{cell}"' for cell in line) for line in lines) + "\n", f"{_FOLDER}/table.csv")
    if report is not None and any(end.state == DONE for end in ends.values()):
        with TemporaryDirectory() as temporary:
            report(reporter, Path(temporary))
    failed = list(failures(graph, ends, folder))
    if failed:
        reporter.text("\n\n".join(failed) + "\n", f"{_FOLDER}/failures.txt")
        raise TrainingError(
            f"{len(failed)} of {len(graph)} runs are missing; the same command tries them again. {failed[0]}"
        )


def _widths(lines: list[tuple[str, ...]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]
