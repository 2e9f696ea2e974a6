import itertools

import pytest
import torch

from msl.data import Stream, TrainTransform, open_domain
from msl.data.class_pixels import class_pixels
from msl.data.crops import RandomCrop
from msl.data.domain import Domain
from msl.data.rare_classes import RareClasses
from msl.errors import ConfigError

# Three images of 2 013 528 pixels, as GTA5's: class 0 is everywhere, 1 in two of them, 2 in one, and little of it.
AREA = 1914 * 1052
PIXELS = torch.tensor(
    [[AREA - 5000, 5000, 0, 0], [AREA - 9000, 4000, 3001, 1999], [AREA - 3000, 3000, 0, 0]], dtype=torch.int64
)


def test_the_closed_form_of_the_probabilities():
    rare = RareClasses(PIXELS, temperature=0.5, least_pixels=3000)
    total = PIXELS[:, :3].sum(0).double()
    expected = torch.exp((1 - total / total.sum()) / 0.5)
    torch.testing.assert_close(rare.probability, expected / expected.sum())


def test_a_small_temperature_prefers_rare_classes_and_their_images():
    draws = [RareClasses(PIXELS, 1e-4, 3000).draw(seed) for seed in range(200)]
    assert set(draws) <= {(2, 1), (1, 0), (1, 1)}  # image 2 has 3000 pixels of class 1, and needs more
    assert draws.count((2, 1)) > 190
    uniform = [RareClasses(PIXELS, 1e6, 3000).draw(seed) for seed in range(600)]
    shares = torch.tensor([train_id for train_id, _ in uniform]).bincount() / 600
    torch.testing.assert_close(shares, torch.full((3,), 1 / 3), atol=0.06, rtol=0)


def test_the_number_of_pixels_is_scaled_by_the_area():
    small = PIXELS // 100
    assert RareClasses(small, 0.01, 3000).draw(0) == RareClasses(PIXELS, 0.01, 3000).draw(0)


def test_a_class_without_an_image_that_has_enough_is_never_drawn():
    rare = RareClasses(PIXELS, 0.01, 4500)
    assert rare.probability[2] == 0
    with pytest.raises(ConfigError, match=r"rare_pixels = 3000000: no image .* pass sampling=uniform"):
        RareClasses(PIXELS, 0.01, 3_000_000)


@pytest.fixture
def domain(tmp_path, monkeypatch) -> Domain:
    monkeypatch.setenv("MSL_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "tiny.yaml"
    file.write_text("name: tiny\nlayout: streets\nsize: 64,32\ncount: {train: 4, val: 1}\n")
    return open_domain(str(file), None, "train")


def test_pixels_are_counted_once(domain, tmp_path, monkeypatch):
    counts = class_pixels(domain, "content")
    assert (counts.shape, counts.sum().item()) == ((4, 20), 4 * 64 * 32)
    for index in range(4):
        label = domain.label(index)
        assert counts[index, :19].tolist() == [int((label == train_id).sum()) for train_id in range(19)]
    with monkeypatch.context() as offline:
        offline.setattr(Domain, "label", lambda *_: pytest.fail("counted again"))
        assert torch.equal(class_pixels(domain, "content"), counts)
    (file,) = (tmp_path / "cache/class_pixels").iterdir()
    file.write_bytes(file.read_bytes()[:50])
    assert torch.equal(class_pixels(domain, "content"), counts)


def test_counts_that_cannot_be_stored_are_right(domain, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert class_pixels(domain, "content").sum() == 4 * 64 * 32


def test_the_number_of_processes_and_a_start_in_between_change_nothing(domain):
    rare = RareClasses(class_pixels(domain, "content"), 0.01, 3000)
    transform = RandomCrop(TrainTransform((64, 32), mirror=True, blur=False), (24, 16), rare)

    def batches(workers, position):
        stream = Stream(domain, transform, 2, 0, "source", workers, position=position, pick=rare.image)
        taken = list(itertools.islice(stream, 6 - position))
        stream.close()
        return taken

    whole = batches(0, 0)
    assert whole[0].image.shape == (2, 3, 16, 24)
    for other in (batches(1, 0), batches(0, 3)):
        for one, same in zip(whole[-len(other) :], other, strict=True):
            assert one.names == same.names
            assert torch.equal(one.image, same.image)
            assert torch.equal(one.label, same.label)


def test_a_crop_keeps_enough_of_the_class_that_chose_its_image():
    label = torch.zeros(32, 64, dtype=torch.uint8)
    label[:8, :8] = 1  # a corner, which few crops of a quarter hold
    image = torch.stack([label] * 3)
    rare = RareClasses(torch.tensor([[32 * 64 - 64, 64, 0]]), 1e-4, 10_000)
    least = 10_000 * label.numel() / AREA / 2
    pixels = {}
    for name, chosen in (("plain", None), ("rare", rare)):
        crop = RandomCrop(lambda image, label, seed: (image, label), (32, 16), chosen)
        pixels[name] = [int((crop(image, label, seed)[1] == 1).sum()) for seed in range(40)]
        assert crop(image, label, 3)[0].shape == (3, 16, 32)
        assert torch.equal(crop(image, label, 3)[0][0], crop(image, label, 3)[1])
    enough = {name: sum(count >= least for count in counts) for name, counts in pixels.items()}
    assert enough["rare"] > 20 > 10 > enough["plain"]
