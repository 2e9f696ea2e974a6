import pickle

import pytest
import torch
import torchvision.models as zoo

from msl.config import ModelConfig
from msl.errors import CheckpointError
from msl.models import build_model
from msl.models.build import load_backbone
from msl.recipes import find_recipe
from msl.references import backbone_file
from msl.weights import load_file, save_compact


def test_a_torchvision_state_dict_loads_whole(tmp_path):
    torch.manual_seed(0)
    weights = zoo.resnet18().state_dict()
    torch.save(weights, tmp_path / "resnet18.pth")
    model = build_model(ModelConfig(backbone="resnet18", weights=str(tmp_path / "resnet18.pth")))
    loaded = model.backbone.network.state_dict()
    assert set(weights) - set(loaded) == {"fc.weight", "fc.bias"}
    assert all(torch.equal(loaded[name], weights[name]) for name in loaded)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("layer1.0.conv1.weight"), r"1 missing \(layer1.0.conv1.weight"),
        (lambda s: s.update(extra=torch.zeros(1)), r"1 unexpected \(extra"),
        (lambda s: s.update({"conv1.weight": torch.zeros(8, 3, 7, 7)}), r"1 of another shape \(conv1.weight"),
    ],
)
def test_weights_that_do_not_fit_are_refused_with_the_keys(tmp_path, change, message):
    state = zoo.resnet18().state_dict()
    change(state)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match=message):
        build_model(ModelConfig(backbone="resnet18", weights=str(tmp_path / "w.pth")))


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code from a weights file was run",))


def test_files_that_are_no_weights_are_refused(tmp_path):
    def load(content: bytes):
        (tmp_path / "w.pth").write_bytes(content)
        return build_model(ModelConfig(backbone="resnet18", weights=str(tmp_path / "w.pth")))

    torch.save(zoo.resnet18().state_dict(), tmp_path / "good.pth")
    with pytest.raises(CheckpointError, match=r"w.pth cannot be read: damaged, or no file of weights"):
        load((tmp_path / "good.pth").read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"w.pth cannot be read"):
        load(pickle.dumps(Bomb()))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="w.pth holds a list, no state dict"):
        load((tmp_path / "list.pth").read_bytes())
    with pytest.raises(CheckpointError, match="no such file. Pass none, imagenet, streets or"):
        build_model(ModelConfig(weights="nowhere.pth"))


def test_imagenet_weights_come_through_torchvision(real_data, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(real_data / "torch_home"))
    model = build_model(ModelConfig(backbone="mobilenet_v2", weights="imagenet"))
    expected = zoo.MobileNet_V2_Weights.IMAGENET1K_V1.get_state_dict()
    assert torch.equal(
        model.backbone.network.state_dict()["features.3.conv.0.0.weight"], expected["features.3.conv.0.0.weight"]
    )


def test_imagenet_weights_that_cannot_be_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_network)
    with pytest.raises(CheckpointError, match=r"Put resnet18-.*pth into .*hub/checkpoints \(TORCH_HOME"):
        build_model(ModelConfig(backbone="resnet18", weights="imagenet"))
    with pytest.raises(CheckpointError, match="exist only for width = 1, not 0.5"):
        build_model(ModelConfig(width=0.5, weights="imagenet"))


def _no_network(*_, **__):
    raise OSError("Name or service not known")


def test_weights_that_msl_brings_along_are_those_of_their_recipe():
    """At most 3 MB, and made for the network of recipe streets_dusk."""
    file = backbone_file("streets")
    assert file.stat().st_size <= 3e6
    weights = torch.load(file, weights_only=True)
    loaded = build_model(find_recipe("streets_dusk").pretrain.model).backbone.network.state_dict()
    assert {name for name in loaded if not name.endswith("num_batches_tracked")} == set(weights)
    assert all(torch.equal(loaded[name], value.float()) for name, value in weights.items())


@pytest.mark.parametrize("other", [{"width": 0.5}, {"width": 1}, {"backbone": "resnet18"}])
def test_weights_that_msl_brings_along_fit_one_network(other):
    with pytest.raises(CheckpointError, match=r"weights = streets exist only for .* width = 0.75, .* weights=none"):
        build_model(ModelConfig(**{"backbone": "mobilenet_v2", "weights": "streets"} | other))


def test_kernels_are_stored_with_half_the_bits_and_norms_with_all(tmp_path):
    network = build_model(ModelConfig(backbone="mobilenet_v2", width=0.25)).backbone.network
    save_compact(network.state_dict(), tmp_path / "compact.pt")
    stored = load_file(tmp_path / "compact.pt")
    assert {value.dtype for value in stored.values() if value.dim() == 4} == {torch.float16}
    assert {value.dtype for value in stored.values() if value.dim() == 1} == {torch.float32}
    load_backbone(build_model(ModelConfig(backbone="mobilenet_v2", width=0.25)).backbone, stored, "stored")
