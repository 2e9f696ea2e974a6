"""Domains: images and labels, uint8 up to the network's input, and streams of batches made from them."""

from msl.data.catalog import domain_names, open_domain
from msl.data.domain import Domain, Sample
from msl.data.failures import loading_explained
from msl.data.loaders import Batch, Images, Paired, Stream, in_order
from msl.data.samples import Problem, Report
from msl.data.style_images import Joined, StyleFolder, load_style_images
from msl.data.transforms import CropTransform, Resized, TrainTransform, nearest
from msl.data.yaml_file import is_domain_file

__all__ = [
    "Batch",
    "CropTransform",
    "Domain",
    "Images",
    "Joined",
    "Paired",
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
]
