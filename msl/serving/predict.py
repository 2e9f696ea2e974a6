"""The predict stage: labels, overlays and confidence for images that nobody has labelled."""

import csv
import logging
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from PIL import Image

from msl import schema
from msl.checkpoints import NetworkAbout
from msl.config import PredictConfig, PredictedConfig
from msl.console import progress
from msl.data.images import UInt8, read_image
from msl.errors import ConfigError, DataError
from msl.files import make_folder, whole_file
from msl.inputs.networks import find_network
from msl.labels import LabelSet
from msl.scoring.exports import LabelFiles, write_image
from msl.scoring.legend import coloured, colours_of, legend_picture
from msl.serving.images import ImageFile, find_images
from msl.serving.pipeline import in_flight
from msl.serving.predictor import Prediction, Predictor
from msl.tracking import MlflowReporter, RunRecord, connect, describe, ending, open_run

log = logging.getLogger("msl")

_IMAGES_AHEAD = 2  # images that are read or written while one is predicted
_LEGEND_WIDTH = 640  # pixels
_LISTED_PROBLEMS = 5  # in the error's message


@dataclass(frozen=True)
class Row:
    """The row of an image in ``predictions.csv``."""

    image: str  # name of its predictions
    file: str
    width: int | None
    height: int | None
    confidence: float | None  # mean over its pixels
    problem: str


@dataclass(frozen=True)
class PendingImage:
    """An image whose prediction is not written yet."""

    file: ImageFile
    image: UInt8 | None = None  # (H, W, 3); None if it cannot be read
    problem: str = ""
    prediction: Prediction | None = None


def predict(config: PredictConfig) -> str:
    """Predict every image, and record as a run which images were predicted by which network.

    Returns:
        The run's ID.

    Raises:
        DataError: some images cannot be read. The others are predicted, and the run ends FAILED.
        MslError: the network or the tracking server is not as it should be, or the output cannot be written. No run is
            opened for it.
    """
    settings = config.predicted
    client, files = connect(), find_images(settings.images, settings.output)
    with TemporaryDirectory() as folder:  # before a run is opened: a mistake costs none
        origin = find_network(client, settings.checkpoint, Path(folder), config.file)
    origin.mention_recalibration()
    predictor = Predictor.of(origin.checkpoint, origin.reference, config.input, config.device)
    write = Writer(settings, predictor.label_set)
    name = f"predict {settings.images.name} with {origin.checkpoint.about.group}"
    reporter = open_run(client, name, {schema.STAGE: "predict"})
    with ending(reporter):
        _describe(reporter, config, origin.about, origin.parent)
        start_s = time.monotonic()
        rows = predict_files(predictor, files, write, settings)
        _report(reporter, origin.checkpoint.step, rows, time.monotonic() - start_s, settings.output)
        if unusable := [row for row in rows if row.problem]:
            raise DataError(_failure(unusable, len(files), settings.output))
    log.info("%d %s: %s", len(rows), "image" if len(rows) == 1 else "images", settings.output)
    return reporter.run_id


class Writer:
    """Writes the files that the settings ask for, and a legend of the colours.

    It makes the folders at once, to fail before the first prediction.
    """

    def __init__(self, settings: PredictedConfig, label_set: LabelSet) -> None:
        self._settings, self._label_set = settings, label_set
        self._labels = LabelFiles(settings.output / "labels", label_set, train_ids=settings.ids == "trainIds")
        self._overlays, self._maps = settings.output / "overlays", settings.output / "confidence"
        for folder, is_needed in ((self._overlays, settings.overlay), (self._maps, settings.confidence == "map")):
            if is_needed:
                make_folder(folder, ConfigError)
        colours = colours_of(label_set, {*range(len(label_set))})
        write_image(legend_picture(colours, _LEGEND_WIDTH), settings.output / schema.LEGEND_FILE)

    def __call__(self, pending: PendingImage) -> Row:
        """Write the files of one image.

        Raises:
            ConfigError: a file cannot be written.
        """
        name, path = pending.file.name, str(pending.file.path)
        if pending.image is None or pending.prediction is None:
            return Row(name, path, None, None, None, pending.problem)
        label, confidence = pending.prediction.label, pending.prediction.confidence
        self._labels(name, label)
        if self._settings.overlay is not None:
            overlay = Image.blend(
                Image.fromarray(pending.image), coloured(label, self._label_set), self._settings.overlay
            )
            write_image(overlay, self._overlays / f"{name}.jpg")
        if confidence is not None and self._settings.confidence == "map":
            write_image(Image.fromarray((255 * confidence).round().byte().numpy()), self._maps / f"{name}.png")
        height, width = label.shape
        return Row(name, path, width, height, None if confidence is None else float(confidence.mean()), "")


