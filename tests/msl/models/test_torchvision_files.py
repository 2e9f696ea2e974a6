"""torchvision's DeepLabV3 in its own files: the same logits, classes and settings; what its training scripts add."""

import argparse

import pytest
import torch
from torchvision.models.segmentation import DeepLabV3_ResNet50_Weights, deeplabv3_resnet50

from msl.checkpoints import load_network, read
from msl.errors import CheckpointError
from msl.models import build_model, load_published


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    network = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=21, aux_loss=True)
    with torch.no_grad():
        network.train()(torch.rand(2, 3, 64, 96))  # so that BatchNorm's statistics are no longer those of a new network
    return network.eval()


def saved(folder, content):
    torch.save(content, folder / "voc.pth")
    return folder / "voc.pth"


@torch.no_grad()
def test_the_logits_are_torchvisions(theirs, tmp_path):
    content = {"model": theirs.state_dict(), "epoch": 29, "args": argparse.Namespace(lr=0.01)}
    network, _ = load_published(saved(tmp_path, content))
    image = torch.rand(1, 3, 65, 97)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = theirs.classifier(theirs.backbone((image - mean.view(3, 1, 1)) / deviation.view(3, 1, 1))["out"])
    torch.testing.assert_close(network.coarse(image).main, expected, rtol=1e-4, atol=1e-4)
    settings = network.config.architecture()
    assert (settings["network"], settings["backbone"], settings["output_stride"]) == ("deeplabv3", "resnet50", 8)
    assert (settings["dilations"], settings["multi"], settings["num_classes"]) == ((12, 24, 36), False, 21)


def test_its_classes_are_those_of_torchvision(theirs, tmp_path):
    checkpoint = read(saved(tmp_path, theirs.state_dict()))
    labels = checkpoint.about.network.labels
    assert list(labels.classes[1:]) == DeepLabV3_ResNet50_Weights.DEFAULT.meta["categories"][1:]
    assert len(set(labels.palette)) == 21
    assert load_network(checkpoint, tmp_path / "voc.pth").config.backbone == "resnet50"


@pytest.mark.parametrize(("count", "first"), [(19, "road"), (3, "class 0")])
def test_other_numbers_of_classes(theirs, tmp_path, count, first):
    state = {name: v[:count] if name.startswith("classifier.4.") else v for name, v in theirs.state_dict().items()}
    labels = read(saved(tmp_path, state)).about.network.labels
    assert (len(labels.classes), labels.classes[0]) == (count, first)


def test_another_backbone_is_refused(theirs, tmp_path):
    state = {name: v for name, v in theirs.state_dict().items() if "layer3.5" not in name}
    with pytest.raises(CheckpointError, match="its backbone is no ResNet: msl reads deeplabv3_resnet50"):
        read(saved(tmp_path, state))


def test_the_network_can_be_trained_with_a_second_head(theirs, tmp_path):
    config = read(saved(tmp_path, theirs.state_dict())).about.network.model
    output = build_model(config.model_copy(update={"multi": True})).eval()(torch.rand(1, 3, 32, 48))
    assert output.main.shape == output.aux.shape == (1, 21, 32, 48)
