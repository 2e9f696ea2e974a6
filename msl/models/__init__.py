"""Segmentation networks. A network takes uint8 RGB images and carries its own preprocessing."""

from msl.models.build import build_model
from msl.models.network import SegmentationNetwork, SegOutput
from msl.models.published import load_published

__all__ = ["SegOutput", "SegmentationNetwork", "build_model", "load_published"]
