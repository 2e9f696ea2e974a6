"""msl: unsupervised domain adaptation for semantic segmentation, run, tracked and compared."""

__version__ = "0.1.0"
