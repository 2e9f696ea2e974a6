"""The predict stage: labels, overlays and confidence for images that nobody has labelled."""

import csv
import logging
import platform
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from statistics import fmean

from PIL import Image
from tqdm import tqdm

from msl import schema
from msl.checkpoints import NetworkAbout, about_network
from msl.config import PredictConfig, PredictedConfig
from msl.data.images import UInt8, read_image
from msl.errors import ConfigError, DataError
from msl.files import make_folder, whole_file
from msl.labels import LabelSet
from msl.scoring.exports import LabelFiles, write_image
from msl.scoring.panels import coloured
from msl.serving.images import ImageFile, find_images
from msl.serving.origin import find_network
from msl.serving.pipeline import in_flight
from msl.serving.predictor import Prediction, Predictor
from msl.tracking import MlflowReporter, RunRecord, connect, describe, ending, open_run, workplace

log = logging.getLogger("msl")

_AHEAD = 2  # images read or written beside the one that is predicted
_NAMED = 5  # problems that the error spells out


@dataclass(frozen=True)
class Row:
    """What ``predictions.csv`` says of an image."""

    image: str  # name of its predictions
    file: str
    width: int | None
    height: int | None
    confidence: float | None  # mean over its pixels
    problem: str


@dataclass(frozen=True)
class Seen:
    """An image on its way from its file to those of its prediction."""

    file: ImageFile
    image: UInt8 | None = None  # (H, W, 3); None if it cannot be read
    problem: str = ""
    prediction: Prediction | None = None


def predict(config: PredictConfig) -> str:
    """Predict every image, and record what was predicted by which network as a run of its own.

    Returns:
        The run's ID.

    Raises:
        DataError: some images could not be read; those that could are predicted. The run ends FAILED.
        MslError: the network or the tracking server is not as it should be, or the output cannot be written.
    """
    asked = config.predicted
    client = connect()
    reporter = open_run(client, f"predict {asked.images} with {asked.checkpoint}", {schema.STAGE: "predict"})
    with ending(reporter), workplace(reporter.run_id) as folder:
        files = find_images(asked.images, asked.output)
        origin = find_network(client, asked.checkpoint, folder / "start")
        about = about_network(origin.checkpoint, origin.path)
        predictor = Predictor.of(origin.checkpoint, origin.path, config.input, config.device)
        write = Writer(asked, predictor.label_set)
        reporter.rename(f"predict {asked.images.name} with {origin.checkpoint.about.group}")
        _describe(reporter, config, about, origin.parent)
        began = time.monotonic()
        rows = predict_files(predictor, files, write, asked)
        _report(reporter, origin.checkpoint.step, rows, time.monotonic() - began, asked.output)
        if unusable := [row for row in rows if row.problem]:
            raise DataError(_complaint(unusable, len(files), asked.output))
    log.info("%d images: %s", len(rows), asked.output)
    return reporter.run_id


class Writer:
    """Writes what is wanted of a prediction; its folders are made at once, so that those that cannot be are refused."""

    def __init__(self, asked: PredictedConfig, label_set: LabelSet) -> None:
        self._asked, self._label_set = asked, label_set
        self._labels = LabelFiles(asked.output / "labels", label_set, train_ids=asked.ids == "trainIds")
        self._overlays, self._maps = asked.output / "overlays", asked.output / "confidence"
        for folder, wanted in ((self._overlays, asked.overlay), (self._maps, asked.confidence == "map")):
            if wanted:
                make_folder(folder, ConfigError)

    def __call__(self, seen: Seen) -> Row:
        """Write the files of one image.

        Raises:
            ConfigError: a file cannot be written.
        """
        name, path = seen.file.name, str(seen.file.path)
        if seen.image is None or seen.prediction is None:
            return Row(name, path, None, None, None, seen.problem)
        label, confidence = seen.prediction.label, seen.prediction.confidence
        self._labels(name, label)
        if self._asked.overlay is not None:
            overlay = Image.blend(Image.fromarray(seen.image), coloured(label, self._label_set), self._asked.overlay)
            write_image(overlay, self._overlays / f"{name}.jpg")
        if confidence is not None and self._asked.confidence == "map":
            write_image(Image.fromarray((255 * confidence).round().byte().numpy()), self._maps / f"{name}.png")
        height, width = label.shape
        return Row(name, path, width, height, None if confidence is None else float(confidence.mean()), "")


def predict_files(
    predictor: Predictor, files: Sequence[ImageFile], write: Callable[[Seen], Row], asked: PredictedConfig
) -> list[Row]:
    """Predict and write every image; the table is written however far it comes.

    The next image is read and the last one written while one is predicted: no more of them are in memory.
    """

    def look(seen: Seen) -> Seen:
        if seen.image is None:
            return seen
        return replace(seen, prediction=predictor(seen.image, asked.confidence is not None))

    calm = 0.5 if sys.stderr.isatty() else 30.0
    rows = list[Row]()
    try:
        with ThreadPoolExecutor(2) as pool:
            coming = in_flight(pool, write, map(look, in_flight(pool, _read, files, _AHEAD)), _AHEAD)
            for row in tqdm(coming, "predicting", len(files), unit="img", mininterval=calm, maxinterval=calm):
                rows.append(row)
    finally:
        _write_table(rows, asked.output / schema.PREDICTION_FILE)
    return rows


def _read(file: ImageFile) -> Seen:
    try:
        return Seen(file, read_image(file.path))
    except DataError as error:
        return Seen(file, problem=str(error).removeprefix(f"{file.path}: "))


def _describe(reporter: MlflowReporter, config: PredictConfig, about: NetworkAbout, parent: str) -> None:
    asked, machine = config.predicted, platform.node()
    tags = {
        schema.PARENT: parent,
        schema.IMAGES: f"{machine}:{asked.images.absolute()}",
        schema.PREDICTIONS: f"{machine}:{asked.output.absolute()}",
    }
    record = RunRecord(stage="predict", settings=config.flat(), classes=about.classes)
    describe(reporter, config.flat(), record, tags, [])


def _report(reporter: MlflowReporter, step: int, rows: Sequence[Row], seconds: float, output: Path) -> None:
    sure = [row.confidence for row in rows if row.confidence is not None]
    unusable = sum(bool(row.problem) for row in rows)
    values = {
        schema.PREDICTED: len(rows) - unusable,
        schema.UNUSABLE: unusable,
        schema.IMAGES_PER_S: len(rows) / seconds,
    }
    reporter.metrics(values | ({schema.CONFIDENCE: 100 * fmean(sure)} if sure else {}), step)
    reporter.file(output / schema.PREDICTION_FILE, schema.PREDICTION_FOLDER)


def _write_table(rows: Sequence[Row], path: Path) -> None:
    with whole_file(path, ConfigError) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(Row))
        for row in rows:
            *rest, confidence, problem = astuple(row)
            writer.writerow([*rest, None if confidence is None else f"{confidence:.4f}", problem])


def _complaint(unusable: Sequence[Row], count: int, output: Path) -> str:
    named = [f"{row.file}: {row.problem}" for row in unusable[:_NAMED]]
    if len(unusable) > _NAMED:
        named.append(f"… and {len(unusable) - _NAMED} more, see {output / schema.PREDICTION_FILE}")
    title = f"{len(unusable)} of {count} images could not be predicted; the others are in {output}"
    return "\n  ".join([title, *named])
