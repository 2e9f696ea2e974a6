"""The stages of an experiment, one function each: the only room that joins data, models, training and tracking."""

from msl.stages.evaluation import evaluate
from msl.stages.examination import validate
from msl.stages.joint import joint_adain
from msl.stages.runs import Outcome
from msl.stages.style_training import train_style
from msl.stages.styling import Copy, stylize
from msl.stages.training import adapt, pretrain, target_solo

__all__ = [
    "Copy",
    "Outcome",
    "adapt",
    "evaluate",
    "joint_adain",
    "pretrain",
    "stylize",
    "target_solo",
    "train_style",
    "validate",
]
