"""Makes every recipe small, in each Python process that has this folder on its PYTHONPATH: two iterations of 64×32.

So command lines of the documentation can be run as they are written, in seconds.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_SMALL = {
    "crop_size": (64, 32),
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
    "style_size": None,
    "style_resize": 32,
    "style_crop": 32,
    "style_batch_size": 2,
    "style_iters": 2,
    "previews": 1,
}


class _Shrink(MetaPathFinder):
    """Finds the module of recipes, and changes its function after the import."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "msl.recipes.catalog":
            return None
        spec = PathFinder.find_spec(name, path, target)
        assert spec
        assert spec.loader
        execute = spec.loader.exec_module

        def executed(module: ModuleType) -> None:
            execute(module)
            full_size = module.find_recipe
            module.find_recipe = lambda recipe: full_size(recipe).edit(**_SMALL)

        spec.loader.exec_module = executed  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _Shrink())
