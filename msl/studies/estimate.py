"""How long nodes will take, from past runs that were like them."""

from collections.abc import Iterable, Mapping
from functools import cache

from msl.inputs.history import History
from msl.inputs.plan import WEIGHTY, iterations_of
from msl.studies.graph import Node


class Estimates:
    """Seconds by node. The store is asked once for each stage."""

    def __init__(self, history: History | None = None) -> None:
        """`history`: the past runs; None = those of the store that MLflow's settings name."""
        self._history = (history or History.of_store()).remembered()
        self._speed = cache(self._speed_like)

    def seconds(self, node: Node) -> float | None:
        """Seconds of training; None if no past run is like it, or if its iterations are not known."""
        config = node.request.settings
        if "schedule" not in config.groups():
            return None
        settings, iterations = config.flat(), iterations_of(config)
        weighty = tuple((name, str(settings[name])) for name in WEIGHTY if name in settings)
        step_s = self._speed(node.request.stage, weighty)
        return None if step_s is None or iterations is None else iterations * step_s

    def _speed_like(self, stage: str, weighty: tuple[tuple[str, str], ...]) -> float | None:
        speed = self._history.speed(stage, dict(weighty))
        return None if speed is None else speed.step_s

    def total_s(self, nodes: Iterable[Node], slots: int) -> float | None:
        """Seconds until all are done: of the longest chain, or of all in so many slots; None if one is not known."""
        times: dict[Node, float] = {}
        for node in nodes:
            seconds = self.seconds(node)
            if seconds is None:
                return None
            times[node] = seconds
        return max([sum(times.values()) / slots, *(_chain_s(node, times) for node in times)], default=0.0)


def _chain_s(node: Node, times: Mapping[Node, float]) -> float:
    """Seconds of a node and of the longest chain of those that it needs."""
    return times.get(node, 0.0) + max((_chain_s(need, times) for need in node.needs.values()), default=0.0)
