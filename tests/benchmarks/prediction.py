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

from msl.checkpoints import About, Checkpoint, NetworkAbout
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
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_frames(root / "in")
        predictor = Predictor.of(_checkpoint(), root, InputConfig(crop_size=SIZE), DeviceConfig())
        files = find_images(root / "in", root / "out")
        frames = [torch.randint(0, 256, (1, 3, *SIZE[::-1]), dtype=torch.uint8) for _ in files]

        @torch.inference_mode()
        def forward() -> None:
            for frame in frames:
                predictor.model(frame)

        for what, outputs in (("label files", {"overlay": None, "confidence": None}), ("everything", {})):
            config = PredictedConfig(checkpoint="", images=root / "in", output=root / "out", **outputs)
            pair = lambda config=config: predict_files(predictor, files, Writer(config, LABELS), config), forward
            yield timed(f"predict, {what}", f"{len(files)} × {SIZE[1]}×{SIZE[0]}", "the network alone", pair, BOUND, 3)


def _checkpoint() -> Checkpoint:
    model = build_model(ModelConfig(num_classes=len(LABELS)))
    network = NetworkAbout(model=model.config, label_set=LABELS.name, classes=LABELS.classes)
    return Checkpoint(about=About(group="random", network=network), step=0, weights=model.state_dict())


def _write_frames(folder: Path) -> None:
    """Scenes drawn at a quarter of the size: drawing them costs more than predicting them."""
    folder.mkdir()
    streets = Streets(STYLES["streets_real"], "val", FRAMES, (SIZE[0] // 4, SIZE[1] // 4), 0)
    for i in range(FRAMES):
        scene = Image.fromarray(streets.sample(i)[0])
        scene.resize(SIZE, Image.Resampling.BICUBIC).save(folder / f"{i}.jpg", quality=95)
