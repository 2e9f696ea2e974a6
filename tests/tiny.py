"""The smallest experiment that has everything: generated streets of 64×32, a quarter-width MobileNet, a few steps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from mlflow.tracking import MlflowClient

from msl.config import ModelConfig
from msl.labels import find_label_set
from msl.models import SegmentationNetwork, build_model
from msl.recipes import Request
from msl.weights import load_file

SETTINGS: Mapping[str, Any] = {
    "source": "tiny.yaml",
    "target": "tiny_real.yaml",
    "crop_size": (64, 32),
    "width": 0.25,
    "batch_size": 2,
    "lr": 0.01,
    "epoch_iters": 4,
    "eval_every": 4,
    "eval_images": 2,
    "log_every": 2,
    "panels": 1,
    "num_workers": 0,
    "max_iters": 4,
}


def write_domains(folder: Path) -> None:
    """The two YAML files that SETTINGS names."""
    for name, layout in (("tiny", "streets"), ("tiny_real", "streets_real")):
        counts = "count: {train: 6, val: 3}"
        (folder / f"{name}.yaml").write_text(f"name: {name}\nlayout: {layout}\nsize: 64,32\n{counts}\n")


def write_study(rows: Sequence[Mapping[str, Any]], seeds: Sequence[int] = (0,), **changes: Any) -> str:
    """The file of a study called tiny, of rows with SETTINGS and changes."""
    settings = {k: ",".join(map(str, v)) if isinstance(v, tuple) else v for k, v in (SETTINGS | changes).items()}
    content = {"name": "tiny", "seeds": list(seeds), "settings": settings, "rows": list(rows)}
    Path("tiny_study.yaml").write_text(yaml.safe_dump(content))
    return "tiny_study.yaml"


@torch.no_grad()
def varied_model(num_classes: int) -> SegmentationNetwork:
    """A quarter-width network of random weights that predicts many of its classes, unlike a new network."""
    torch.manual_seed(0)
    model = build_model(ModelConfig(width=0.25, num_classes=num_classes, dilations=(1, 2)))
    noise = torch.randint(0, 256, (4, 3, 24, 40), dtype=torch.uint8)
    for _ in range(50):  # BatchNorm's running statistics settle
        model.coarse(noise)
    model.eval()
    model.get_parameter("main_head.0.bias").sub_(model.coarse(noise).main.mean((0, 2, 3)))
    return model


def varied_checkpoint(path: Path, label_set: str = "cityscapes19", **about: Any) -> str:
    """The path of a checkpoint with such a network; `about` adds to its content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    classes = list(find_label_set(label_set).classes)
    model = varied_model(len(classes))
    network = {"weights": model.state_dict(), "model": model.config.model_dump(mode="json"), "settings": {}}
    content = {
        "format": 1,
        "step": 3,
        "group": "varied",
        "label_set": label_set,
        "classes": classes,
        **network,
        **about,
    }
    torch.save(content, path)
    return str(path)


def request(stage: str, resume: str | None = None, **changes: Any) -> Request:
    """A request for a stage with SETTINGS and changes; for a resumed run with the changes only."""
    overrides = changes if resume else {**SETTINGS, **changes}
    return Request.of(stage=stage, recipe="streets", overrides=overrides, resume=resume)


def checkpoint(run_id: str, name: str = "last.pt") -> dict[str, Any]:
    """The content of a run's uploaded checkpoint."""
    return load_file(artifact(run_id, f"checkpoints/{name}"))


def artifact(run_id: str, path: str) -> Path:
    """The file in the run store."""
    return Path(MlflowClient().get_run(run_id).info.artifact_uri) / path
