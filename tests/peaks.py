"""How much memory tensors take, by torch's own record of every allocation on a CPU."""

import itertools
from collections.abc import Callable

from torch.profiler import ProfilerActivity, profile


def peak_bytes(call: Callable[[], object]) -> int:
    """The most that was allocated at one time during a call, without its inputs."""
    return max(_allocated(call))


def kept_bytes(call: Callable[[], object]) -> int:
    """What a call has allocated and not given back; what a library needs meanwhile differs between processors."""
    return _allocated(call)[-1]


def _allocated(call: Callable[[], object]) -> list[int]:
    """The bytes that are allocated after each allocation and each release."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        result = call()
    results = profiled.profiler.kineto_results
    assert results is not None
    events = [event for event in results.events() if event.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns())
    del result  # it had to live until now
    return [*itertools.accumulate((event.nbytes() for event in events), initial=0)]
