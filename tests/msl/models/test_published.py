"""The authors' files, against a plain implementation of their network after its description."""

import pickle

import numpy as np
import pytest
import torch
import torchvision.models as zoo
from safetensors.torch import save_file
from torch.nn import functional as fn

from msl.config import ModelConfig
from msl.errors import CheckpointError
from msl.models import build_model, load_published
from msl.models.published import read_published

BLOCKS = {"layer1": 3, "layer2": 4, "layer3": 23, "layer4": 3}
STRIDES = {"layer2": 2}  # output stride 8: of the stages, only the second still halves
DILATIONS = {"layer3": 2, "layer4": 4}
MEAN = (104.00698793, 116.66876762, 122.67891434)  # blue, green, red


@pytest.fixture(scope="module")
def state():
    """Random weights by the authors' names: a ResNet-101 with two heads of four convolutions."""
    generator = torch.Generator().manual_seed(0)
    state = {k: v for k, v in zoo.resnet101().state_dict().items() if not k.startswith("fc.")}
    for name, value in state.items():
        if "running" in name or "bn" in name or "downsample.1" in name:
            state[name] = torch.rand(value.shape, generator=generator) * 0.2 + 0.9 if value.ndim else value
    for head, channels in (("layer5", 1024), ("layer6", 2048)):
        for j in range(4):
            state[f"{head}.conv2d_list.{j}.weight"] = torch.randn(19, channels, 3, 3, generator=generator) * 0.01
            state[f"{head}.conv2d_list.{j}.bias"] = torch.randn(19, generator=generator) * 0.1
    return state


def published(state, image, branches):
    """Main and second logits of the published network, written out from its description."""

    def norm(x, name):
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return fn.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"], training=False)

    def conv(x, name, **how):
        return fn.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), **how)

    def stage(x, layer):
        d = DILATIONS.get(layer, 1)
        for i in range(BLOCKS[layer]):
            s, name = STRIDES.get(layer, 1) if i == 0 else 1, f"{layer}.{i}"
            y = norm(conv(x, f"{name}.conv1", stride=s), f"{name}.bn1").relu()
            y = norm(conv(y, f"{name}.conv2", padding=d, dilation=d), f"{name}.bn2").relu()
            y = norm(conv(y, f"{name}.conv3"), f"{name}.bn3")
            skip = norm(conv(x, f"{name}.downsample.0", stride=s), f"{name}.downsample.1") if i == 0 else x
            x = (y + skip).relu()
        return x

    def head(x, layer):
        maps = [
            conv(x, f"{layer}.conv2d_list.{j}", padding=d, dilation=d)
            for j, d in list(enumerate((6, 12, 18, 24)))[:branches]
        ]
        return fn.interpolate(sum(maps), image.shape[2:], mode="bilinear", align_corners=True)

    x = image.float().flip(1) - torch.tensor(MEAN).view(1, 3, 1, 1)
    x = norm(conv(x, "conv1", stride=2, padding=3), "bn1").relu()
    x = fn.max_pool2d(x, 3, stride=2, padding=1, ceil_mode=True)
    x3 = stage(stage(stage(x, "layer1"), "layer2"), "layer3")
    return head(stage(x3, "layer4"), "layer6"), head(x3, "layer5")


def saved(tmp_path, content):
    torch.save(content, tmp_path / "published.pth")
    return tmp_path / "published.pth"


