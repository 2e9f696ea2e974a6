"""Domains by name."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msl.config.catalog import DOMAINS
from msl.data.domain import Domain
from msl.data.domain_file import CopiedFrom, DomainFile, check_root, native_label_set, raw_ids, read_domain_file
from msl.data.files import FileSamples
from msl.data.generated import GeneratedSamples
from msl.data.layout import Layout
from msl.data.pairs import pattern_samples
from msl.data.samples import Samples
from msl.data.styled import styled_samples
from msl.data.yaml_file import DOMAIN_SUFFIXES, is_domain_file
from msl.errors import ConfigError, DataError
from msl.labels import CITYSCAPES_IDS, LabelSet, RawIds, find_label_set
from msl.streets import STYLES, Streets


class _Opened(NamedTuple):
    label_set: LabelSet  # of the data set
    ids: RawIds
    samples: Samples
    name: str
    style: Mapping[str, str] = {}


_STREET_COUNTS = {"train": 1000, "val": 100, "test": 100}


def domain_names() -> list[str]:
    """Names of the domains that need no YAML file."""
    return list(DOMAINS)


def check_name(name_or_yaml: str) -> None:
    """Check that a domain is known; its files are not looked for.

    Raises:
        ConfigError: no domain has that name, or the YAML file is missing or wrong.
    """
    if is_domain_file(name_or_yaml):
        read_domain_file(Path(name_or_yaml))
    elif name_or_yaml not in DOMAINS:
        raise _unknown(name_or_yaml)


def check_label_set(name_or_yaml: str) -> None:
    """Check that a label set is known.

    Raises:
        ConfigError: no label set has that name, or the YAML file is missing or wrong.
    """
    if is_domain_file(name_or_yaml):
        read_domain_file(Path(name_or_yaml))
    else:
        find_label_set(name_or_yaml)


def open_domain(
    name_or_yaml: str,
    data_root: Path | None = None,
    split: str = "train",
    label_set: str | LabelSet | None = None,
    labelled: bool = True,
) -> Domain:
    """One split of a domain.

    Args:
        name_or_yaml: one of `domain_names()`, or the path of a YAML file (see `msl.data.domain_file`).
        data_root: folder of the published data sets; generated domains and YAML files do not need it.
        split: train, val, or another that the data set has.
        label_set: classes in which the labels are read, or their name; None = those of the data set.
        labelled: if False, the label files are never opened.

    Raises:
        ConfigError: the domain, the label set or a setting in the YAML file is unknown.
        DataError: the folder or the split is missing or empty.
    """
    opened = _find(name_or_yaml, data_root, split, labelled)
    classes = _label_set(label_set, opened.label_set)
    if labelled:
        classes.table(opened.ids)  # an early error if the data shares no class with the label set
    return Domain(opened.name, split, opened.samples, opened.ids, classes, labelled, opened.style, opened.label_set)


def _label_set(label_set: str | LabelSet | None, native: LabelSet) -> LabelSet:
    if isinstance(label_set, LabelSet):
        return label_set
    if label_set in (None, native.name):
        return native
    if is_domain_file(label_set):
        return native_label_set(read_domain_file(Path(label_set)))
    return find_label_set(label_set)


def _find(name: str, data_root: Path | None, split: str, labelled: bool) -> _Opened:
    if name in STYLES:
        return _streets(DomainFile(name=name, layout=name), split)
    if name in DOMAINS:
        layout: Layout = DOMAINS.load(name)
        return _Opened(find_label_set(layout.label_set), layout.ids, layout.open(layout.root(data_root), split), name)
    if is_domain_file(name):
        domain = read_domain_file(Path(name))
        if domain.content is not None:
            return _styled(domain, domain.content, data_root, split, labelled)
        return _described(domain, split, labelled)._replace(style=domain.style)
    raise _unknown(name)


def _unknown(name: str) -> ConfigError:
    files = [f"{name.rstrip('/')}{suffix}" for suffix in DOMAIN_SUFFIXES]
    described = [file for file in files if Path(file).is_file()]
    if described:
        return ConfigError(f"domain {name!r} is unknown. Did you mean the file {described[0]}?")
    if Path(name).is_dir():
        return ConfigError(
            f"domain {name!r} is a folder: describe it in a file NAME.yaml (docs/own-data.md); a target needs no "
            "labels. To predict the images of a folder, use -e predict."
        )
    similar = difflib.get_close_matches(name, domain_names(), n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(similar)}? " if similar else ""
    return ConfigError(f"domain {name!r} is unknown. {hint}Choose {', '.join(domain_names())}, or a file NAME.yaml.")


def _styled(copy: DomainFile, content: CopiedFrom, data_root: Path | None, split: str, labelled: bool) -> _Opened:
    if split not in content.digests:
        styled_splits = ", ".join(content.digests)
        raise DataError(
            f"{copy.name} has no split {split!r}: choose {styled_splits}, the styled splits of {content.domain}"
        )
    try:
        opened = _find(content.domain, data_root or content.data_root, split, labelled)
    except DataError as error:
        raise DataError(f"{copy.name} is a styled copy, whose labels are those of {content.domain}: {error}") from error
    assert isinstance(opened.samples, FileSamples)  # for generated samples, stylize writes label files
    samples = styled_samples(copy.name, opened.samples, copy.root / split, split, content)
    return opened._replace(samples=samples, name=copy.name, style=copy.style)


def _described(domain: DomainFile, split: str, labelled: bool) -> _Opened:
    if domain.layout is None:
        return _Opened(native_label_set(domain), raw_ids(domain), pattern_samples(domain, split, labelled), domain.name)
    if domain.layout in STYLES:
        return _streets(domain, split)
    if domain.layout not in DOMAINS:
        raise ConfigError(f"{domain.name}: layout = {domain.layout!r} is unknown: choose {', '.join(domain_names())}")
    check_root(domain)
    layout: Layout = DOMAINS.load(domain.layout)
    return _Opened(_classes_of(domain, layout.label_set), layout.ids, layout.open(domain.root, split), domain.name)


def _classes_of(domain: DomainFile, label_set: str) -> LabelSet:
    """The classes that the file names or describes; if it has none, those of the layout."""
    has_classes = domain.classes is not None or domain.label_set is not None
    return native_label_set(domain) if has_classes else find_label_set(label_set)


def _streets(domain: DomainFile, split: str) -> _Opened:
    assert domain.layout is not None
    counts = _STREET_COUNTS | domain.count
    if split not in counts:
        raise DataError(f"{domain.name} has no split {split!r}: choose one of {', '.join(counts)}")
    streets = Streets(STYLES[domain.layout], split, counts[split], domain.size, domain.seed)
    return _Opened(_classes_of(domain, "cityscapes19"), CITYSCAPES_IDS, GeneratedSamples(streets), domain.name)
