"""The code that MLflow runs to load a packaged network. The model holds this file and the package msl."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from msl.checkpoints import read
from msl.config import DeviceConfig, InputConfig
from msl.data.images import decode_image, reason
from msl.scoring.exports import LabelImages
from msl.serving.predictor import Predictor


class ServedNetwork(PythonModel):
    """Image files in, label files out: the labels that `predict` writes, as the bytes of the same PNG."""

    def load_context(self, context: PythonModelContext) -> None:
        """Build the network."""
        path = Path(context.artifacts["network"])
        self._predictor = Predictor.of(read(path), path, InputConfig(), DeviceConfig())
        self._images = LabelImages(self._predictor.label_set)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Predict every image of a table.

        Args:
            context: not used.
            model_input: column ``image``, the bytes of a PNG, JPEG or other image file.
            params: not used.

        Returns:
            Columns ``label``, the bytes of a PNG with an id a pixel at the image's size, and ``confidence``, the mean
            probability of the predicted classes.

        Raises:
            MlflowException: an image cannot be read, or there is none; a server then answers 400 and the reason.
        """
        if model_input.empty:
            raise MlflowException("there is no image in the table", error_code=INVALID_PARAMETER_VALUE)
        return pd.DataFrame([self._row(number, data) for number, data in enumerate(model_input["image"])])

    def _row(self, number: int, data: bytes) -> dict[str, object]:
        try:
            image = decode_image(data)
        except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, RuntimeError, … for damaged files
            message = f"image {number} {reason(error)}"
            raise MlflowException(message, error_code=INVALID_PARAMETER_VALUE) from error
        prediction = self._predictor(image, confidence=True)
        assert prediction.confidence is not None
        file = BytesIO()
        self._images(prediction.label).save(file, "PNG")
        return {"label": file.getvalue(), "confidence": float(prediction.confidence.mean())}


set_model(ServedNetwork())
