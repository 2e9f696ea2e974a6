"""timm's backbones, the real ones: convolutional, ConvNeXt, and transformers whose stages have strides."""

import sys

import pytest
import torch
from tiny import request

from msl.checkpoints import About, Checkpoint, NetworkAbout, load_network, read, write
from msl.config import EvaluateConfig, ModelConfig, OptimizerConfig
from msl.errors import CheckpointError, ConfigError
from msl.models import build_model
from msl.runs import run as carry_out
from msl.stages.evaluate import evaluate
from msl.training.optimizers.groups import parameter_groups

timm = pytest.importorskip("timm")

CONVOLUTIONAL = "timm:mobilenetv3_small_050"
CONVNEXT = "timm:convnext_atto"
PYRAMID = "timm:pvt_v2_b0"  # a transformer with stages; its maps are (N, C, H, W)
WINDOWS = "timm:swin_tiny_patch4_window7_224"  # another; its maps are (N, H, W, C), its image 224 unless told otherwise
PLAIN = "timm:vit_tiny_patch16_224"  # one map of stride 16, normalised by other numbers
STRIDES = {  # by network, where a network leaves the output stride open
    CONVOLUTIONAL: {"deeplabv2": (4, 8, 8), "deeplabv3plus": (4, 16, 16)},
    CONVNEXT: {"deeplabv2": (4, 8, 8), "deeplabv3plus": (4, 16, 16)},
    PYRAMID: {"deeplabv2": (4, 16, 32), "deeplabv3plus": (4, 16, 32)},
    WINDOWS: {"deeplabv2": (4, 16, 32), "deeplabv3plus": (4, 16, 32)},
    PLAIN: {"deeplabv2": (16, 16, 16)},
}
CASES = [(backbone, network) for backbone, networks in STRIDES.items() for network in networks]


def make(backbone, **settings):
    torch.manual_seed(0)
    return build_model(ModelConfig(backbone=backbone, num_classes=5, multi=True, **settings))


@pytest.mark.parametrize(("backbone", "network"), CASES)
def test_a_backbone_trains_a_step_and_comes_back_from_a_checkpoint(backbone, network, tmp_path):
    model = make(backbone, network=network)
    assert model.backbone.strides == STRIDES[backbone][network]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    image = torch.randint(0, 256, (2, 3, 40, 72), dtype=torch.uint8)
    before = next(model.backbone.parameters()).detach().clone()
    main, aux = model(image)
    assert main.shape == aux.shape == (2, 5, 40, 72)
    (main.square().mean() + aux.square().mean()).backward()
    optimizer.step()
    assert not torch.equal(next(model.backbone.parameters()), before)

    about = About(group="g", network=NetworkAbout(model=model.config, label_set="five", classes=tuple("abcde")))
    write(tmp_path / "last.pt", Checkpoint(about=about, step=1, weights=model.state_dict()))
    again = load_network(read(tmp_path / "last.pt"), tmp_path / "last.pt")
    assert again.config == model.config
    with torch.no_grad():
        assert torch.equal(again.eval()(image).main, model.eval()(image).main)


@pytest.mark.parametrize("backbone", STRIDES)
@torch.no_grad()
def test_a_backbone_gives_what_it_declares_for_any_size(backbone):
    extractor = make(backbone).backbone.eval()
    for height, width in ((72, 104), (33, 47)):
        features = extractor(torch.rand(1, 3, height, width))
        assert tuple(feature.shape[1] for feature in features) == extractor.channels
        sizes = [(-(-height // stride), -(-width // stride)) for stride in extractor.strides]
        assert [tuple(feature.shape[2:]) for feature in features] == sizes


@torch.no_grad()
def test_maps_lie_as_the_image_does():
    """A spot in the upper right corner changes the map there most, also in maps that timm gives as (N, H, W, C)."""
    extractor = make(WINDOWS).backbone.eval()
    plain, spotted = torch.zeros(1, 3, 64, 128), torch.zeros(1, 3, 64, 128)
    spotted[:, :, :8, -8:] = 3
    change = (extractor(spotted).low - extractor(plain).low).abs().sum(1)[0]
    row, column = divmod(int(change.argmax()), change.shape[1])
    assert (row < 2, column >= 30) == (True, True)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_what_can_be_dilated_has_the_output_stride(stride):
    model = make(CONVNEXT, output_stride=stride)
    assert (model.backbone.strides.last, model.config.output_stride) == (stride, stride)


def test_strides_that_do_not_fit_are_refused_with_the_numbers():
    with pytest.raises(ConfigError, match="output_stride = 16: backbone = timm:pvt_v2_b0 has features at strides 4"):
        make(PYRAMID, output_stride=16)
    assert make(PYRAMID, output_stride=32).config.architecture()["dilations"] == (6, 12, 18, 24)
    assert make(PYRAMID, network="deeplabv3plus").config.architecture()["dilations"] == (3, 6, 9)
    with pytest.raises(ConfigError, match="has stride 16 for the early and 16 for the last. Pass network=deeplabv2"):
        make(PLAIN, network="deeplabv3plus")
    with pytest.raises(ConfigError, match=r"does not take images of every size: one of 32x64 pixels fails with .h"):
        make("timm:maxvit_pico_rw_256")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("convnext_ato", "has no network of that name; did you mean convnext_atto"),
        ("resnet18.a9_in1k", r"did you mean resnet18\.a"),
        ("", "has no network of that name; timm.list_models"),
        ("beit_base_patch16_224/x", "has no network of that name; did you mean beit_base_patch16_224"),
    ],
)
def test_a_name_that_timm_does_not_have(name, message):
    with pytest.raises(ConfigError, match=message):
        make(f"timm:{name}")


def test_without_timm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r"backbone = timm:x needs timm, .* pip install 'msl\[timm\]'"):
        make("timm:x")


