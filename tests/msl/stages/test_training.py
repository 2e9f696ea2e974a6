import pytest
import torch
from tiny import request

from msl.errors import TrainingError
from msl.runs import run as carry_out
from msl.training.objectives.supervised import Supervised


@pytest.mark.usefixtures("tiny_store")
def test_too_little_memory_of_the_gpu_says_what_to_change(monkeypatch):
    def full(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of …")

    monkeypatch.setattr(Supervised, "__call__", full)
    with pytest.raises(
        TrainingError, match=r"Tried to allocate 2.00 GiB. By a model of its memory, .* Pass a smaller batch"
    ):
        carry_out(request("pretrain"))
