import itertools

import data_factory as factory
import pytest
import torch

from msl.data import Resized, Stream, TrainTransform, in_order, open_domain
from msl.errors import DataError
from msl.world import World

TRANSFORM = TrainTransform((20, 16), mirror=True, blur=True)


@pytest.fixture
def domain(tmp_path):
    return open_domain("camvid", factory.camvid(tmp_path), "train")  # 5 samples


def batches(stream, count):
    taken = list(itertools.islice(stream, count))
    stream.close()
    return taken


def same(first, second):
    return (
        first.names == second.names
        and torch.equal(first.image, second.image)
        and torch.equal(first.label, second.label)
    )


def test_a_batch(domain):
    (batch,) = batches(Stream(domain, TRANSFORM, 3, seed=0, salt="source"), 1)
    assert (batch.image.shape, batch.image.dtype) == ((3, 3, 16, 20), torch.uint8)
    assert (batch.label.shape, batch.label.dtype) == ((3, 16, 20), torch.uint8)
    assert len(batch.names) == 3


def test_every_sample_once_an_epoch_in_another_order(domain):
    names = [n for b in batches(Stream(domain, TRANSFORM, 1, seed=0, salt="source"), 30) for n in b.names]
    epochs = [tuple(names[i : i + 5]) for i in range(0, 30, 5)]
    assert all(len(set(epoch)) == 5 for epoch in epochs)
    assert len(set(epochs)) > 3


def test_batches_straddle_epochs_and_may_exceed_the_domain(domain):
    names = [n for b in batches(Stream(domain, TRANSFORM, 7, seed=0, salt="source"), 5) for n in b.names]
    one_by_one = [n for b in batches(Stream(domain, TRANSFORM, 1, seed=0, salt="source"), 35) for n in b.names]
    assert names == one_by_one


def test_the_number_of_processes_does_not_change_what_is_trained_on(domain):
    streams = [Stream(domain, TRANSFORM, 2, seed=1, salt="source", num_workers=n) for n in (0, 1, 2)]
    alone, one, two = (batches(stream, 8) for stream in streams)
    assert all(same(a, b) and same(a, c) for a, b, c in zip(alone, one, two, strict=True))


@pytest.mark.parametrize(("batch_size", "ranks"), [(8, 8), (11, 8), (5, 2)])
def test_processes_that_train_together_divide_each_batch(domain, batch_size, ranks):
    whole = batches(Stream(domain, TRANSFORM, batch_size, seed=1, salt="source", position=2), 4)
    worlds = [World(rank, ranks) for rank in range(ranks)]
    streams = [Stream(domain, TRANSFORM, batch_size, seed=1, salt="source", position=2, world=w) for w in worlds]
    shares = [batches(stream, 4) for stream in streams]
    for k, batch in enumerate(whole):
        images = torch.cat([share[k].image for share in shares])
        assert torch.equal(images, batch.image)
        assert tuple(name for share in shares for name in share[k].names) == batch.names


@pytest.mark.parametrize("position", [1, 2, 3, 7])
def test_a_stream_goes_on_where_another_was_left(domain, position):
    whole = batches(Stream(domain, TRANSFORM, 2, seed=1, salt="source"), 12)
    rest = Stream(domain, TRANSFORM, 2, seed=1, salt="source", position=position)
    assert all(same(a, b) for a, b in zip(whole[position:], batches(rest, 12 - position), strict=True))
    assert rest.position == 12


def test_seed_and_salt_give_other_batches(domain):
    first, other_seed, other_salt = (
        batches(Stream(domain, TRANSFORM, 5, seed=seed, salt=salt), 2)
        for seed, salt in ((0, "source"), (1, "source"), (0, "target"))
    )
    assert not same(first[0], other_seed[0])
    assert not same(first[0], other_salt[0])


def test_loading_does_not_touch_the_global_random_state(domain):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    batches(Stream(domain, TRANSFORM, 2, seed=1, salt="source"), 3)
    assert torch.equal(torch.rand(2), expected)


def test_one_pass_in_order(domain):
    names = [sample.name for sample in in_order(domain, Resized((20, 16)), None, num_workers=1)]
    assert names == [domain[i].name for i in range(5)]
    two = list(in_order(domain, Resized((20, 16), (1, 0.5)), 2, num_workers=0))
    assert [sample.name for sample in two] == names[:2]
    assert [image.shape for image in two[0].images] == [(3, 16, 20), (3, 8, 10)]
    assert torch.equal(two[0].label, domain[0].label)  # at its full size
    assert len(list(in_order(domain, Resized((20, 16)), 99, num_workers=0))) == 5


def test_an_error_in_a_loading_process_is_told_without_its_traceback(domain, tmp_path):
    for path in (tmp_path / "camvid/train").iterdir():
        path.unlink()
    stream = Stream(domain, TRANSFORM, 2, seed=1, salt="source", num_workers=1)
    with pytest.raises(DataError, match=r"^/.*\.png: no such file$"):
        next(stream)
    stream.close()


def test_on_a_cpu_nothing_is_read_ahead(domain):
    stream = Stream(domain, TRANSFORM, 2, seed=1, salt="source")
    assert stream.look_ahead() == 0
    assert stream.position == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_batches_that_are_copied_ahead_are_the_same(domain):
    plain, ahead = (Stream(domain, TRANSFORM, 2, seed=1, salt="source", device=d) for d in (None, torch.device("cuda")))
    for number in range(6):
        one, other = next(plain), next(ahead)
        assert torch.equal(one.image, other.image.cpu())
        assert torch.equal(one.label, other.label.cpu())
        assert (one.names, plain.position) == (other.names, ahead.position)
        if number % 2:
            ahead.look_ahead()
