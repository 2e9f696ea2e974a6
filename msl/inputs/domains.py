"""The domains of a stage, opened and checked before anything costly begins."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msl import schema
from msl.config import EvaluateConfig, TrainConfig
from msl.data import Domain, open_domain
from msl.errors import ConfigError, MissingSplitError, UnlabelledError
from msl.inputs.checks import Checked, check
from msl.inputs.notices import tell_once
from msl.inputs.unlabelled import Unlabelled, open_unlabelled
from msl.labels import LabelSet
from msl.scoring.evaluation import Scored
from msl.tracking import DataInput

log = logging.getLogger("msl")


@dataclass(frozen=True)
class DomainData:
    """The domains of a stage that trains a segmentation network, every sample of them checked."""

    label_set: LabelSet
    sizes: Mapping[str, tuple[int, int]]  # width and height of the network's input, by role
    trained: Mapping[str, Domain]  # by role
    scored: Sequence[Scored]
    checks: Sequence[Checked]  # of every domain
    unlabelled: Unlabelled  # images of the target for criteria and statistics

    @property
    def inputs(self) -> list[DataInput]:
        """The domains that are trained on or scored, as the run store records them."""
        return [checked.input for checked in self.checks]

    def digests(self) -> dict[str, str]:
        """Content digests of the domains that are trained on, by role."""
        return {data.role: data.digest for data in self.inputs if data.role in self.trained and data.split == "train"}

    def check_of(self, role: str) -> Checked:
        """The check of the domain that is trained on in this role."""
        return next(checked for checked in self.checks if checked.domain is self.trained[role])

    def modules(self) -> list[str]:
        """Modules whose code reads the training data."""
        readers = {module for domain in self.trained.values() for module in domain.modules()}
        return [*sorted(readers), "msl.data.loaders", "msl.data.transforms"]

    def label_tables(self) -> dict[str, str]:
        """Digests of the tables from label values to classes, by role, for the labels that are trained on."""
        labelled = {role: domain for role, domain in self.trained.items() if domain.labelled}
        return {f"{role} labels": domain.table_digest() for role, domain in labelled.items()}

    def tags(self) -> dict[str, str]:
        """The tags that name the data of a run: for each role, the split that is trained on, or else the scored one."""
        names = {schema.SOURCE: schema.DATA_SOURCE, schema.TARGET: schema.DATA_TARGET}
        domains = [checked.input for checked in self.checks]
        data_tags = {
            names[data.role]: str(schema.DataTag(data.name, data.split, data.digest[:12])) for data in reversed(domains)
        }
        return data_tags | {schema.DATA_STYLES[data.role]: describe_style(data.style) for data in domains if data.style}


def open_data(config: TrainConfig, trains_on: Sequence[str]) -> DomainData:
    """Open and check the domains that are trained on (roles in `trains_on`) and those that are scored.

    The target is trained on without its labels; they are used only for scores. Samples that cannot be used are refused
    or, with `skip_bad`, left out of training and scores.

    Raises:
        ConfigError: a domain or the label set is unknown, or the stage needs a target and has none.
        DataError: a folder, an image or a label is missing, unreadable or does not fit.
    """
    root = config.runtime.data_root
    source = open_domain(config.source.source, root, "train", config.source.label_set)
    names = {schema.SOURCE: config.source.source, schema.TARGET: config.target.target}
    sizes = {
        schema.SOURCE: config.source.crop_size,
        schema.TARGET: config.target.target_crop_size or config.source.crop_size,
    }
    trained = {schema.SOURCE: source}
    if schema.TARGET in trains_on:
        if config.target.target is None:
            raise ConfigError("target = none: this stage trains on a target; pass target=NAME")
        trained[schema.TARGET] = open_domain(config.target.target, root, "train", source.label_set, labelled=False)
    opened = names if config.evaluation.target_labels else {schema.SOURCE: names[schema.SOURCE]}
    scored = [
        (role, domain)
        for role, name in opened.items()
        if name is not None and (domain := open_scored_split(name, root, source.label_set)) is not None
    ]
    skip_bad = config.runtime.skip_bad
    checked_trained = {role: check(role, domain, skip_bad) for role, domain in trained.items()}
    checked_scored = [check(role, domain, skip_bad) for role, domain in scored]
    target = next((checked for checked in checked_scored if checked.role == schema.TARGET), None)
    size = _whole(sizes[schema.TARGET], config)
    unlabelled = open_unlabelled(config, source.label_set, size, checked_trained.get(schema.TARGET), target)
    return DomainData(
        label_set=source.label_set,
        sizes=sizes,
        trained={role: checked.domain for role, checked in checked_trained.items()},
        scored=[to_score(c.role, c.domain, _whole(sizes[c.role], config), config) for c in checked_scored],
        checks=[*checked_trained.values(), *checked_scored, *unlabelled.checks],
        unlabelled=unlabelled,
    )


def _whole(size: tuple[int, int], config: TrainConfig) -> tuple[int, int]:
    """The network's input for a whole image; training may use quarters of images."""
    return (2 * size[0], 2 * size[1]) if config.quarters else size


def describe_style(style: Mapping[str, str]) -> str:
    """How a styled copy was made, in one line."""
    return ", ".join(f"{name}={value}" for name, value in style.items())


def open_scored_split(
    name: str, root: Path | None, label_set: str | LabelSet | None, split: str = "val"
) -> Domain | None:
    """The split of a domain that is scored; None, with a warning, if it has no labels or does not exist."""
    try:
        return open_domain(name, root, split, label_set)
    except (UnlabelledError, MissingSplitError) as error:
        tell_once(f"{error}; it is not scored", name)
        return None


def to_score(role: str, domain: Domain, size: tuple[int, int], config: TrainConfig | EvaluateConfig) -> Scored:
    """A domain with the settings of its evaluation."""
    evaluation = config.evaluation
    return Scored(
        role=role,
        domain=domain,
        size=size,
        count=evaluation.eval_images,
        flip=evaluation.eval_flip,
        scales=evaluation.eval_scales,
        resize_labels=evaluation.resize_labels,
        extra_metrics=evaluation.extra_metrics or (),
        num_workers=config.runtime.num_workers,
    )
