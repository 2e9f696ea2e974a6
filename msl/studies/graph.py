"""A study as a graph: a node for each result, and edges from what it needs. What several rows share is one node."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any

from msl import schema
from msl.data.titles import domain_title
from msl.errors import ConfigError
from msl.recipes import Request
from msl.runs.supplies import find_stage
from msl.studies.declaration import Row, Study

_KEY_DIGITS = 12


@dataclass(eq=False, kw_only=True)
class Node:
    """A result of a stage, and the run that makes it."""

    key: str  # digest of the settings that decide the result, and of the keys of what it needs
    request: Request
    group: str
    row: Row  # that declares it, or the first one that needs it: for the cores, memory and cards of its job
    needs: Mapping[str, "Node"]  # by setting; without what the settings name
    fingerprint: str | None = None  # None as long as its data does not exist, and of a stage that does not train
    result: str | None = None  # what others start from: path of a copy, or reference of a checkpoint
    children: "list[Node]" = field(default_factory=list)

    def forget_fingerprints_below(self) -> None:
        """What starts from this node has another fingerprint than was thought."""
        for child in self.children:
            if child.fingerprint is not None:
                child.fingerprint = None
                child.forget_fingerprints_below()


class Graph:
    """The nodes of a study, each behind what it needs."""

    def __init__(self) -> None:
        """An empty graph."""
        self._nodes: dict[str, Node] = {}
        self._domain_title = cache(domain_title)  # it reads a file
        self._names: Mapping[str, str] = {}  # empty until they are needed
        self.declared: list[Node] = []  # those that rows name; others are only needed

    @classmethod
    def of(cls, study: Study) -> "Graph":
        """The graph of a study; raises as `Study.wanted` and `add` do."""
        graph = cls()
        for wanted in study.wanted():
            graph.add(wanted.request, wanted.row)
        return graph

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    def __len__(self) -> int:
        return len(self._nodes)

    def __getitem__(self, key: str) -> Node:
        return self._nodes[key]

    @property
    def names(self) -> Mapping[str, str]:
        """By group, its name with the settings that tell it from others of a name that was shortened."""
        if not self._names:
            settings = {node.group: node.request.settings.comparable() for node in self}
            self._names = schema.spelled({group: _texts(values) for group, values in settings.items()})
        return self._names

    def title(self, node: Node) -> str:
        """Its group and seed."""
        seed = node.request.settings.flat().get("seed")
        return self.names[node.group] + ("" if seed is None else f" seed={seed}")

    def roots(self) -> Iterator[Node]:
        """The nodes that need none."""
        return (node for node in self if not node.needs)

    def add(self, request: Request, row: Row) -> Node:
        """The node of a declared run, new or known. If other rows needed it first, it becomes what its own row says.

        Raises:
            ConfigError: two rows want the same weights, scored in two ways: their one run has one way.
        """
        node = self._node(request, row)
        if node in self.declared:
            _refuse_other_scores(node, request)
        else:
            node.request, node.row, node.group = request, row, self._group(request)
            self._names = {}
            self.declared.append(node)
        return node

    def _node(self, request: Request, row: Row) -> Node:
        missing = [need for need in find_stage(request.stage).needs(request, request.settings) if not need.reference]
        needs = {need.setting: self._node(need.request, row) for need in missing}
        key = _key(request, needs)
        if key not in self._nodes:
            group = self._group(request)
            self._nodes[key] = node = Node(key=key, request=request, group=group, row=row, needs=needs)
            self._names = {}
            for parent in dict.fromkeys(needs.values()):
                parent.children.append(node)
        return self._nodes[key]

    def _group(self, request: Request) -> str:
        return request.group_name(self._domain_title)


def _refuse_other_scores(node: Node, request: Request) -> None:
    before, now = node.request.settings.scored_with(), request.settings.scored_with()
    differing = [f"{name} = {before[name]} and {now[name]}" for name in now if before[name] != now[name]]
    if differing:
        raise ConfigError(
            f"two rows want {node.group} with {'; '.join(differing)}. No weights depend on that, so both are one run. "
            "Keep one of the rows, and score its checkpoint in the other way with stage evaluate"
        )


def _texts(settings: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in settings.items() if name != schema.SEED}


def _key(request: Request, needs: Mapping[str, Node]) -> str:
    parents = {setting: node.key for setting, node in needs.items()}
    content = {"stage": request.stage, "settings": request.settings.decisive(), "needs": parents}
    return sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:_KEY_DIGITS]
