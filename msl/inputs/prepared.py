"""Prepared copies of the domains of a stage: where they are, and what happens if they cannot be used."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from os import sched_getaffinity
from typing import Any

from msl.config import CopiesConfig
from msl.data import Domain
from msl.data.preparation import PreparedCopy
from msl.data.prepared import LIBRARIES, Prepared, record_layout
from msl.errors import DataError
from msl.inputs.checks import Checked
from msl.inputs.notices import tell_once
from msl.scoring.evaluation import Scored
from msl.tracking import code_digest

log = logging.getLogger("msl")

_FORMAT = 1  # of a copy
_READERS = ("msl.data.prepared", "msl.data.transforms")  # modules that resize, beside those that decode
_DIGEST_DIGITS = 16


def prepared_images(
    checked: Checked, size: tuple[int, int], mirror: bool, runtime: CopiesConfig, labelled: bool = True
) -> Prepared | None:
    """The prepared copy of a domain, made now if it does not exist; None = the files are read.

    Args:
        checked: the domain.
        size: width and height to which its samples are stretched.
        mirror: whether some are mirrored.
        runtime: the folder of the copies, and the number of processes.
        labelled: whether the labels are kept, if the domain has any.
    """
    if runtime.cache is None:
        return None
    domain = checked.domain if labelled else replace(checked.domain, labelled=False)
    copy = _copy(checked, domain, size, mirror, runtime)
    try:
        return copy.open() or _made(copy, checked)
    except OSError as error:
        tell_once(
            f"cache = {runtime.cache}: {copy.title} is read from its files, which costs more time and changes nothing "
            f"else: {error.strerror or error}. Pass another folder, or cache=none.",
            str(copy.folder),
        )
        return None


def scored_images(scored: Sequence[Scored], checks: Sequence[Checked], runtime: CopiesConfig) -> list[Scored]:
    """The domains to score, with the copies of their images.

    There is none for generated scenes, for several scales, or if only some of the images are scored.
    """
    return [replace(domain, prepared=_scored(domain, checks, runtime)) for domain in scored]


def _scored(scored: Scored, checks: Sequence[Checked], runtime: CopiesConfig) -> Prepared | None:
    domain = scored.domain
    if domain.samples.drawn or scored.scales != (1.0,) or len(scored) < len(domain):
        return None
    checked = next(checked for checked in checks if checked.domain is domain)
    return prepared_images(checked, scored.size, mirror=False, runtime=runtime, labelled=False)


def _made(copy: PreparedCopy, checked: Checked) -> Prepared:
    """The copy, after a look whether the files are still those that were checked.

    Raises:
        OSError: it cannot be made, or the files have changed meanwhile.
    """
    _name_older(copy)
    prepared = copy.make()
    try:
        is_unchanged = checked.domain.inspect().digest == checked.report.digest
    except DataError:
        copy.remove()
        raise
    if not is_unchanged:
        copy.remove()
        raise OSError("the files of the data set have changed while they were prepared")
    return prepared


def _copy(checked: Checked, domain: Domain, size: tuple[int, int], mirror: bool, runtime: CopiesConfig) -> PreparedCopy:
    assert runtime.cache is not None
    layout = record_layout(size, checked.report.sizes, domain.labelled, mirror)
    facts = _facts(checked.report.digest, domain, size, [layout.images, layout.labels])
    digest = sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:_DIGEST_DIGITS]
    name = f"{domain.name}-{domain.split}-{size[0]}x{size[1]}-{digest}"
    return PreparedCopy(
        folder=runtime.cache.absolute() / name,
        domain=domain,
        layout=layout,
        facts=facts,
        num_workers=_workers(runtime.num_workers),
    )


def _facts(data_digest: str, domain: Domain, size: tuple[int, int], versions: list[int]) -> dict[str, Any]:
    """Everything that decides the bytes of a copy."""
    return {
        "format": _FORMAT,
        "domain": f"{domain.name}/{domain.split}",
        "data": data_digest,
        "labels": domain.table_digest() if domain.labelled else "none",
        "size": list(size),
        "versions": versions,
        "code": code_digest([*domain.modules(), *_READERS]),
        "libraries": LIBRARIES,
    }


def _workers(num_workers: int) -> int:
    """Nothing else computes while a copy is made, so every core helps; 0 means no other process at any time."""
    return max(num_workers, len(sched_getaffinity(0))) if num_workers else 0


def _name_older(copy: PreparedCopy) -> None:
    """Name the copies of the same domain and size that are of other data, other classes or another version."""
    prefix = copy.folder.name[:-_DIGEST_DIGITS]
    others = [folder for folder in copy.folder.parent.glob(f"{prefix}*") if folder != copy.folder]
    if others:
        log.info(
            "%s: there are copies of other files, classes or versions. If no run needs them, delete %s",
            *(copy.title, ", ".join(map(str, others))),
        )
