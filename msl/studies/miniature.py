"""The scale of a miniature: tiny generated streets, for a CPU and seconds."""

from pathlib import Path
from typing import Any

from msl.errors import ConfigError
from msl.files import whole_file
from msl.studies.scale import Scale
from msl.style.small_encoder import write_small_encoder

_DOMAINS = {"gta5": "drawn", "cityscapes": "real"}  # no name begins with another: it would be that of a styled copy
_LAYOUTS = {"drawn": "streets", "real": "streets_real", "ambulance": "streets"}
_ENCODER = "encoder.pth"
_SIZE, _COUNTS = "64,32", "{train: 6, val: 3}"
_SMALL: dict[str, Any] = {
    "crop_size": (64, 32),
    "target_crop_size": (64, 32),
    "gaussian_blur": False,
    "backbone": "mobilenet_v2",
    "width": 0.25,
    "dilations": (1, 2),
    "weights": "none",
    "batch_size": 2,
    "lr": 1e-2,
    "epoch_iters": 4,
    "eval_every": 4,
    "eval_images": 2,
    "log_every": 2,
    "panels": 1,
    "num_workers": 0,
    "max_iters": 8,
    "round_num": 2,
    "epoch_each_round": 1,
    "target_solo_epoch": 1,
}
_STYLE: dict[str, Any] = {
    "style_resize": 32,
    "style_crop": 32,
    "style_batch_size": 2,
    "style_iters": 8,
    "preview_every": 8,
    "previews": 1,
    "normalise_encoder": True,
}


def miniature(folder: Path) -> Scale:
    """The scale, with the files that it needs in a folder, made now if they are missing.

    Raises:
        ConfigError: a file cannot be written.
    """
    for name, layout in _LAYOUTS.items():
        content = f"name: {name}\nlayout: {layout}\nsize: {_SIZE}\ncount: {_COUNTS}\n"
        if not (folder / f"{name}.yaml").exists():
            with whole_file(folder / f"{name}.yaml", ConfigError) as file:
                file.write_text(content)
    if not (folder / _ENCODER).exists():
        write_small_encoder(folder / _ENCODER)

    def locate(name: str) -> str:
        """A domain by its file; a styled copy keeps its name, since it has no file yet."""
        return str(folder / f"{name}.yaml") if name in _LAYOUTS else name

    settings = {**_SMALL, **_STYLE, "encoder": str(folder / _ENCODER)}
    return Scale("smoke", _DOMAINS, settings, locate=locate)
