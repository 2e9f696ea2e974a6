"""What a study has brought: a table with a row a run, and the logs of what has failed."""

from collections.abc import Iterator, Mapping

from msl import schema
from msl.studies.folder import StudyFolder
from msl.studies.graph import Graph, Node
from msl.studies.states import BLOCKED, DONE, PRUNED, Standing

_HEADER = ("state", "group", "seed", "run", "minutes", "source mIoU", "target mIoU")
_SCORES = tuple(schema.final(schema.LAST, schema.score(domain, schema.MIOU)) for domain in schema.DOMAINS)


def table(graph: Graph, ends: Mapping[str, Standing]) -> Iterator[tuple[str, ...]]:
    """A header, and a row for each node in the order of the plan."""
    yield _HEADER
    for node in graph:
        yield _row(node, ends[node.key])


def _row(node: Node, end: Standing) -> tuple[str, ...]:
    seed = str(node.request.settings.flat().get("seed", ""))
    if end.run is None:
        return (end.state, node.group, seed, "", "", "", "")
    scores = [end.run.metrics.get(name) for name in _SCORES]
    texts = ["" if score is None else f"{score:.2f}" for score in scores]
    return (end.state, node.group, seed, end.run.run_id, f"{end.run.seconds / 60:.1f}", *texts)


def failures(graph: Graph, ends: Mapping[str, Standing], folder: StudyFolder) -> Iterator[str]:
    """For each node that has not ended well: its name, why, and the end of its log."""
    for node in graph:
        end = ends[node.key]
        if end.state == BLOCKED:
            yield f"{graph.title(node)}: {end.note}"
        elif end.state not in (DONE, PRUNED):
            name, note = graph.title(node), end.note.rstrip(".")
            yield f"{name}: {note}. The end of {folder.log(node.key)}:\n{folder.log_tail(node.key)}"