@pytest.mark.parametrize(("config", "branches"), [(None, 2), (ModelConfig(dilations="6,12,18,24"), 4)])
@torch.no_grad()
def test_both_outputs_are_the_published_networks(tmp_path, state, config, branches):
    trainers = {"state_dict": {f"module.{k}": v for k, v in state.items()}, "iteration": 9, "epoch": 1}
    model, preprocessing = load_published(saved(tmp_path, trainers | {"best_MIou": np.float64(0.4)}), config)
    image = torch.randint(0, 256, (1, 3, 66, 90), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    main, aux = published(state, image, branches)
    output = model(image)
    scale = max(main.abs().max().item(), 1.0)
    torch.testing.assert_close(output.main, main, rtol=1e-4, atol=1e-4 * scale)
    torch.testing.assert_close(output.aux, aux, rtol=1e-4, atol=1e-4 * scale)
    assert preprocessing is model.preprocessing
    assert (model.config.preprocessing, model.config.num_classes, model.config.multi) == ("caffe_bgr", 19, True)
    assert len(model.config.dilations) == branches


def test_bare_files_without_counters_and_with_one_head(tmp_path, state):
    bare = {k: v for k, v in state.items() if not k.startswith("layer5.") and "num_batches" not in k}
    published = read_published(saved(tmp_path, bare))
    assert (published.config.multi, published.step, published.label_set.name) == (False, 0, "cityscapes19")
    assert not load_published(tmp_path / "published.pth")[0].training


def test_batch_norm_without_scale_and_shift_comes_with_the_file(tmp_path, state):
    norms = {k.removesuffix("running_mean") for k in state if k.endswith("running_mean")}
    plain = {k: v for k, v in state.items() if not k.endswith((".weight", ".bias")) or not k.startswith(tuple(norms))}
    model, _ = load_published(saved(tmp_path, plain))
    assert model.config.bn_affine is False
    image = torch.randint(0, 256, (1, 3, 34, 42), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    ones = {f"{norm}weight": torch.ones(len(state[f"{norm}running_mean"])) for norm in norms}
    zeros = {f"{norm}bias": torch.zeros(len(state[f"{norm}running_mean"])) for norm in norms}
    with torch.no_grad():
        torch.testing.assert_close(
            model(image).main, published(plain | ones | zeros, image, 2)[0], rtol=1e-4, atol=1e-4
        )
    with pytest.raises(CheckpointError, match="needs bn_affine = False, not True"):
        load_published(tmp_path / "published.pth", ModelConfig(bn_affine=True))


@pytest.mark.parametrize(
    ("change", "config", "message"),
    [
        (lambda s: s.pop("layer3.7.conv2.weight"), None, r"1 missing \(backbone.network.layer3.7.conv2.weight"),
        (lambda s: s.update({"layer9.w": torch.zeros(1)}), None, r"1 unexpected \(backbone.network.layer9.w"),
        (lambda s: s.update({"conv1.weight": torch.zeros(8, 3, 7, 7)}), None, "1 of another shape"),
        (
            lambda s: None,
            ModelConfig(preprocessing="imagenet_rgb", backbone="resnet101"),
            "needs preprocessing = caffe_bgr",
        ),
        (lambda s: s.clear(), None, "neither a checkpoint of msl nor of the authors"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, state, change, config, message):
    changed = dict(state)
    change(changed)
    with pytest.raises(CheckpointError, match=message):
        load_published(saved(tmp_path, changed), config)


def test_another_number_of_classes_is_refused(tmp_path, state):
    seven = {k: v[:7] if ".conv2d_list." in k else v for k, v in state.items()}
    with pytest.raises(CheckpointError, match="predicts 7 classes; the networks of the authors predict 19, 16 or 13"):
        read_published(saved(tmp_path, seven))


def test_the_start_file_brings_its_preprocessing_and_leaves_its_heads(tmp_path, state):
    coco = {f"Scale.{k}": v for k, v in state.items() if not k.startswith("layer6.")}
    coco |= {"Scale.layer5.conv2d_list.0.weight": torch.zeros(21, 2048, 3, 3)}
    path = str(saved(tmp_path, coco))
    model = build_model(ModelConfig(backbone="resnet101", weights=path))
    assert model.config.preprocessing == "caffe_bgr"
    assert torch.equal(model.backbone.network.layer4[2].conv3.weight, state["layer4.2.conv3.weight"])
    with pytest.raises(CheckpointError, match="needs preprocessing = caffe_bgr, not imagenet_rgb"):
        build_model(ModelConfig(backbone="resnet101", weights=path, preprocessing="imagenet_rgb"))


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code from a checkpoint was run",))


def test_damage_and_code_are_refused(tmp_path, state):
    whole = saved(tmp_path, {k: v for k, v in state.items() if k.startswith("layer6.")}).read_bytes()
    path = tmp_path / "published.pth"
    for content in (whole[: len(whole) // 2], pickle.dumps({"state_dict": Bomb()})):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="published.pth cannot be read"):
            load_published(path)


def test_a_file_of_safetensors_is_read_as_one_of_torch(state, tmp_path):
    torch.save(state, tmp_path / "net.pth")
    save_file(state, tmp_path / "net.safetensors")
    ours, theirs = (read_published(tmp_path / f"net.{suffix}") for suffix in ("pth", "safetensors"))
    assert ours.config == theirs.config
    assert all(torch.equal(ours.weights[name], theirs.weights[name]) for name in ours.weights)
    save_file({"layer": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="other.safetensors is neither a checkpoint of msl nor of the authors"):
        read_published(tmp_path / "other.safetensors")
