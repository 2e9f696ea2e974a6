"""Arithmetic that gives the same bits every time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_CUBLAS = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}  # the larger of the two that NVIDIA calls deterministic


@contextmanager
def deterministic(is_on: bool) -> Iterator[None]:
    """In the block, an operation whose bits may vary raises a RuntimeError, or may be used; then all is as before.

    https://pytorch.org/docs/stable/notes/randomness.html. Fresh memory is not filled: nothing here reads it before it
    is written, and to fill it takes time in every operation.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    settings: Any = torch.utils.deterministic
    fills, settings.fill_uninitialized_memory = settings.fill_uninitialized_memory, False
    torch.use_deterministic_algorithms(is_on)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        settings.fill_uninitialized_memory = fills


def let_cublas_repeat() -> None:
    """Give cuBLAS a fixed workspace; it reads the size when it is first used, so this comes before."""
    for name, value in _CUBLAS.items():
        os.environ.setdefault(name, value)


def varying_operation(error: RuntimeError) -> str | None:
    """The operation whose bits may vary, if torch refused it in a block of `deterministic`; None for other errors."""
    text = str(error)
    if "use_deterministic_algorithms" not in text:
        return None
    name, separator, _ = text.partition(" does not have a deterministic implementation")
    return name if separator else text.splitlines()[0]
