"""Domains: images and labels, uint8 up to the network's input, and streams of batches made from them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from msl.data.batch import Batch
    from msl.data.catalog import domain_names, open_domain
    from msl.data.domain import Domain, Sample
    from msl.data.failures import loading_explained
    from msl.data.loaders import Images, Paired, Stream, in_order, picked
    from msl.data.prepared import Prepared
    from msl.data.samples import Problem, Report
    from msl.data.style_images import Joined, StyleFolder, load_style_images
    from msl.data.transforms import CropTransform, PreparedTransform, Resized, TrainTransform, nearest
    from msl.data.yaml_file import is_domain_file

__all__ = [
    "Batch",
    "CropTransform",
    "Domain",
    "Images",
    "Joined",
    "Paired",
    "Prepared",
    "PreparedTransform",
    "Problem",
    "Report",
    "Resized",
    "Sample",
    "Stream",
    "StyleFolder",
    "TrainTransform",
    "domain_names",
    "in_order",
    "is_domain_file",
    "load_style_images",
    "loading_explained",
    "nearest",
    "open_domain",
    "picked",
]

# By module: what it gives, when it is first used. So the files of a domain can be listed without torch.
_HOMES = {
    "batch": ("Batch",),
    "catalog": (
        "domain_names",
        "open_domain",
    ),
    "domain": (
        "Domain",
        "Sample",
    ),
    "failures": ("loading_explained",),
    "loaders": (
        "Images",
        "Paired",
        "Stream",
        "in_order",
        "picked",
    ),
    "prepared": ("Prepared",),
    "samples": (
        "Problem",
        "Report",
    ),
    "style_images": (
        "Joined",
        "StyleFolder",
        "load_style_images",
    ),
    "transforms": (
        "CropTransform",
        "PreparedTransform",
        "Resized",
        "TrainTransform",
        "nearest",
    ),
    "yaml_file": ("is_domain_file",),
}


def __getattr__(name: str) -> Any:
    """A public name; its module is imported now."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
