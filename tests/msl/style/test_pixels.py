import numpy as np
import pytest
import torch
from PIL import Image

from msl.errors import DataError
from msl.style import to_uint8, unit_rgb


def test_values_are_clamped_and_rounded_to_nearest():
    values = torch.tensor([-3.0, -0.001, 0.0, 0.499 / 255, 0.501 / 255, 0.999, 254.6 / 255, 1.0, 1.004, 80.0])
    assert to_uint8(values).tolist() == [0, 0, 0, 0, 1, 255, 255, 255, 255, 255]


def test_every_level_survives_a_round_trip_also_in_half_precision():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(levels.double() / 255), levels)
    assert torch.equal(to_uint8(unit_rgb(levels.view(1, 1, 16, 16).expand(1, 3, 16, 16), "x"))[0, 0].flatten(), levels)
    assert to_uint8(torch.tensor([1.0, 0.99609375]).bfloat16()).tolist() == [255, 254]


def test_no_number_is_no_grey_level():
    with pytest.raises(DataError, match="not a number"):
        to_uint8(torch.tensor([0.5, float("nan")]))
    assert to_uint8(torch.tensor([float("inf"), -float("inf")])).tolist() == [255, 0]


def test_saving_and_reading_gives_the_nearest_levels(tmp_path, rng):
    overshooting = torch.randn(3, 20, 30, generator=rng) * 2
    Image.fromarray(to_uint8(overshooting).permute(1, 2, 0).numpy()).save(tmp_path / "styled.png")
    read = np.asarray(Image.open(tmp_path / "styled.png"), np.float64).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(read, overshooting.numpy().clip(0, 1), rtol=0, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(3, 20, 20), r"content is \(3, 20, 20\): RGB images have the shape"),
        (torch.zeros(1, 4, 20, 20), r"content is \(1, 4, 20, 20\)"),
        (torch.zeros(1, 3, 15, 20), "content is 20x15 .* needs at least 16 pixels"),
        (torch.full((1, 3, 20, 20), 255.0), r"values from 255 to 255: floats are RGB in \[0, 1\]"),
        (torch.full((1, 3, 20, 20), float("nan")), "values from nan"),
    ],
)
def test_what_is_no_image_is_refused(image, message):
    with pytest.raises(DataError, match=message):
        unit_rgb(image, "content")
