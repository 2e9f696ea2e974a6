"""Names of the parameters that hold settings."""

from collections.abc import Mapping
from typing import Final

# `mlflow run` logs the typed values with the plain names, as shell-quoted text; the resolved values need other names.
PARAM_PREFIX: Final = "cfg."
# A parameter cannot change. If a resume changes a setting, a tag with this prefix has its present value.
CHANGED_PREFIX: Final = "msl.cfg."
SEED: Final = "seed"


# Settings of training that older runs lack, and what those did.
ADDED_SETTINGS: Final[Mapping[str, str]] = {
    "optimizer": "sgd",
    "betas": "0.9,0.999",
    "eps": "1e-08",
    "decay_norms": "None",
    "clip_norm": "None",
    "warmup_iters": "0",
    "warmup_ratio": "1e-06",
    "prior": "none",
    "prior_weight": "1.0",
    "trained_weights": "all",
}


def param(option: str) -> str:
    """Parameter that holds an option's resolved value."""
    return PARAM_PREFIX + option


def changed(option: str) -> str:
    """Tag that holds the value that a resume gave to an option."""
    return CHANGED_PREFIX + option
