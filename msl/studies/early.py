"""The weights that the runs of a study begin with, looked at before the first of them starts."""

from collections.abc import Iterable
from pathlib import Path

from msl.config import ModelConfig
from msl.inputs.early import check_files
from msl.inputs.places import weights_file
from msl.models import build_model
from msl.studies.graph import Node
from msl.style import load_encoder


def check_weights(nodes: Iterable[Node]) -> None:
    """Load the weights of each network and of each style encoder once; what a library downloads is there afterwards.

    Args:
        nodes: those that are to run.

    Raises:
        CheckpointError: a file is missing or does not fit, or weights cannot be fetched.
        ConfigError: a network cannot be built.
    """
    models: list[ModelConfig] = []
    encoders: list[str] = []
    for node in nodes:
        check_files(node.request.settings)
        values = node.request.settings.flat()
        model = getattr(node.request.settings, "model", None)
        if model is not None and values.get("checkpoint") is None and "checkpoint" not in node.needs:
            models.append(model)
        if values.get("encoder") is not None:
            root = values["data_root"]
            encoders.append(weights_file(values["encoder"], None if root is None else Path(root)))
    for model in (model for number, model in enumerate(models) if model not in models[:number]):
        build_model(model)
    for encoder in dict.fromkeys(encoders):
        load_encoder(encoder)
