"""References to files of weights: how they are spelled, and the files among them. No MLflow, no torch."""

import re
from pathlib import Path

from msl.errors import CheckpointError

NETWORK_FILE = "network.pt"  # of a packaged network, below the artifacts of its MLflow model
FORMS = "runs:/RUN_ID, runs:/RUN_ID/checkpoints/last.pt, models:/NAME@ALIAS or models:/NAME/VERSION"

STREETS = "streets"  # what ``weights`` calls the backbone that msl brings along
STREETS_BACKBONE, STREETS_WIDTH = "mobilenet_v2", 0.75  # what it is

_BROUGHT_ALONG = {STREETS: Path(__file__).parent / "models" / "backbones" / f"{STREETS_BACKBONE}_streets.pt"}
_STORED = ("runs:/", "models:/")
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_OTHER_SCHEME = re.compile(r"[a-z][\w+.-]+:/")  # a letter before the colon alone is a drive of Windows


def is_stored(reference: str) -> bool:
    """Whether a reference names a run or a registered model, and so no file."""
    return reference.startswith(_STORED)


def backbone_file(weights: str) -> Path:
    """The file that the setting ``weights`` names: one that msl brings along, or a path."""
    return _BROUGHT_ALONG.get(weights, Path(weights))


def local_file(setting: str, reference: str, root: Path | None = None) -> Path:
    """The file that a reference names, here or in the folder of data sets.

    Args:
        setting: that has this value, for messages.
        reference: a path; of a downloaded MLflow model, its folder.
        root: folder of data sets.

    Raises:
        CheckpointError: there is no such file; the message says what can be named.
    """
    value = f"{setting} = {reference}"
    for place in [Path(reference), *([root / reference] if root is not None else [])]:
        if place.is_file():
            return place
        if place.is_dir():
            return file_in(place, value)
    if _RUN_ID.fullmatch(reference):
        raise CheckpointError(f"{value}: no such file. If this is the ID of a run, pass runs:/{reference}.")
    if _OTHER_SCHEME.match(reference):
        raise CheckpointError(
            f"{value}: no such file. If this is an address, download the file. Pass a path or {FORMS}."
        )
    raise CheckpointError(f"{value}: no such file. Pass a path or {FORMS}.")


def file_in(folder: Path, value: str) -> Path:
    """The network in the folder of a downloaded MLflow model.

    Raises:
        CheckpointError: it is another folder.
    """
    network = folder / "artifacts" / NETWORK_FILE
    if network.is_file():
        return network
    files = sorted(str(path) for path in folder.glob("**/*") if path.suffix in (".pt", ".pth"))
    named = f" It holds {', '.join(files[:3])}." if files else ""
    raise CheckpointError(f"{value}: this is a folder. Name the file of weights in it.{named}")
