"""Calls for the items of a sequence, a few of them at the same time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def in_flight(pool: Executor, call: Callable[[A], B], items: Iterable[A], limit: int) -> Iterator[B]:
    """The result of `call` for every item, in order; at most `limit` results are computed ahead.

    An error of a call is raised when its result is due.
    """
    waiting = deque[Future[B]]()
    for item in items:
        waiting.append(pool.submit(call, item))
        if len(waiting) == limit:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
