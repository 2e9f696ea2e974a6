"""The stage adapt: supervision on the source, the target objective on the target (Chen et al., ICCV 2019)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from msl.checkpoints import Checkpoint
from msl.config import AdaptConfig
from msl.config.catalog import TARGET_OBJECTIVES
from msl.data.class_pixels import class_pixels
from msl.inputs.domains import DomainData, open_data
from msl.models import SegmentationNetwork
from msl.schema import SOURCE, TARGET
from msl.stages.segmentation import Extension
from msl.stages.stage import Job
from msl.stages.started import StartedStage
from msl.training import Term
from msl.training.affine import freeze_all_but_affine
from msl.training.callbacks import LogDose
from msl.training.objectives.adaptation import Adaptation
from msl.training.objectives.supervised import Supervised

A = TypeVar("A", bound=AdaptConfig)
D = TypeVar("D", bound=DomainData)

# Settings that older runs lack, and what those did. With these values a fingerprint is that of an older run.
_BEFORE = {"prior": "none", "trained_weights": "all"}


class AdaptingStage(StartedStage[A, D], Generic[A, D]):
    """Any stage that adapts a pretrained network to the target by a target objective."""

    def decisive(self, config: A, data: D) -> dict[str, Any]:
        """Without settings that have the values that older versions had no names for."""
        settings = super().decisive(config, data)
        unnamed = {name for name, value in _BEFORE.items() if settings[name] == value}
        if "prior" in unnamed:
            unnamed.add("prior_weight")
        return {name: value for name, value in settings.items() if name not in unnamed}

    def modules(self, config: A) -> list[str]:
        """Also the modules of the target objective and of what only some settings need."""
        optional = []
        if config.adaptation.trained_weights == "bn_affine":
            optional.append(freeze_all_but_affine.__module__)
        return [*super().modules(config), TARGET_OBJECTIVES.module(config.adaptation.target_mode), *optional]

    def network(self, job: Job[A, D], checkpoint: Checkpoint | None) -> SegmentationNetwork:
        """Weights that are not trained are frozen."""
        network = super().network(job, checkpoint)
        if job.config.adaptation.trained_weights == "bn_affine":
            freeze_all_but_affine(network)
        return network

    def terms(self, config: A, epoch_iters: int) -> list[Term]:
        """Supervision on the source, the target objective on the target."""
        weight = config.objective.lambda_seg
        return [Term(SOURCE, Supervised(weight)), Term(TARGET, Adaptation(config.adaptation, weight))]

    def informed_terms(self, job: Job[A, D], epoch_iters: int, device: torch.device) -> list[Term]:
        """The target objective with its prior on the classes."""
        terms, prior = super().informed_terms(job, epoch_iters, device), _class_prior(job)
        return terms if prior is None else [_with_prior(term, prior.to(device)) for term in terms]

    def extension(self, job: Job[A, D], network: SegmentationNetwork, positions: Mapping[str, int]) -> Extension:
        """The dose is logged, too."""
        plain, config = super().extension(job, network, positions), job.config
        dose = LogDose(config.adaptation.lambda_target, config.monitor.log_every, job.reporter)
        return Extension(callbacks={**plain.callbacks, "dose": dose})


class Adapt(AdaptingStage[AdaptConfig, DomainData]):
    """source → Supervised; target → Adaptation."""

    name = "adapt"

    def open(self, config: AdaptConfig) -> DomainData:
        """Both domains, the target without its labels; raises as `open_data` does."""
        return open_data(config, self.trains_on)


def _class_prior(job: Job[Any, Any]) -> Tensor | None:
    """The prior on the classes (C,) that the settings name, on the CPU; None if they name none."""
    prior: str = job.config.adaptation.prior
    if prior == "none":
        return None
    if prior == "uniform":
        return torch.full((len(job.data.label_set),), 1 / len(job.data.label_set))
    checked = job.data.check_of(SOURCE)
    pixels = class_pixels(checked.domain, checked.report.digest)[:, :-1].sum(dim=0)  # (C,)
    return pixels / pixels.sum()


def _with_prior(term: Term, prior: Tensor) -> Term:
    objective = term.objective
    return replace(term, objective=replace(objective, prior=prior)) if isinstance(objective, Adaptation) else term
