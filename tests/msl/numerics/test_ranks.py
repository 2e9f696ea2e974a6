"""Every loss of several processes is the loss of one process with all their images: value and gradient."""

import pytest
import torch
from teams import in_processes
from tolerances import DOUBLE

from msl import losses
from msl.errors import LostProcessError
from msl.labels import IGNORE
from msl.numerics import ranks
from msl.world import World

IMAGES, CLASSES, HEIGHT, WIDTH = 5, 3, 4, 6  # an odd number: one of two processes has three images, the other two


def logits_and_labels():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(IMAGES, CLASSES, HEIGHT, WIDTH, generator=generator, dtype=torch.float64)
    label = torch.randint(0, CLASSES, (IMAGES, HEIGHT, WIDTH), generator=generator)
    label[0, :3] = IGNORE  # the processes have different numbers of pixels that count
    return 3 * logits, label


def guided(logits):
    prob = logits.softmax(dim=1).detach()
    return losses.cross_entropy(logits, losses.guidance_labels(prob, prob.flip(1), 0.9))


LOSSES = {
    "cross entropy": lambda logits, label: losses.cross_entropy(logits, label),
    "cross entropy, known": lambda logits, label: losses.cross_entropy(logits, label, prob=logits.softmax(1).detach()),
    "guidance": lambda logits, label: guided(logits),
    "maximum squares": lambda logits, label: losses.max_square(logits.softmax(1)),
    "maximum squares, valid": lambda logits, label: losses.max_square(logits.softmax(1), label != IGNORE),
    "image-wise": lambda logits, label: losses.iw_max_square(logits.softmax(1), 0.2),
    "entropy": lambda logits, label: losses.entropy(logits.softmax(1)),
    "image-wise entropy": lambda logits, label: losses.iw_entropy(logits.softmax(1), 0.2),
    "content": lambda logits, label: losses.content_loss(logits, logits.flip(1)),
    "identity": lambda logits, label: losses.identity_loss(logits, logits.detach().flip(1)[:, :, 1:]),
    "style": lambda logits, label: losses.style_loss([logits, logits**2], [logits.flip(1), logits]),
}


def share_of(rank, size):
    logits, label = logits_and_labels()
    part = World(rank, size).share(IMAGES)
    results = {}
    for name, loss in LOSSES.items():
        leaf = logits[part].clone().requires_grad_()
        value = loss(leaf, label[part])
        value.backward()
        results[name] = value.detach(), leaf.grad
    return results


@pytest.fixture(scope="module")
def results():
    whole = share_of(0, 1)
    return whole, in_processes(2, lambda rank: share_of(rank, 2))


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_of_the_losses_is_that_of_the_global_batch(results, name):
    whole, shares = results
    value, gradient = whole[name]
    torch.testing.assert_close(sum(share[name][0] for share in shares) / 2, value, **DOUBLE)
    torch.testing.assert_close(torch.cat([share[name][1] for share in shares]) / 2, gradient, **DOUBLE)


def test_an_error_in_one_process_ends_a_block_in_all():
    def work(rank):
        caught = []
        for error in (ranks.InterruptionError, ValueError, None):
            try:
                with ranks.together():
                    if rank == 1 and error is not None:
                        raise error
                caught.append(None)
            except Exception as received:
                caught.append(type(received))
        return caught

    first, second = in_processes(2, work)
    assert first == [ranks.InterruptionError, LostProcessError, None]
    assert second == [ranks.InterruptionError, ValueError, None]


def test_one_process_makes_no_group():
    assert not ranks.are_several()
    assert ranks.largest(3) == 3
    assert list(ranks.part(4)) == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [8, 11, 16])
def test_the_parts_of_eight_processes_are_disjoint_and_complete(count):
    parts = [range(count)[World(rank, 8).share(count)] for rank in range(8)]
    assert [index for part in parts for index in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
