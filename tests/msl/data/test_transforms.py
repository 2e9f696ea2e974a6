import numpy as np
import pytest
import torch
from PIL import Image

from msl.data import Resized, TrainTransform, nearest


def gradient(height=24, width=40):
    """An image and a label that both grow from left to right, so that a mirror or a shift shows."""
    columns = torch.arange(width, dtype=torch.uint8).repeat(height, 1)
    return torch.stack([columns * 6] * 3), columns


def test_image_and_label_are_mirrored_together_and_half_of_the_time():
    transform = TrainTransform((40, 24), mirror=True, blur=False)
    image, label = gradient()
    mirrored = 0
    for seed in range(200):
        own_image, own_label = transform(image, label, seed)
        assert torch.equal(own_image[0], own_label * 6)
        mirrored += int(own_label[0, 0] != 0)
    assert 70 < mirrored < 130


def test_the_same_seed_does_the_same_and_another_something_else():
    transform = TrainTransform((32, 16), mirror=True, blur=True)
    image, label = torch.randint(0, 256, (3, 24, 40), dtype=torch.uint8), gradient()[1]
    results = [transform(image, label, seed) for seed in (3, 3, 4, 5, 6)]
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert len({result[0].numpy().tobytes() for result in results}) > 2


def test_the_process_keeps_its_own_random_state():
    transform = TrainTransform((40, 24), mirror=True, blur=True)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    transform(*gradient(), 1)
    assert torch.equal(torch.rand(3), expected)


def test_blur_leaves_the_label_and_the_brightness():
    image = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    label = torch.randint(0, 19, (64, 64), dtype=torch.uint8)
    transform = TrainTransform((64, 64), mirror=False, blur=True)
    blurred = [transform(image, label, seed) for seed in range(20)]
    assert all(torch.equal(own_label, label) for _, own_label in blurred)
    changed = [blurred_image for blurred_image, _ in blurred if not torch.equal(blurred_image, image)]
    assert 4 <= len(changed) <= 16
    assert all(abs(blurred_image.float().mean() - image.float().mean()) < 1 for blurred_image in changed)


def test_resizing_is_pillows_bicubic():
    image = torch.randint(0, 256, (3, 60, 100), dtype=torch.uint8)
    (resized,) = Resized((50, 30))(image)
    expected = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((50, 30), Image.Resampling.BICUBIC)
    difference = np.abs(resized.permute(1, 2, 0).numpy().astype(int) - np.asarray(expected).astype(int))
    assert difference.max() <= 1  # rounding


def test_evaluation_sees_the_image_at_every_scale_made_from_the_full_one():
    image = torch.randint(0, 256, (3, 60, 100), dtype=torch.uint8)
    small, plain, full = Resized((50, 30), (0.75, 1, 2))(image)
    assert (small.shape, plain.shape) == ((3, 22, 38), (3, 30, 50))
    assert torch.equal(plain, Resized((50, 30))(image)[0])
    assert torch.equal(full, image)


@pytest.mark.parametrize("size", [(30, 50), (17, 33), (96, 160)])
def test_labels_take_the_pixel_at_the_centre_as_pillow_does(size):
    label = torch.randint(0, 19, (60, 100), dtype=torch.uint8)
    expected = Image.fromarray(label.numpy()).resize(size[::-1], Image.Resampling.NEAREST)
    assert np.array_equal(nearest(label, size).numpy(), np.asarray(expected))
