"""The predict stage, from image files to label files, against the bare network's forward pass.

Frames are JPEG files of the network's input size. The network has random weights, which cost what
trained ones do; the two sides take turns over the same frames.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from ratio import Ratio, timed

from msl.config import DeviceConfig, InputConfig, ModelConfig, PredictedConfig
from msl.labels import LABEL_SETS
from msl.models import build_model
from msl.serving.images import find_images
from msl.serving.predict import Writer, predict_files
from msl.serving.predictor import Predictor
from msl.streets import STYLES, Streets

SIZE = (1024, 512)  # width, height
FRAMES = 8
LABELS = LABEL_SETS["cityscapes19"]
BOUND = 1 / 1.15


def ratios() -> Iterator[Ratio]:
    """Labels alone, and with everything that the stage writes by default."""
    torch.manual_seed(0)
    saved = _saved()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _write_frames(place / "in")
        predictor = Predictor.of(saved, place, InputConfig(crop_size=SIZE), DeviceConfig())
        files = find_images(place / "in", place / "out")
        frames = [torch.randint(0, 256, (1, 3, *SIZE[::-1]), dtype=torch.uint8) for _ in files]

        @torch.inference_mode()
        def forward() -> None:
            for frame in frames:
                predictor.model(frame)

        for what, wanted in (("label files", {"overlay": None, "confidence": None}), ("everything", {})):
            asked = PredictedConfig(checkpoint="", images=place / "in", output=place / "out", **wanted)
            pair = lambda asked=asked: predict_files(predictor, files, Writer(asked, LABELS), asked), forward
            yield timed(f"predict, {what}", f"{len(files)} × {SIZE[1]}×{SIZE[0]}", "the network alone", pair, BOUND, 3)


def _saved() -> dict[str, object]:
    model = build_model(ModelConfig(num_classes=len(LABELS)))
    own = {"weights": model.state_dict(), "model": model.config.model_dump(mode="json")}
    return {**own, "label_set": LABELS.name, "classes": list(LABELS.classes), "settings": {}}


def _write_frames(folder: Path) -> None:
    """Scenes drawn at a quarter of the size: drawing them costs more than predicting them."""
    folder.mkdir()
    streets = Streets(STYLES["streets_real"], "val", FRAMES, (SIZE[0] // 4, SIZE[1] // 4), 0)
    for i in range(FRAMES):
        scene = Image.fromarray(streets.sample(i)[0])
        scene.resize(SIZE, Image.Resampling.BICUBIC).save(folder / f"{i}.jpg", quality=95)
