"""Images to score, gathered."""

import torch

from msl.data.loaders import Scorable
from msl.scoring.batches import batches

GPU = torch.device("meta")  # any device but a CPU: shapes alone count here


def sample(name, side=(640, 1280), label=(1024, 2048)):
    return Scorable([torch.zeros(3, *side, dtype=torch.uint8)], torch.zeros(label, dtype=torch.uint8), name)


def gathered(samples, device):
    return ["".join(batch.names) for batch in batches(samples, device)]


def test_a_cpu_scores_one_image_at_a_time():
    assert gathered([sample("a"), sample("b")], torch.device("cpu")) == ["a", "b"]
    (batch,) = batches([sample("a")], torch.device("cpu"))
    assert batch.images[0].shape == (1, 3, 640, 1280)
    assert batch.label.shape == (1, 1024, 2048)


def test_a_gpu_gets_images_of_one_size_in_their_order():
    samples = [sample(name) for name in "abcde"] + [sample("f", label=(512, 2048)), sample("g"), sample("h")]
    assert gathered(samples, GPU) == ["abcd", "e", "f", "gh"]


def test_an_image_of_any_size_is_scored():
    assert gathered([sample(name, side=(4000, 6000)) for name in "ab"], GPU) == ["a", "b"]
    assert gathered([], GPU) == []