def test_the_preprocessing_is_the_one_that_timm_records():
    assert make(CONVNEXT).config.preprocessing == "imagenet_rgb"
    model = make(PLAIN)
    assert model.config.preprocessing == "rgb:0.5,0.5,0.5/0.5,0.5,0.5"
    white = model.preprocessing(torch.full((1, 3, 1, 1), 255, dtype=torch.uint8))
    assert white.flatten().tolist() == [1, 1, 1]
    assert make(PLAIN, preprocessing="imagenet_rgb").config.preprocessing == "imagenet_rgb"


@pytest.mark.parametrize("backbone", [CONVOLUTIONAL, CONVNEXT, PLAIN])
def test_a_file_of_a_whole_network_of_timms_starts_the_features(backbone, tmp_path):
    torch.manual_seed(1)
    whole = timm.create_model(backbone.removeprefix("timm:"))
    torch.save(whole.state_dict(), tmp_path / "whole.pth")
    stride = 16 if backbone == PLAIN else 32
    model = make(backbone, weights=str(tmp_path / "whole.pth"), output_stride=stride)
    assert_features_are_those_of(whole, model)

    state = whole.state_dict()
    del state[next(name for name in state if "blocks" in name)]
    torch.save(state | {"extra.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"1 missing \(.*1 unexpected \(extra.weight"):
        make(backbone, weights=str(tmp_path / "other.pth"))


@torch.no_grad()
def assert_features_are_those_of(whole, model):
    image = torch.rand(1, 3, 224, 224)
    maps = whole.eval().forward_intermediates(image, intermediates_only=True)
    torch.testing.assert_close(model.backbone.eval()(image).last, maps[-1])


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The folder of an empty cache of timm's hub, without a network."""
    constants = pytest.importorskip("huggingface_hub").constants
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_imagenet_weights_come_from_the_cache_of_timms_hub(hub):
    torch.manual_seed(1)
    whole = timm.create_model("convnext_atto")
    repository = hub / f"models--{timm.get_pretrained_cfg('convnext_atto').hf_hub_id.replace('/', '--')}"
    files = repository / "snapshots" / "1234"
    files.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("1234")
    torch.save(whole.state_dict(), files / "pytorch_model.bin")
    model = make(CONVNEXT, weights="imagenet", output_stride=32)
    assert_features_are_those_of(whole, model)
    assert model.config.preprocessing == "imagenet_rgb"
    with pytest.raises(CheckpointError, match="weights = imagenet needs preprocessing = imagenet_rgb, not rgb:0,0,0"):
        make(CONVNEXT, weights="imagenet", preprocessing="rgb:0,0,0/1,1,1")


@pytest.mark.usefixtures("hub")
def test_imagenet_weights_that_cannot_be_fetched():
    message = r"Weights of timm:convnext_atto cannot be fetched: .* timm looked for them at timm/convnext_atto.*HF_HOME"
    with pytest.raises(CheckpointError, match=message):
        make(CONVNEXT, weights="imagenet")


@pytest.mark.usefixtures("tiny_store")
def test_a_tiny_experiment_runs_on_a_backbone_of_timms():
    """The plain transformer: its checkpoint brings a stride and a preprocessing that the settings leave open."""
    parent = carry_out(request("pretrain", backbone=PLAIN, width=1.0))
    checkpoint = f"runs:/{parent.run_id}/checkpoints/last.pt"
    adapted = carry_out(request("adapt", backbone=PLAIN, width=1.0, checkpoint=checkpoint))
    shared = {"source": "tiny.yaml", "target": "tiny_real.yaml", "crop_size": (64, 32), "num_workers": 0}
    outcome = evaluate(EvaluateConfig.of(checkpoint=f"runs:/{adapted.run_id}/checkpoints/last.pt", **shared))
    assert 0 <= outcome.metrics["target/PA"] <= 100


@pytest.mark.usefixtures("tiny_store")
def test_a_tiny_pretraining_runs_on_a_pyramid_and_is_evaluated():
    run_id = carry_out(request("pretrain", backbone=PYRAMID, width=1.0, network="deeplabv3plus")).run_id
    shared = {"source": "tiny.yaml", "target": "tiny_real.yaml", "crop_size": (64, 32), "num_workers": 0}
    outcome = evaluate(EvaluateConfig.of(checkpoint=f"runs:/{run_id}/checkpoints/last.pt", **shared))
    assert 0 <= outcome.metrics["target/PA"] <= 100


@pytest.mark.parametrize(
    ("backbone", "names"),
    [
        (PLAIN, {"pos_embed", "cls_token"}),
        (WINDOWS, {"relative_position_bias_table"}),
        (CONVOLUTIONAL, set()),
    ],
)
def test_what_timm_wants_without_decay_does_not_decay(backbone, names):
    model = make(backbone, dilations=(1,))
    groups = parameter_groups(model, OptimizerConfig(optimizer="adamw", lr=1e-4), decay_norms=False)
    constant = {id(p) for group in groups if group.get("weight_decay") == 0 for p in group["params"]}
    named = {name.rpartition(".")[2] for name, p in model.named_parameters() if p.ndim > 1 and id(p) in constant}
    assert named == names
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
