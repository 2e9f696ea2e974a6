import torch

from msl.numerics.bands import most_probable


def test_the_most_probable_class_is_argmax():
    prob = torch.rand(2, 7, 5, 6).softmax(1)
    assert torch.equal(most_probable(prob), prob.argmax(1))


def test_of_equals_it_is_the_first():
    prob = torch.tensor([[0.2, 0.4, 0.4, 0.0], [0.25, 0.25, 0.25, 0.25]]).t()[None, :, None]  # (1, 4, 1, 2)
    assert most_probable(prob).flatten().tolist() == [1, 0]
