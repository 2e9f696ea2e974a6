"""Domains by name."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msl.config.catalog import DOMAINS
from msl.data.domain import Domain
from msl.data.domain_file import CopiedFrom, DomainFile, native_label_set, raw_ids, read_domain_file
from msl.data.files import FileSamples
from msl.data.generated import GeneratedSamples
from msl.data.layout import Layout
from msl.data.pairs import pattern_samples
from msl.data.samples import Samples
from msl.data.styled import styled_samples
from msl.errors import ConfigError, DataError
from msl.labels import CITYSCAPES_IDS, LabelSet, RawIds, find_label_set
from msl.streets import STYLES, Streets


class _Opened(NamedTuple):
    label_set: LabelSet  # its own
    ids: RawIds
    samples: Samples
    name: str
    style: Mapping[str, str] = {}


_YAML = (".yaml", ".yml")  # suffixes
_STREET_COUNTS = {"train": 1000, "val": 100, "test": 100}


def domain_names() -> list[str]:
    """Every domain that has a name of its own."""
    return list(DOMAINS)


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
        data_root: folder that holds the published data sets; not needed for generated ones and YAML files.
        split: train, val, or another that the data set has.
        label_set: classes in which to read the labels, or their name; None takes the data set's own.
        labelled: False never opens the label files.

    Raises:
        ConfigError: the domain, the label set or a setting in the YAML file is unknown.
        DataError: the folder or the split is missing or empty.
    """
    opened = _find(name_or_yaml, data_root, split, labelled)
    chosen = _chosen(label_set, opened.label_set)
    if labelled:
        chosen.table(opened.ids)  # refuses data that shares no class with the label set now, not at the first image
    return Domain(opened.name, split, opened.samples, opened.ids, chosen, labelled, opened.style)


def _chosen(label_set: str | LabelSet | None, native: LabelSet) -> LabelSet:
    if isinstance(label_set, LabelSet):
        return label_set
    if label_set in (None, native.name):
        return native
    if Path(label_set).suffix in _YAML:
        return native_label_set(read_domain_file(Path(label_set)))
    return find_label_set(label_set)


def _find(name: str, data_root: Path | None, split: str, labelled: bool) -> _Opened:
    if name in STYLES:
        return _streets(DomainFile(name=name, layout=name), split)
    if name in DOMAINS:
        layout: Layout = DOMAINS.load(name)
        return _Opened(find_label_set(layout.label_set), layout.ids, layout.open(layout.root(data_root), split), name)
    if Path(name).suffix in _YAML:
        described = read_domain_file(Path(name))
        if described.content is not None:
            return _styled(described, described.content, data_root, split, labelled)
        return _described(described, split, labelled)._replace(style=described.style)
    if Path(name).is_dir():
        raise ConfigError(
            f"domain {name!r} is a folder: describe it in a file NAME.yaml (docs/own-data.md); a target needs no "
            "labels. To predict the images of a folder, take -e predict."
        )
    near = difflib.get_close_matches(name, domain_names(), n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise ConfigError(f"domain {name!r} is unknown. {hint}Choose {', '.join(domain_names())}, or a file NAME.yaml.")


def _styled(copy: DomainFile, content: CopiedFrom, data_root: Path | None, split: str, labelled: bool) -> _Opened:
    if split not in content.digests:
        made = ", ".join(content.digests)
        raise DataError(f"{copy.name} has no split {split!r}: {made} of {content.domain} were styled")
    try:
        opened = _find(content.domain, data_root or content.data_root, split, labelled)
    except DataError as error:
        raise DataError(f"{copy.name} is a styled copy, whose labels are those of {content.domain}: {error}") from error
    assert isinstance(opened.samples, FileSamples)  # of others, stylize writes the labels
    samples = styled_samples(copy.name, opened.samples, copy.root / split, split, content)
    return opened._replace(samples=samples, name=copy.name, style=copy.style)


def _described(domain: DomainFile, split: str, labelled: bool) -> _Opened:
    if domain.layout is None:
        return _Opened(native_label_set(domain), raw_ids(domain), pattern_samples(domain, split, labelled), domain.name)
    if domain.layout in STYLES:
        return _streets(domain, split)
    if domain.layout not in DOMAINS:
        raise ConfigError(f"{domain.name}: layout = {domain.layout!r} is unknown: choose {', '.join(domain_names())}")
    if not domain.root.is_dir():
        raise DataError(f"{domain.name}: root = {domain.root}: no such folder")
    layout: Layout = DOMAINS.load(domain.layout)
    return _Opened(_classes_of(domain, layout.label_set), layout.ids, layout.open(domain.root, split), domain.name)


def _classes_of(domain: DomainFile, label_set: str) -> LabelSet:
    """Those that the file names or describes, or else those of the layout."""
    named = domain.classes is not None or domain.label_set is not None
    return native_label_set(domain) if named else find_label_set(label_set)


def _streets(domain: DomainFile, split: str) -> _Opened:
    assert domain.layout is not None
    counts = _STREET_COUNTS | domain.count
    if split not in counts:
        raise DataError(f"{domain.name} has no split {split!r}: choose one of {', '.join(counts)}")
    streets = Streets(STYLES[domain.layout], split, counts[split], domain.size, domain.seed)
    return _Opened(_classes_of(domain, "cityscapes19"), CITYSCAPES_IDS, GeneratedSamples(streets), domain.name)
