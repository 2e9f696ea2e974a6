"""Using a trained network: predictions for folders of images, and MLflow models for servers."""

from msl.serving.package import Packaged, package
from msl.serving.predict import predict

__all__ = ["Packaged", "package", "predict"]
