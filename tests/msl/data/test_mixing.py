import pytest
import torch

from msl.data.mixing import Distortion, class_mask, class_mix, without_blocks


def label_of(*train_ids):
    """A label (1, 4, 4) whose pixels are these classes in turn."""
    return torch.tensor(train_ids * 16, dtype=torch.uint8)[:16].view(1, 4, 4)


@pytest.mark.parametrize(("classes", "half"), [((3,), 1), ((0, 7), 1), ((0, 5, 18), 2), ((1, 2, 3, 4, 5), 3)])
def test_half_of_the_classes_rounded_up_are_pasted(classes, half):
    label = label_of(*classes, 255)
    for seed in range(20):
        pasted = class_mask(label, [seed])
        chosen = set(label[pasted].tolist())
        assert len(chosen) == half
        assert 255 not in chosen
        assert torch.equal(pasted, sum(label == train_id for train_id in chosen).bool())  # all pixels of a class


def test_every_class_is_drawn_alike():
    label, counts = label_of(0, 1, 2, 3), torch.zeros(4)
    for seed in range(2000):
        counts += label[class_mask(label, [seed])].bincount(minlength=4) / 4
    assert (counts / 2000 - 0.5).abs().max() < 0.04  # 3.6 deviations


def test_an_image_without_a_class_gives_nothing():
    assert not class_mask(label_of(255), [0]).any()


def test_a_mix_has_the_pixels_and_the_labels_of_both():
    labels = torch.cat([label_of(0, 1, 2, 255), label_of(4)])
    image, other = torch.full((2, 3, 4, 4), 10, dtype=torch.uint8), torch.full((2, 3, 4, 4), 20, dtype=torch.uint8)
    pseudo = torch.full((2, 4, 4), 9, dtype=torch.uint8)
    mix = class_mix((image, labels), (other, pseudo), [1, 2])
    assert torch.equal(mix.pasted, class_mask(labels, [1, 2]))
    assert torch.equal(mix.label, torch.where(mix.pasted, labels, pseudo))
    assert torch.equal(mix.image, torch.where(mix.pasted[:, None], image, other))
    assert mix.pasted[1].all()


def test_a_source_of_another_size_is_resized_to_the_target():
    label = torch.zeros(1, 8, 8, dtype=torch.uint8)
    label[:, :, 4:] = 3
    image, other = torch.full((1, 3, 8, 8), 10, dtype=torch.uint8), torch.full((1, 3, 4, 6), 20, dtype=torch.uint8)
    mix = class_mix((image, label), (other, torch.full((1, 4, 6), 9, dtype=torch.uint8)), [0])
    assert set(mix.label[0, :, :3].unique().tolist()) != set(mix.label[0, :, 3:].unique().tolist())
    assert (mix.image.shape, mix.label.shape) == ((1, 3, 4, 6), (1, 4, 6))
    assert mix.pasted.sum() == 12


def test_distortion_depends_on_its_seed_alone_and_stays_in_range():
    image = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    distort = Distortion(0.2, 0.8, 0.5)
    torch.manual_seed(5)
    first = distort(image, [1, 2])
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), after)  # the process's own state is as it was
    assert torch.equal(distort(image.flip(0), [2, 1]).flip(0), first)
    assert not torch.equal(distort(image, [3, 4]), first)
    assert 0 <= first.min() <= first.max() <= 1


@pytest.mark.parametrize(("distort", "share"), [(Distortion(0.2, 0.8, 0.0), 0.8), (Distortion(0.2, 0.0, 0.5), 0.5)])
def test_distortion_has_its_probabilities(distort, share):
    image = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    changed = sum(not torch.equal(distort(image, [seed]), image) for seed in range(200))
    assert abs(changed / 200 - share) < 0.12


def test_blocks_are_left_out_whole():
    image = torch.zeros(1, 3, 40, 56)
    masked = without_blocks(image, 16, 0.7, [0])
    is_grey = masked[0, 0] != 0
    assert is_grey.any()
    assert not is_grey.all()
    for top in range(0, 40, 16):
        for left in range(0, 56, 16):
            block = is_grey[top : top + 16, left : left + 16]
            assert block.all() or not block.any()
    shares = [float((without_blocks(image, 8, 0.7, [seed])[0, 0] != 0).float().mean()) for seed in range(50)]
    assert sum(shares) / 50 == pytest.approx(0.7, abs=0.04)
