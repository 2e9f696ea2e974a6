"""Names of groups that were shortened: behind them, the settings that tell these groups from each other."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

__all__ = ["spelled"]

Settings = Mapping[str, str]

_SHORTENED = re.compile(r"(?P<start>.+) ~[0-9a-f]{8}")  # as a run with many settings is called
_FIRST = ("lambda_target", "lambda_mixed", "target_mode", "multi", "lr")  # what comparisons are mostly about
_MOST = 3  # settings behind a name


def spelled(groups: Mapping[str, Settings]) -> dict[str, str]:
    """By name of a group, the name with which it is shown.

    Of groups whose names begin alike and were shortened, each says in which settings it differs from the others.

    Args:
        groups: by name, the settings on which the weights depend.
    """
    alike: dict[str, dict[str, Settings]] = defaultdict(dict)
    for name, settings in groups.items():
        if match := _SHORTENED.fullmatch(name):
            alike[match["start"]][name] = settings
    words = {name: more for siblings in alike.values() for name, more in _differences(siblings)}
    return {name: " ".join([name, *words.get(name, ())]) for name in groups}


def _differences(siblings: Mapping[str, Settings]) -> Iterator[tuple[str, list[str]]]:
    everything = sorted({option for settings in siblings.values() for option in settings}, key=_rank)
    differing = [option for option in everything if len({s.get(option) for s in siblings.values()}) > 1][:_MOST]
    for name, settings in siblings.items():
        yield name, [f"{option}={settings[option]}" for option in differing if option in settings]


def _rank(option: str) -> tuple[int, str]:
    return (_FIRST.index(option) if option in _FIRST else len(_FIRST), option)