def predict_files(
    predictor: Predictor, files: Sequence[ImageFile], write: Callable[[PendingImage], Row], settings: PredictedConfig
) -> list[Row]:
    """Predict and write every image. The table is written even if an error ends the prediction.

    While one image is predicted, the next one is read and the last one written; no other images are in memory.
    """

    def look(pending: PendingImage) -> PendingImage:
        if pending.image is None:
            return pending
        return replace(pending, prediction=predictor(pending.image, settings.confidence is not None))

    rows = list[Row]()
    try:
        with ThreadPoolExecutor(2) as pool:
            pending_rows = in_flight(
                pool, write, map(look, in_flight(pool, _read, files, _IMAGES_AHEAD)), _IMAGES_AHEAD
            )
            for row in progress(pending_rows, title="predicting", unit="img", total=len(files)):
                rows.append(row)
    finally:
        _write_table(rows, settings.output / schema.PREDICTION_FILE)
    return rows


def _read(file: ImageFile) -> PendingImage:
    try:
        return PendingImage(file, read_image(file.path))
    except DataError as error:
        return PendingImage(file, problem=str(error).removeprefix(f"{file.path}: "))


def _describe(reporter: MlflowReporter, config: PredictConfig, about: NetworkAbout, parent: str) -> None:
    settings, machine = config.predicted, platform.node()
    tags = {
        schema.PARENT: parent,
        schema.IMAGES: f"{machine}:{settings.images.absolute()}",
        schema.PREDICTIONS: f"{machine}:{settings.output.absolute()}",
    }
    record = RunRecord(stage="predict", settings=config.flat(), classes=about.classes)
    describe(reporter, config.flat(), record, tags, [])


def _report(reporter: MlflowReporter, step: int, rows: Sequence[Row], seconds: float, output: Path) -> None:
    confidences = [row.confidence for row in rows if row.confidence is not None]
    unusable = sum(bool(row.problem) for row in rows)
    values = {
        schema.PREDICTED: len(rows) - unusable,
        schema.UNUSABLE: unusable,
        schema.IMAGES_PER_S: len(rows) / seconds,
    }
    reporter.metrics(values | ({schema.CONFIDENCE: 100 * fmean(confidences)} if confidences else {}), step)
    for name in (schema.PREDICTION_FILE, schema.LEGEND_FILE):
        reporter.file(output / name, schema.PREDICTION_FOLDER)


def _write_table(rows: Sequence[Row], path: Path) -> None:
    with whole_file(path, ConfigError) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(Row))
        for row in rows:
            *values, confidence, problem = astuple(row)
            writer.writerow([*values, None if confidence is None else f"{confidence:.4f}", problem])


def _failure(unusable: Sequence[Row], count: int, output: Path) -> str:
    lines = [f"{row.file}: {row.problem}" for row in unusable[:_LISTED_PROBLEMS]]
    if len(unusable) > _LISTED_PROBLEMS:
        lines.append(f"… and {len(unusable) - _LISTED_PROBLEMS} more, see {output / schema.PREDICTION_FILE}")
    noun = "image" if count == 1 else "images"
    others = "" if len(unusable) == count else f"; the others are in {output}"
    title = f"{len(unusable)} of {count} {noun} could not be predicted{others}"
    return "\n  ".join([title, *lines])
