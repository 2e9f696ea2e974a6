"""The settings that a network has after it was built, without its weights."""

from functools import cache

import torch

from msl.config import ModelConfig
from msl.models.build import build_model
from msl.references import backbone_file


@cache
def settled(config: ModelConfig) -> ModelConfig:
    """The settings with what the backbone and its weights decide, as a checkpoint of the network has them.

    Raises:
        CheckpointError: the weights are a file that is missing or does not fit.
        ConfigError: the backbone cannot be built, or does not fit the network.
    """
    if backbone_file(config.weights).is_file():
        return build_model(config).config
    with torch.device("meta"):  # names and shapes without memory
        built = build_model(config.model_copy(update={"weights": "none"})).config
    return built.model_copy(update={"weights": config.weights})
