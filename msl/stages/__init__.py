"""The stages of an experiment, one function each: the only room that joins data, models, training and tracking."""

from msl.stages.course import Outcome
from msl.stages.evaluation import evaluate
from msl.stages.examination import validate
from msl.stages.training import adapt, pretrain, target_solo

__all__ = ["Outcome", "adapt", "evaluate", "pretrain", "target_solo", "validate"]
