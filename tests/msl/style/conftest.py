import pytest
import torch

from msl.style import VGG, Decoder, Encoder, StyleTransfer, load_encoder

TINY = VGG(channels=(4, 6, 8, 10))  # VGG-19, but for its width


@pytest.fixture
def encoder(rng: torch.Generator) -> Encoder:
    """A thin VGG-19 with random weights that keep the scale of what goes through."""
    return filled(Encoder(TINY), rng)


@pytest.fixture
def transfer(encoder: Encoder, rng: torch.Generator) -> StyleTransfer:
    """The encoder and a random decoder, which overshoots [0, 1] widely."""
    decoder = filled(Decoder(TINY), rng)
    last = decoder[-1]
    with torch.no_grad():
        last.weight.mul_(10)
        last.bias.fill_(0.5)
    return StyleTransfer(encoder, decoder)


@pytest.fixture(scope="session")
def real_encoder(real_data) -> Encoder:
    return load_encoder(str(real_data / "weights" / "vgg16_features_relu4_1.pth"))


def filled(network: torch.nn.Module, generator: torch.Generator) -> torch.nn.Module:
    with torch.no_grad():
        for weight in network.parameters():
            fan = weight[0].numel() if weight.ndim > 1 else 100
            weight.copy_(torch.randn(weight.shape, generator=generator) * (2 / fan) ** 0.5)
    return network


def images(seed: int, count: int = 1, height: int = 24, width: int = 40) -> torch.Tensor:
    """Smooth random images (N, 3, H, W) in [0, 1] that differ in colour and contrast."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 5, 7, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)
    return (fine * 0.8 + 0.2 * torch.rand(count, 3, height, width, generator=generator)) * torch.rand(
        count, 3, 1, 1, generator=generator
    )
