"""The plan of a study as a tree: what is done, what is under way, and how long the rest will take."""

from collections.abc import Iterator, Mapping

from msl.inputs.plan import duration
from msl.studies.estimate import Estimates
from msl.studies.graph import Graph, Node
from msl.studies.states import DONE, ELSEWHERE, Standing

_MARKS = {DONE: "✓", ELSEWHERE: "…"}
_OPEN = "·"


def plan_tree(
    graph: Graph, standings: Mapping[str, Standing], estimates: Estimates, missing: Mapping[str, str], slots: int
) -> Iterator[str]:
    """The lines.

    Args:
        graph: of the study.
        standings: of its nodes, by key.
        estimates: of the times.
        missing: why a node cannot be identified, by key.
        slots: jobs at a time.
    """
    todo = [node for node in graph if standings[node.key].state not in _MARKS]
    done = sum(standing.state == DONE for standing in standings.values())
    seconds = estimates.total_s(todo, slots)
    time_text = (
        "not estimated: no finished run is like some of them"
        if seconds is None
        else f"about {duration(seconds)} of steps"
    )
    yield f"{len(graph)} runs: {done} done, {len(todo)} to do; {time_text}, {slots} at a time"
    shown: set[Node] = set()
    for root in graph.roots():
        yield from _branch(graph, root, "", "", standings, estimates, missing, shown)


def _branch(
    graph: Graph,
    node: Node,
    mark: str,
    indent: str,
    standings: Mapping[str, Standing],
    estimates: Estimates,
    missing: Mapping[str, str],
    shown: set[Node],
) -> Iterator[str]:
    """A node and those that start from it; one that starts from several is shown once, below the last of them."""
    shown.add(node)
    standing = standings[node.key]
    yield f"{mark}{_MARKS.get(standing.state, _OPEN)} {graph.title(node)}  {_note(node, standing, estimates, missing)}"
    children = [child for child in node.children if shown.issuperset(child.needs.values())]
    for child in children:
        is_last = child is children[-1]
        yield from _branch(
            graph,
            child,
            indent + ("└─ " if is_last else "├─ "),
            indent + ("   " if is_last else "│  "),
            standings,
            estimates,
            missing,
            shown,
        )


def _note(node: Node, standing: Standing, estimates: Estimates, missing: Mapping[str, str]) -> str:
    if standing.state in _MARKS:
        return standing.note
    seconds = estimates.seconds(node)
    time_text = "" if seconds is None else f"about {duration(seconds)}"
    return "; ".join(filter(None, [time_text, missing.get(node.key, "")]))
