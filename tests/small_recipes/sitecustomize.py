"""Makes every recipe small, in each Python process that has this folder on its PYTHONPATH: two iterations of 64×32.

So command lines of the documentation can be run as they are written, in seconds.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_MAKERS = {
    "msl.recipes.catalog": ("find_recipe",),
    "msl.recipes.fitting": ("fit_segmentation", "fit_style"),
}
_SMALL = {
    "crop_size": (64, 32),
    "target_crop_size": None,
    "backbone": "mobilenet_v2",
    "width": 0.25,
    "weights": "none",
    "batch_size": 2,
    "max_iters": 2,
    "eval_images": 1,
    "panels": 1,
    "log_every": 1,
    "num_workers": 0,
    "encoder": "encoder.pth",
    "normalise_encoder": False,  # filters of a random encoder may never respond
    "style_size": None,
    "style_resize": 32,
    "style_crop": 32,
    "style_batch_size": 2,
    "style_iters": 2,
    "previews": 1,
}


def _small(make: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes a recipe, or a recipe with reasons: the same with small settings."""

    def made(*arguments: Any, **named: Any) -> Any:
        result = make(*arguments, **named)
        if hasattr(result, "recipe"):
            return result._replace(recipe=result.recipe.edit(**_SMALL))
        return result.edit(**_SMALL)

    return made


class _Shrink(MetaPathFinder):
    """Finds the modules that make recipes, and changes their functions after the import."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _MAKERS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def executed(module: ModuleType) -> None:
            execute(module)
            for function in _MAKERS[name]:
                setattr(module, function, _small(getattr(module, function)))

        spec.loader.exec_module = executed  # type: ignore[method-assign]  # the hook of the import system
        return spec


sys.meta_path.insert(0, _Shrink())
