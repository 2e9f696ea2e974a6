"""The arrangement of a network's numbers on its device."""

import pytest
import torch

from msl.config import ModelConfig
from msl.models import build_model
from msl.models.devices import to_device


@pytest.mark.parametrize(
    ("backbone", "precision", "form"),
    [
        ("mobilenet_v2", torch.float32, torch.channels_last),
        ("resnet18", torch.float32, torch.contiguous_format),
        ("resnet18", torch.bfloat16, torch.channels_last),
    ],
)
def test_channels_come_last_but_for_plain_convolutions_in_single_precision_on_a_cpu(backbone, precision, form):
    config = ModelConfig(backbone=backbone, num_classes=5)
    model = to_device(build_model(config), torch.device("cpu"), precision).eval()
    image = torch.zeros(1, 3, 32, 48, dtype=torch.uint8)
    assert model.backbone(model.preprocessing(image)).last.is_contiguous(memory_format=form)
    assert all(p.is_contiguous(memory_format=form) for p in model.parameters() if p.dim() == 4)


def test_a_network_can_change_its_arrangement():
    """As one that was trained in bfloat16 and is scored in float32."""
    model = build_model(ModelConfig(backbone="resnet18", num_classes=5)).eval()
    image = torch.randint(0, 256, (1, 3, 32, 48), dtype=torch.uint8)
    first, second = (to_device(model, torch.device("cpu"), p)(image).main for p in (torch.bfloat16, torch.float32))
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-4)
