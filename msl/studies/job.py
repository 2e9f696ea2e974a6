"""``python -m msl.studies.job FOLDER KEY``: the run of one node, begun or resumed; every executor starts this command.

It can be started any number of times: while a job of the node is at work, or after its run has finished, another one
does nothing.
"""

import logging
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msl import schema
from msl.console import guarded, masked, reason, set_up
from msl.errors import DivergedError, MslError
from msl.studies.folder import Failure, StudyFolder

log = logging.getLogger("msl")

BUSY = 75  # exit code (EX_TEMPFAIL of sysexits.h): another job of the node is at work, or the run is not recorded yet


def content(request: Any, key: str, fingerprint: str | None, study_run: str) -> dict[str, Any]:
    """What a job needs to know, in values that JSON gives back as they are."""
    return {
        "key": key,
        "fingerprint": fingerprint,
        "study_run": study_run,
        "request": {
            "stage": request.stage,
            "recipe": request.recipe,
            "base": request.base.model_dump(mode="json"),
            "overrides": dict(request.overrides),
        },
    }


def work(folder: StudyFolder, key: str) -> int:
    """Carry out the run of a node; gives the exit code.

    Raises:
        MslError: the run fails.
    """
    with folder.job(key) as is_ours:
        if not is_ours:
            log.warning("another job of %s is at work", key)
            return BUSY
        folder.forget_failure(key)
        try:
            return _work(folder.read_job(key))
        except Exception as error:
            _write_failure(folder, key, error)
            raise


def _write_failure(folder: StudyFolder, key: str, error: Exception) -> None:
    """Tell the driver why the run failed; on a full disk the job's log has to do."""
    text = masked(str(error)) if isinstance(error, MslError) else reason(error)
    with suppress(MslError, OSError):
        # With the same seed a loss diverges again. Of all others some pass: the disk was full, the card was taken.
        folder.write_failure(key, Failure(text=text, is_lasting=isinstance(error, DivergedError)))


def _work(job: Mapping[str, Any]) -> int:
    from msl.inputs.early import check_request  # these load torch and MLflow
    from msl.recipes import Recipe, Request
    from msl.runs import run
    from msl.tracking import connect
    from msl.tracking.study_runs import wait_until_free, wait_until_recorded

    client = connect()
    base = Recipe.model_validate(job["request"]["base"])
    resumed = _unfinished(client, job)
    if resumed == _FINISHED:
        return 0
    if resumed is not None:
        wait_until_free(client, resumed)
        request = Request.of(stage=job["request"]["stage"], recipe=job["request"]["recipe"], base=base, resume=resumed)
    else:
        request = Request.of(**job["request"] | {"base": base})
        check_request(request)
        os.environ[schema.STUDY_PLACE] = f"{job['study_run']}/{job['key']}"
    outcome = run(request)
    return 0 if wait_until_recorded(client, outcome.run_id) else BUSY


_FINISHED = "finished"  # in place of a run's ID


def _unfinished(client: Any, job: Mapping[str, Any]) -> str | None:
    """ID of the node's run that goes on; `_FINISHED` if one has finished, None if a new one begins."""
    from msl.runs.requests import saved_request
    from msl.runs.resume import is_described
    from msl.runs.supplies import find_stage
    from msl.stages.stage import TrainingStage
    from msl.tracking.study_runs import give_up, runs_of_node

    runs = runs_of_node(client, job["study_run"], job["key"])
    if any(run.is_finished and job["fingerprint"] in (None, run.fingerprint) for run in runs):
        return _FINISHED
    trains = isinstance(find_stage(job["request"]["stage"]), TrainingStage)
    for run in runs:
        is_same = not run.fingerprint or job["fingerprint"] in (None, run.fingerprint)
        if trains and is_same and (saved_request(run.run_id) or is_described(client, run.run_id)):
            return run.run_id
        give_up(client, run.run_id, "its job ended early, and another run of the study takes its place")
    return None


def main() -> None:
    """Work for the folder and the key on the command line."""
    with guarded():
        set_up(None)
        try:
            code = work(StudyFolder(Path(sys.argv[1])), sys.argv[2])
        except MslError as error:
            log.error("Error: %s", masked(str(error)))
            code = 1
        sys.exit(code)


if __name__ == "__main__":
    main()
