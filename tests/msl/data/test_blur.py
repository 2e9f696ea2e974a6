"""The blur of training images: torchvision's, to the last bit."""

import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tvf

from msl.data.blur import Blur, gaussian_blur
from msl.streets import STYLES, Streets

SIGMAS = [1e-3, 0.05, 0.2, 0.3, 0.38, 0.41, 0.5, 0.58, 0.6, 0.7, 0.85, 1.0]


def images():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(256, (150, 130, 3), dtype=torch.uint8, generator=generator)
    scene = torch.from_numpy(Streets(STYLES["streets"], "train", 1, (320, 160)).sample(0)[0])
    even = torch.arange(64).mul(2).to(torch.uint8)[:, None, None].expand(64, 40, 3)
    return {
        "noise": noise,
        "black and white": noise // 128 * 255,
        "scene": scene,
        "ramp": even,
        "narrow": noise[:4, :5],
    }


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("name", images())
def test_it_is_torchvisions(name, sigma):
    image = images()[name].permute(2, 0, 1)
    blurred, expected = gaussian_blur(image, sigma), tvf.gaussian_blur_image(image, [7, 7], [sigma, sigma])
    assert torch.equal(blurred, expected)
    assert blurred.stride() == expected.stride()


def test_values_half_way_between_two_levels():
    """Every other pixel is white: in the middle, every sum is close to 127.5."""
    image = (torch.arange(60)[:, None] + torch.arange(80)).remainder(2).mul(255).to(torch.uint8).expand(3, 60, 80)
    for sigma in (0.9, 0.95, 1.0):
        assert torch.equal(gaussian_blur(image, sigma), tvf.gaussian_blur_image(image, [7, 7], [sigma, sigma]))


def test_it_draws_what_torchvision_draws_and_leaves_labels():
    image = tv_tensors.Image(images()["scene"].permute(2, 0, 1))
    label = tv_tensors.Mask(image[0].as_subclass(torch.Tensor))
    for seed in range(5):
        torch.manual_seed(seed)
        blurred, same = Blur((1e-3, 1.0))(image, label)
        after = torch.rand(1)
        torch.manual_seed(seed)
        assert torch.equal(blurred, v2.GaussianBlur(7, (1e-3, 1.0))(image))
        assert torch.equal(after, torch.rand(1))
        assert torch.equal(same, label)
