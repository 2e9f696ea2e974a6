"""Work on a sequence, some of it ahead of its turn."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def in_flight(pool: Executor, call: Callable[[A], B], items: Iterable[A], most: int) -> Iterator[B]:
    """`call` of every item, in order, at most so many under way or waiting to be taken; raises what a call raises."""
    waiting = deque[Future[B]]()
    for item in items:
        waiting.append(pool.submit(call, item))
        if len(waiting) == most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
