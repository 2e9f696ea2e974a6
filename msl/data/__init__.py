"""Domains: images and labels, uint8 until the network's door, and the streams of batches made of them."""

from msl.data.catalog import domain_names, open_domain
from msl.data.domain import Domain, Sample
from msl.data.loaders import Batch, Stream, in_order
from msl.data.samples import Problem, Report
from msl.data.style_images import load_style_images
from msl.data.transforms import Resized, TrainTransform, nearest

__all__ = [
    "Batch",
    "Domain",
    "Problem",
    "Report",
    "Resized",
    "Sample",
    "Stream",
    "TrainTransform",
    "domain_names",
    "in_order",
    "load_style_images",
    "nearest",
    "open_domain",
]
