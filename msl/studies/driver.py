"""The driver of a study: it submits what is ready, looks what has ended, and lets the run store say what is done.

It may be killed at any moment. Its jobs go on; started again, it takes them over: what it submitted is in the study's
folder, and whether a run has finished is in the run store.
"""

import logging
import os
import sys
import time
from pathlib import Path

from msl import schema
from msl.console import confirmed
from msl.inputs.plan import duration
from msl.studies.course import Course
from msl.studies.executors import JobRequest
from msl.studies.folder import Submission
from msl.studies.graph import Graph, Node
from msl.studies.job import content
from msl.studies.states import (
    BLOCKED,
    CANCELLED,
    DONE,
    ELSEWHERE,
    FAILED,
    OVER,
    PRUNED,
    RUNNING,
    WAITING,
    Standing,
    identified,
    note_result,
    standing_of,
)
from msl.tracking import confirming
from msl.tracking.study_runs import SeenRun, give_up, runs_by_fingerprint, runs_in_study, runs_of_node, seen_run

log = logging.getLogger("msl")

_LOOK_ELSEWHERE_S = 10.0
_GUIDED_EVERY_S = 1.0
_TELL_EVERY_S = 60.0
_CANCEL_S = 15.0
_ANSWER_S = 15.0


class Driver:
    """Carries a graph out."""

    def __init__(self, graph: Graph, course: Course) -> None:
        """Look where every node stands; jobs of an earlier driver are taken over."""
        self._graph, self._course = graph, course
        self._executor, self._folder, self._client = course.executor, course.folder, course.client
        self.standings = identified(course.client, graph, course.identities)
        self._submissions = course.folder.submissions()
        self._looked = self._told = self._asked_guide = time.monotonic()
        self._adopt()

    def _adopt(self) -> None:
        """Jobs that an earlier driver submitted and whose nodes are not done: they run, or `_collect` judges them."""
        for node in self._graph:
            standing = self.standings[node.key]
            if standing.state == DONE:
                self._note_result(node, standing.run)
            elif node.key in self._submissions or self._folder.has_job(node.key):
                handle = self._submissions[node.key].handle if node.key in self._submissions else ""
                self._submissions[node.key] = Submission(handle=handle, attempts=0)  # each start of a study tries anew
                self.standings[node.key] = Standing(state=RUNNING)
        adopted = [key for key, standing in self.standings.items() if standing.state == RUNNING]
        if adopted:
            self._course.say(f"{len(adopted)} jobs of an earlier start of this study are taken over")

    def run(self) -> dict[str, Standing]:
        """Carry out every node; gives where each stands at the end.

        Raises:
            MslError: a job cannot be submitted, or a setting does not fit.
            KeyboardInterrupt: the jobs were ended.
        """
        try:
            with confirming(self._confirm_end):
                while self._add_more() or any(standing.state not in OVER for standing in self.standings.values()):
                    self._collect()
                    self._look_elsewhere()
                    self._guided()
                    self._submit()
                    self._tell()
                    time.sleep(self._executor.poll_s)
        except KeyboardInterrupt:
            self._cancel()
            raise
        return self.standings

    def _add_more(self) -> list[Node]:
        """Nodes that the guide adds."""
        nodes = [] if self._course.guide is None else list(self._course.guide.more(self.standings))
        for node in self._graph:
            if node.key not in self.standings:
                self._course.identities.identify(node)
                self._set(node, self._asked(node))
        return nodes

    def _guided(self) -> None:
        """End the runs that the guide gives up."""
        if self._course.guide is None or time.monotonic() - self._asked_guide < _GUIDED_EVERY_S:
            return
        self._asked_guide = time.monotonic()
        running = {
            run.tags.get(schema.STUDY_NODE, ""): run for run in runs_in_study(self._client, self._course.study_run)
        }
        living = {key: run for key, run in running.items() if self._state(key) == RUNNING}
        for key in self._course.guide.hopeless(living):
            self._executor.cancel([self._submissions[key].handle])
            self._set(self._graph[key], Standing(state=PRUNED, run=living[key], note="pruned"))

    def _state(self, key: str) -> str:
        return self.standings[key].state if key in self.standings else ""

    def _nodes(self, state: str) -> list[Node]:
        return [node for node in self._graph if self.standings[node.key].state == state]

    def _collect(self) -> None:
        """Judge the nodes whose jobs have ended."""
        running = self._nodes(RUNNING)
        handles = {node.key: self._submissions[node.key].handle for node in running}
        alive = self._executor.alive({handle for handle in handles.values() if handle})
        for node in running:
            handle = handles[node.key]
            if handle not in alive and not self._folder.has_job(node.key):
                self._judge(node)

    def _judge(self, node: Node) -> None:
        """The job of a node has ended: the run store says whether its run has finished."""
        runs = runs_of_node(self._client, self._course.study_run, node.key)
        attempts = self._submissions[node.key].attempts
        finished = next((run for run in runs if run.is_finished and (attempts > 0 or _fits(run, node))), None)
        alive = next((run for run in runs if run.is_alive), None)
        failure = self._folder.failure(node.key)
        if finished is not None:
            self._finish(node, finished)
        elif alive is not None:
            self._set(node, Standing(state=ELSEWHERE, run=alive, note=f"is trained by {alive.holder}"))
        elif attempts > self._course.retries or (attempts and failure and failure.is_lasting):
            note = f"its job ended {attempts} times without a finished run"
            if failure:
                note = failure.first_line if failure.is_lasting else f"{note}: {failure.first_line}"
            self._set(node, Standing(state=FAILED, run=runs[0] if runs else None, note=note))
        else:
            why = failure.first_line if failure else "its job was lost"
            self._say(node, f"{why}; start {attempts + 1} of {self._course.retries + 1} follows")
            self.standings[node.key] = Standing()

    def _finish(self, node: Node, run: SeenRun) -> None:
        if run.fingerprint and run.fingerprint != node.fingerprint:
            log.info("%s: its fingerprint is %s, not the planned one", self._graph.title(node), run.fingerprint)
            node.fingerprint = run.fingerprint
            node.forget_fingerprints_below()
        self._note_result(node, run)
        self._set(node, Standing(state=DONE, run=run, note=f"run {run.run_id[:8]}, {duration(run.seconds)}"))

    def _note_result(self, node: Node, run: SeenRun | None) -> None:
        """What others start from: the last checkpoint, or of a copy its path."""
        note_result(node, run)
        if node.result is None:
            self._course.identities.identify(node)

    def _look_elsewhere(self) -> None:
        """Runs that other processes train: they finish, or die and then run here."""
        if time.monotonic() - self._looked < _LOOK_ELSEWHERE_S:
            return
        self._looked = time.monotonic()
        for node in self._nodes(ELSEWHERE):
            run = self.standings[node.key].run
            assert run is not None
            newest = seen_run(self._client, run.run_id)
            if newest.is_finished:
                self._finish(node, newest)
            elif not newest.is_alive:
                self._say(node, f"run {run.run_id[:8]} has ended early elsewhere; it runs here")
                self.standings[node.key] = Standing()

    def _submit(self) -> None:
        """Submit what is ready, as long as there is room."""
        jobs: list[tuple[Node, JobRequest]] = []
        for node in self._nodes(WAITING):
            needs = [self.standings[need.key].state for need in node.needs.values()]
            if any(state in (FAILED, BLOCKED, PRUNED, CANCELLED) for state in needs):
                self._set(node, Standing(state=BLOCKED, note="what it needs has failed"))
            elif all(state == DONE for state in needs):
                job = self._job(node)
                if not self._executor.take_slot(job):
                    break
                if self._is_to_run(node):
                    jobs.append((node, job))
        if jobs:
            self._send(jobs)

    def _send(self, jobs: list[tuple[Node, JobRequest]]) -> None:
        for node, _ in jobs:
            self._folder.write_job(node.key, content(node.request, node.key, node.fingerprint, self._course.study_run))
        handles = self._executor.submit([job for _, job in jobs])
        for (node, _), handle in zip(jobs, handles, strict=True):
            before = self._submissions.get(node.key)
            self._submissions[node.key] = Submission(handle=handle, attempts=1 + (before.attempts if before else 0))
            self.standings[node.key] = Standing(state=RUNNING)
        self._folder.save_submissions(self._submissions)

    def _is_to_run(self, node: Node) -> bool:
        """Whether a node whose needs are met still has to run; by now, it may be done or run elsewhere."""
        if node.key in self._submissions:  # its own run goes on
            return True
        if node.fingerprint is None and node.result is None:
            self._course.identities.identify(node)
            if node.key in self._course.identities.missing:
                self._set(node, Standing(state=FAILED, note=self._course.identities.missing[node.key]))
                return False
        standing = self._asked(node)
        if standing.state == WAITING:
            return True
        if standing.state == DONE:
            self._note_result(node, standing.run)
        self._set(node, standing)
        return False

    def _asked(self, node: Node) -> Standing:
        """Where a node stands, asked of the store now."""
        runs = runs_by_fingerprint(self._client, [node.fingerprint]) if node.fingerprint else {}
        return standing_of(node, runs.get(node.fingerprint or "", []))

    def _job(self, node: Node) -> JobRequest:
        course = self._course
        paths = [str(course.code), *filter(None, [os.environ.get("PYTHONPATH")])]
        return JobRequest(
            name=f"msl-{self._folder.path.name}-{node.key}",
            command=[sys.executable, "-m", "msl.studies.job", str(self._folder.path), node.key],
            # Python would put the working directory first, and with it a checkout that somebody edits.
            environment={"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1", **_store()},
            folder=Path.cwd(),
            log=self._folder.log(node.key),
            needs=node.row.needs(course.needs),
        )

    def _set(self, node: Node, standing: Standing) -> None:
        """Note where a node stands, and say so."""
        self.standings[node.key] = standing
        if standing.state != WAITING:
            over = sum(other.state in OVER for other in self.standings.values())
            self._course.say(f"{over}/{len(self._graph)} {standing.state}: {self._graph.title(node)} ({standing.note})")

    def _say(self, node: Node, text: str) -> None:
        self._course.say(f"{self._graph.title(node)}: {text}")

    def _tell(self) -> None:
        """A line now and then for each run in progress."""
        if time.monotonic() - self._told < _TELL_EVERY_S:
            return
        self._told = time.monotonic()
        for run in runs_in_study(self._client, self._course.study_run):
            if run.is_alive:
                progress = run.tags.get(schema.PROGRESS, "no step yet")
                self._course.say(f"  {run.tags.get(schema.GROUP, run.run_id)}: {progress}")

    def _confirm_end(self) -> bool:
        """Whether a person who typed Ctrl-C wants the jobs to end."""
        count = len(self._nodes(RUNNING))
        question = f"End the study, and its {count} jobs, each with a checkpoint?"
        return not self._course.asks or confirmed(question, _ANSWER_S)

    def _cancel(self) -> None:
        """End the jobs, the last submitted first, and wait a moment for their checkpoints."""
        nodes = [node for node in self._graph if self.standings[node.key].state == RUNNING][::-1]
        handles = [handle for node in nodes if (handle := self._submissions[node.key].handle)]
        self._course.say(f"ending {len(handles)} jobs; the same command continues the study")
        self._executor.cancel(handles)
        until = time.monotonic() + _CANCEL_S
        while self._executor.alive(handles) and time.monotonic() < until:
            time.sleep(0.1)
        for node in nodes:
            self.standings[node.key] = Standing(state=CANCELLED)
            for run in runs_of_node(self._client, self._course.study_run, node.key):
                if run.status == schema.RUNNING and not run.is_alive:  # its process ended before it could say so
                    give_up(self._client, run.run_id, "its study was stopped")


def _fits(run: SeenRun, node: Node) -> bool:
    """Whether a run of an earlier start of the study is of the present code and data, as far as that is known."""
    return not run.fingerprint or node.fingerprint in (None, run.fingerprint)


def _store() -> dict[str, str]:
    """The store and the experiment, by name: the run of `mlflow run` is the parent's alone."""
    return {name: os.environ[name] for name in ("MLFLOW_TRACKING_URI",) if name in os.environ}
