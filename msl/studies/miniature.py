"""Recipes in miniature: the same stages, styles and needs on tiny generated streets, for a CPU and seconds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msl.config import StageConfig
from msl.errors import ConfigError
from msl.files import whole_file
from msl.recipes import Recipe
from msl.style.small_encoder import write_small_encoder

_DOMAINS = {"gta5": "small", "cityscapes": "small_real"}
_LAYOUTS = {"small": "streets", "small_real": "streets_real", "ambulance": "streets"}
_FILES = ("source", "target", "content", "style")  # settings that name domains
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
}


@dataclass(frozen=True)
class Miniature:
    """Makes recipes small; its domains and its encoder are files in a folder."""

    folder: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "Miniature":
        """With the files that it needs, made now if they are missing; raises a ConfigError if that is impossible."""
        for name, layout in _LAYOUTS.items():
            content = f"name: {name}\nlayout: {layout}\nsize: {_SIZE}\ncount: {_COUNTS}\n"
            if not (folder / f"{name}.yaml").exists():
                with whole_file(folder / f"{name}.yaml", ConfigError) as file:
                    file.write_text(content)
        if not (folder / _ENCODER).exists():
            write_small_encoder(folder / _ENCODER)
        return cls(folder)

    def of(self, name: str, recipe: Recipe) -> tuple[str, Recipe]:
        """Name and settings of the recipe in miniature: ``smoke/MS`` for ``paper/MS``."""
        small = recipe.model_copy(update={"styled": {}})
        for stage in Recipe.stages():
            config: StageConfig = getattr(recipe, stage)
            values = {**_SMALL, **_STYLE, **self._files(config.flat())}
            options = config.options()
            small = small.edit(stage, **{option: value for option, value in values.items() if option in options})
        return name.replace("paper/", "smoke/"), small.copies(**self._copies(recipe))

    def _files(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The domains, the encoder and the decoder of a stage in miniature."""
        named = {setting: self._domains(str(settings[setting])) for setting in _FILES if settings.get(setting)}
        return {**named, "encoder": str(self.folder / _ENCODER), "normalise_encoder": True, "decoder": None}

    def _copies(self, recipe: Recipe) -> dict[str, str]:
        return {_renamed(copy): self._domains(domain) for copy, domain in recipe.styled.items()}

    def _domains(self, names: str) -> str:
        """The domains of a setting, each by its file; a copy keeps a name, since it has no file yet."""
        return ",".join(self._domain(_renamed(name)) for name in names.split(","))

    def _domain(self, name: str) -> str:
        return str(self.folder / f"{name}.yaml") if name in _LAYOUTS else name


def _renamed(name: str) -> str:
    """``small_ambulance`` for ``gta5_ambulance``."""
    for domain, small in _DOMAINS.items():
        name = name.replace(domain, small)
    return name
