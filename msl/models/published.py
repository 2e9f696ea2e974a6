"""Files of other programs: torchvision's DeepLabV3, and DeepLabV2 on a Caffe ResNet-101 as the authors save it.

https://github.com/ZJULearning/MaxSquareLoss. Where their code differs from a plain reading of the paper:

- The head holds four convolutions (dilation 6, 12, 18, 24), but only the first two were ever summed, so only those
  were trained. `dilations=6,12,18,24` sums all four.
  AdaptSegNet's files are the same; ADVENT's have the same names, but there all four were summed and trained.
- The backbone comes from Caffe: BGR input, strides in the first convolution of a bottleneck.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from msl.config import ModelConfig
from msl.errors import CheckpointError
from msl.labels import LABEL_SETS, LabelSet, are_numbered, numbered_label_set
from msl.models.build import build_model, fill_in, settings_of_weights
from msl.models.network import SegmentationNetwork
from msl.models.preprocessing import Preprocessing
from msl.models.torchvision_files import is_torchvision, settings_left_open, torchvision_network
from msl.weights import check_fit, load_file, state_dict_in

log = logging.getLogger("msl")

_SPREAD = (6, 12, 18, 24)  # dilations of the convolutions that a head holds
_TRAINED = 2  # number of them that were summed in training
_LABEL_SETS = {19: "cityscapes19", 16: "synthia16", 13: "crosscity13"}  # by the number of outputs
_HEADS = {2048: "main_head", 1024: "aux_head"}  # by the number of channels that a head reads, of layer4 or layer3


class Published(NamedTuple):
    """The content of a file of the authors."""

    config: ModelConfig
    weights: dict[str, Tensor]  # in our naming
    label_set: LabelSet
    step: int


def load_published(path: Path, config: ModelConfig | None = None) -> tuple[SegmentationNetwork, Preprocessing]:
    """The network in a file of the authors, in eval mode, and the preprocessing that it applies to its input.

    Args:
        path: a trainer's file or a bare state dict.
        config: settings that replace those of the file; None in a setting: as in the file.

    Raises:
        CheckpointError: the file is damaged, or does not fit; the message names missing, unexpected and misshapen keys.
    """
    published = read_published(path, config)
    model = build_model(published.config)
    model.load_state_dict(check_fit(published.weights, model.state_dict(), str(path)))
    assert isinstance(model.preprocessing, Preprocessing)
    return model.eval(), model.preprocessing


def read_published(path: Path, config: ModelConfig | None = None) -> Published:
    """A file of the authors in our naming; runs no code from it. Arguments and errors as in `load_published`."""
    content = load_file(path)
    state = state_dict_in(content)
    if is_torchvision(state):
        return _of_torchvision(path, state, config or ModelConfig())
    heads = {name: _convolutions(key, state) for key in ("layer5", "layer6") if (name := _head_name(key, state))}
    if "main_head" not in heads:
        raise CheckpointError(
            f"{path} is neither a checkpoint of msl nor of the authors of the loss, of AdaptSegNet or ADVENT, nor a "
            f"DeepLabV3 of torchvision: it has no layer6.conv2d_list.0.weight. It starts with "
            f"{', '.join(list(state)[:3])}."
        )
    full_config = fill_in(config or ModelConfig(), settings_of_weights(content), str(path))
    dilations = full_config.dilations or _SPREAD[:_TRAINED]
    weights = {f"backbone.network.{k}": v for k, v in state.items() if not k.startswith(("layer5.", "layer6.", "fc."))}
    for name, branches in heads.items():
        if len(branches) < len(dilations):
            raise CheckpointError(
                f"{path} has {len(branches)} convolutions in its {name}: pass fewer dilations than {dilations}"
            )
        if len(branches) > len(dilations):
            log.info(
                "%s: of the %s's %d convolutions, those with dilations %s are summed; ADVENT's files need dilations=%s",
                *(path, name, len(branches), ",".join(map(str, dilations)), ",".join(map(str, _SPREAD))),
            )
        for j, branch in enumerate(branches[: len(dilations)]):
            weights |= {f"{name}.{j}.{part}": value for part, value in branch.items()}
    num_classes = heads["main_head"][0]["weight"].shape[0]
    settings = {
        "network": "deeplabv2",
        "backbone": "resnet101",
        "multi": "aux_head" in heads,
        "num_classes": num_classes,
        "preprocessing": full_config.preprocessing,
        "bn_affine": full_config.bn_affine,
        "dilations": dilations,
        "output_stride": 8,
        "width": 1.0,
        "weights": "none",
    }
    label_set, step = _label_set(path, num_classes), int(content.get("iteration", 0))
    return Published(ModelConfig.model_validate(settings), weights, label_set, step)


def _of_torchvision(path: Path, state: Mapping[str, Tensor], config: ModelConfig) -> Published:
    """A DeepLabV3 of torchvision. Its file names no classes: their number tells the published sets."""
    settings, weights = torchvision_network(path, state)
    count = settings["num_classes"]
    label_set = LABEL_SETS[_LABEL_SETS[count]] if count in _LABEL_SETS else numbered_label_set(path.stem, count)
    settings |= settings_left_open(config)
    if are_numbered(label_set.classes):
        log.info(
            "%s does not name its %d classes, so they are numbered. evaluate and adapt take the names of data that has "
            "as many; `classes:` of its YAML file lists them in the order of the network's outputs (docs/own-data.md)",
            *(path, count),
        )
    return Published(ModelConfig.model_validate(settings), weights, label_set, 0)


def _head_name(key: str, state: Mapping[str, Tensor]) -> str | None:
    first = state.get(f"{key}.conv2d_list.0.weight")
    return None if first is None else _HEADS.get(first.shape[1])


def _convolutions(key: str, state: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """Weight and bias of each convolution of a head."""
    count = sum(name.startswith(f"{key}.") and name.endswith(".weight") for name in state)
    parts = ("weight", "bias")
    return [{p: v for p in parts if (v := state.get(f"{key}.conv2d_list.{j}.{p}")) is not None} for j in range(count)]


def _label_set(path: Path, num_classes: int) -> LabelSet:
    """The label set for which the authors trained this number of outputs."""
    if num_classes not in _LABEL_SETS:
        raise CheckpointError(
            f"{path} predicts {num_classes} classes; the networks of the authors predict 19, 16 or 13"
        )
    return LABEL_SETS[_LABEL_SETS[num_classes]]
