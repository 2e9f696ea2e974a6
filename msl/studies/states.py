"""Where each node of a study stands, as far as the run store knows it."""

from collections.abc import Iterable
from dataclasses import dataclass

from msl.runs.starts import last_checkpoint_of
from msl.studies.graph import Graph, Node
from msl.studies.identity import Identities
from msl.tracking import Client
from msl.tracking.study_runs import SeenRun, runs_by_fingerprint

WAITING = "waiting"  # for what it needs, or for a slot
RUNNING = "running"  # as a job of this study
ELSEWHERE = "running elsewhere"
DONE = "done"
FAILED = "failed"
BLOCKED = "blocked"  # what it needs has failed
PRUNED = "pruned"  # a sweep has ended it early
CANCELLED = "cancelled"
OVER = (DONE, FAILED, BLOCKED, PRUNED, CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The state of a node, and the run that counts."""

    state: str = WAITING
    run: SeenRun | None = None
    note: str = ""


def standings(client: Client | None, graph: Graph) -> dict[str, Standing]:
    """Where every node stands, by key: one question to the store for all. Without a store, nothing is done."""
    fingerprints = {node.fingerprint for node in graph if node.fingerprint is not None}
    runs = {} if client is None else runs_by_fingerprint(client, fingerprints)
    return {node.key: standing_of(node, runs.get(node.fingerprint or "", [])) for node in graph}


def identified(client: Client | None, graph: Graph, identities: Identities) -> dict[str, Standing]:
    """Identify every node, also copies whose decoder is trained and what starts from them; gives `standings`.

    Raises:
        MslError: as `Identities.identify` does.
    """
    identities.identify_all(graph)
    known = standings(client, graph)
    while decoders := [node for node in graph if _is_news(node, known[node.key])]:
        for node in decoders:
            note_result(node, known[node.key].run)
        identities.identify_all(graph)
        known = standings(client, graph)
    return known


def note_result(node: Node, run: SeenRun | None) -> None:
    """What others start from: the last checkpoint of a training's run."""
    if run is not None and run.fingerprint:
        node.result = last_checkpoint_of(run.run_id)


def _is_news(node: Node, standing: Standing) -> bool:
    """Whether a copy waits for the result of a run, and the run has finished."""
    waits = any(child.fingerprint is None and child.result is None for child in node.children)
    return waits and node.result is None and standing.run is not None and bool(standing.run.fingerprint)


def standing_of(node: Node, runs: Iterable[SeenRun]) -> Standing:
    """Where a node stands.

    Args:
        node: the node.
        runs: those with its fingerprint, the newest first.
    """
    all_runs = list(runs)
    finished = next((run for run in all_runs if run.is_finished), None)
    if finished is not None:
        return Standing(state=DONE, run=finished, note=f"done: run {finished.run_id[:8]}{_scored(node, finished)}")
    if node.result is not None:
        return Standing(state=DONE, note=f"done: {node.result}")
    alive = next((run for run in all_runs if run.is_alive), None)
    if alive is not None:
        return Standing(state=ELSEWHERE, run=alive, note=f"run {alive.run_id[:8]} is trained by {alive.holder}")
    return Standing()


def _scored(node: Node, run: SeenRun) -> str:
    """Where the scores of a run are not those that the node asks for; its weights are the same."""
    wanted = node.request.settings.scored_with()
    known = {name: run.settings[name] for name in wanted if name in run.settings}
    differing = [f"{name}={text}, not {wanted[name]}" for name, text in known.items() if text != str(wanted[name])]
    return f"; it was scored with {'; '.join(differing)}" if differing else ""
