"""The block in which an operation whose bits may vary is refused."""

import pytest
import torch

from msl.numerics.determinism import deterministic, varying_operation


def test_the_block_refuses_by_name_and_restores_what_was():
    cells, two = torch.zeros(2), torch.tensor([0, 0])
    fills = torch.utils.deterministic.fill_uninitialized_memory
    with pytest.raises(RuntimeError) as refused, deterministic(True):
        cells.put_(two, torch.tensor([1.0, 2.0]))  # which of the two values stays may vary
    assert varying_operation(refused.value) == "put_"
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory == fills
    with deterministic(True), deterministic(False):
        cells.put_(two, torch.tensor([1.0, 2.0]))


def test_other_errors_are_none_of_it():
    assert varying_operation(RuntimeError("size mismatch")) is None
