"""Domains by name."""

import difflib
from pathlib import Path

from msl.data.camvid import CAMVID, CAMVID_DAY, CAMVID_DUSK
from msl.data.cityscapes import CITYSCAPES
from msl.data.crosscity import CROSSCITY
from msl.data.domain import Domain
from msl.data.generated import GeneratedSamples
from msl.data.gta5 import GTA5
from msl.data.layout import Layout
from msl.data.pairs import DomainFile, native_label_set, pattern_samples, raw_ids, read_domain_file
from msl.data.samples import Samples
from msl.data.streets import STYLES, Streets
from msl.data.synthia import SYNTHIA
from msl.errors import ConfigError, DataError
from msl.labels import CITYSCAPES_IDS, LabelSet, RawIds, find_label_set

_LAYOUTS: dict[str, Layout] = {
    layout.name: layout for layout in (CAMVID, CAMVID_DAY, CAMVID_DUSK, CITYSCAPES, GTA5, SYNTHIA, *CROSSCITY)
}
_STREET_COUNTS = {"train": 1000, "val": 100, "test": 100}


def domain_names() -> list[str]:
    """Every domain that has a name of its own."""
    return [*STYLES, *_LAYOUTS]


def open_domain(
    name_or_yaml: str,
    data_root: Path | None = None,
    split: str = "train",
    label_set: str | None = None,
    labelled: bool = True,
) -> Domain:
    """One split of a domain.

    Args:
        name_or_yaml: one of `domain_names()`, or the path of a YAML file (see `msl.data.pairs`).
        data_root: folder that holds the published data sets; not needed for generated ones and YAML files.
        split: train, val, or another that the data set has.
        label_set: classes in which to read the labels; None takes the data set's own.
        labelled: False never opens the label files.

    Raises:
        ConfigError: the domain, the label set or a setting in the YAML file is unknown.
        DataError: the folder or the split is missing or empty.
    """
    own_set, ids, samples, name = _find(name_or_yaml, data_root, split, labelled)
    chosen = own_set if label_set is None else find_label_set(label_set)
    chosen.table(ids)  # refuses data that shares no class with the label set now, not at the first image
    return Domain(name, split, samples, ids, chosen, labelled)


def _find(name: str, data_root: Path | None, split: str, labelled: bool) -> tuple[LabelSet, RawIds, Samples, str]:
    if name in STYLES:
        return _streets(DomainFile(name=name, layout=name), split)
    if name in _LAYOUTS:
        layout = _LAYOUTS[name]
        return find_label_set(layout.label_set), layout.ids, layout.open(layout.root(data_root), split), name
    if Path(name).suffix in (".yaml", ".yml"):
        return _described(read_domain_file(Path(name)), split, labelled)
    near = difflib.get_close_matches(name, domain_names(), n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise ConfigError(f"domain {name!r} is unknown. {hint}Choose {', '.join(domain_names())}, or a file NAME.yaml.")


def _described(domain: DomainFile, split: str, labelled: bool) -> tuple[LabelSet, RawIds, Samples, str]:
    if domain.layout is None:
        return native_label_set(domain), raw_ids(domain), pattern_samples(domain, split, labelled), domain.name
    if domain.layout in STYLES:
        return _streets(domain, split)
    if domain.layout not in _LAYOUTS:
        raise ConfigError(f"{domain.name}: layout = {domain.layout!r} is unknown: choose {', '.join(domain_names())}")
    if not domain.root.is_dir():
        raise DataError(f"{domain.name}: root = {domain.root}: no such folder")
    layout = _LAYOUTS[domain.layout]
    return find_label_set(layout.label_set), layout.ids, layout.open(domain.root, split), domain.name


def _streets(domain: DomainFile, split: str) -> tuple[LabelSet, RawIds, Samples, str]:
    assert domain.layout is not None
    counts = _STREET_COUNTS | domain.count
    if split not in counts:
        raise DataError(f"{domain.name} has no split {split!r}: choose one of {', '.join(counts)}")
    streets = Streets(STYLES[domain.layout], split, counts[split], domain.size, domain.seed)
    return find_label_set("cityscapes19"), CITYSCAPES_IDS, GeneratedSamples(streets), domain.name
