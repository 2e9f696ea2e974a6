"""Recipes: named sets of defaults for all stages of an experiment.

A recipe is a function that takes a recipe and changes named settings, so that each says only in what it differs from
the one it builds on.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from msl.config import AdaptConfig, PretrainConfig, TargetSoloConfig, TrainConfig
from msl.errors import ConfigError


class Recipe(BaseModel):
    """The settings of every training stage."""

    model_config = ConfigDict(frozen=True)

    pretrain: PretrainConfig = PretrainConfig()
    adapt: AdaptConfig = AdaptConfig()
    target_solo: TargetSoloConfig = TargetSoloConfig()

    def edit(self, *stages: str, **values: Any) -> Self:
        """A copy with settings changed in the named stages, or in all; a stage without the setting stays as it is."""
        chosen: dict[str, TrainConfig] = {stage: getattr(self, stage) for stage in stages or type(self).model_fields}
        if unknown := set(values).difference(*(config.options() for config in chosen.values())):
            raise ConfigError(f"no stage of {', '.join(chosen)} has a setting {', '.join(sorted(unknown))}")
        changed = {
            stage: config.edit(**{name: value for name, value in values.items() if name in config.options()})
            for stage, config in chosen.items()
        }
        return self.model_copy(update=changed)


def streets(recipe: Recipe) -> Recipe:
    """The embedded, generated domains: minutes on two CPU cores, nothing to download.

    ``mlflow run . -e adapt``

    The losses are means over pixels and classes, and the paper gives a weight of 0.1 some 30 000 iterations to act;
    in 250 iterations a larger one pulls about as far. The images are a fifth of the paper's size: no blur, and
    dilations that stay within their 32×16 features.
    """
    return (
        recipe.edit(
            source="streets",
            target="streets_real",
            crop_size=(256, 128),
            gaussian_blur=False,
            backbone="mobilenet_v2",
            width=0.5,
            dilations=(2, 4, 8, 12),
            weights="none",
            batch_size=4,
            lr=1e-2,
            target_mode="IW_maxsquare",
            lambda_target=2.0,
        )
        .edit("pretrain", iter_max=700, iter_stop=None, eval_every=350)
        .edit("target_solo", round_num=8, target_solo_epoch=5)
        .edit("adapt", "target_solo", epoch_iters=50, epoch_each_round=1, eval_every=125)
    )


def camvid_day_dusk(recipe: Recipe) -> Recipe:
    """CamVid's day sequences to its dusk sequence, 11 classes: a real shift that trains on a CPU.

    ``mlflow run . -e adapt -P recipe=camvid_day_dusk -P data_root=FOLDER``
    """
    return (
        recipe.edit(
            source="camvid_day",
            target="camvid_dusk",
            crop_size=(240, 180),
            backbone="mobilenet_v2",
            weights="imagenet",
            batch_size=4,
            lr=5e-3,
        )
        .edit("pretrain", iter_max=770, iter_stop=None, eval_every=154)
        .edit("target_solo", round_num=8, target_solo_epoch=5)
        .edit("adapt", "target_solo", epoch_iters=60, epoch_each_round=1, eval_every=150)
    )


def gta5_cityscapes(recipe: Recipe) -> Recipe:
    """GTA5 to Cityscapes with the maximum squares loss: Chen et al., ICCV 2019, table 1.

    ``mlflow run . -e adapt -P recipe=gta5_cityscapes -P data_root=FOLDER``

    Pretraining stops after 80 000 iterations of a schedule of 200 000, adaptation takes 29 760. The paper reports
    36.9 mIoU for source only and 44.3 for this, from weights that had also seen COCO; this recipe starts from ImageNet.
    """
    return (
        recipe.edit(
            source="gta5",
            target="cityscapes",
            crop_size=(1280, 720),
            target_crop_size=(1024, 512),
            backbone="resnet101",
            weights="imagenet",
            batch_size=1,
            lr=2.5e-4,
            target_mode="maxsquare",
            lambda_target=0.1,
            eval_images=500,
            num_workers=4,
        )
        .edit("pretrain", iter_max=200_000, iter_stop=80_000, eval_every=5000)
        .edit("adapt", "target_solo", epoch_iters=2976)
        .edit("adapt", round_num=5)
    )


def gta5_cityscapes_iw(recipe: Recipe) -> Recipe:
    """`gta5_cityscapes` with image-wise weights: 45.2 mIoU in the paper.

    ``mlflow run . -e adapt -P recipe=gta5_cityscapes_iw -P data_root=FOLDER``
    """
    return gta5_cityscapes(recipe).edit(target_mode="IW_maxsquare", iw_ratio=0.2)


def gta5_cityscapes_multi(recipe: Recipe) -> Recipe:
    """`gta5_cityscapes` with a second output that is guided by both: larger target images, lambda_target 0.09.

    ``mlflow run . -e adapt -P recipe=gta5_cityscapes_multi -P data_root=FOLDER``
    """
    return gta5_cityscapes(recipe).edit(
        multi=True, lambda_seg=0.1, threshold=0.95, lambda_target=0.09, target_crop_size=(1280, 640)
    )


def gta5_cityscapes_iw_multi(recipe: Recipe) -> Recipe:
    """`gta5_cityscapes` with image-wise weights and guidance: 46.4 mIoU in the paper, 43 to 45 in reproductions of it.

    ``mlflow run . -e adapt -P recipe=gta5_cityscapes_iw_multi -P data_root=FOLDER``

    The stage target_solo goes on for 40 epochs, the last 20 of them on the target alone.
    """
    return gta5_cityscapes_multi(recipe).edit(target_mode="IW_maxsquare", iw_ratio=0.2)


def synthia_cityscapes(recipe: Recipe) -> Recipe:
    """SYNTHIA to Cityscapes with the maximum squares loss, 16 classes: Chen et al., ICCV 2019.

    ``mlflow run . -e adapt -P recipe=synthia_cityscapes -P data_root=FOLDER``

    As `gta5_cityscapes`: 80 000 iterations of pretraining, 29 760 of adaptation. `mIoU` is that of the 16 classes; that
    of the 13 without wall, fence and pole is logged beside it as `mIoU_13`.
    """
    return gta5_cityscapes(recipe).edit(source="synthia", crop_size=(1280, 760))


def synthia_cityscapes_iw(recipe: Recipe) -> Recipe:
    """`synthia_cityscapes` with image-wise weights.

    ``mlflow run . -e adapt -P recipe=synthia_cityscapes_iw -P data_root=FOLDER``
    """
    return synthia_cityscapes(recipe).edit(target_mode="IW_maxsquare", iw_ratio=0.2)


def synthia_cityscapes_iw_multi(recipe: Recipe) -> Recipe:
    """`synthia_cityscapes` with image-wise weights and guidance: 41.4 mIoU and 48.2 mIoU_13 in the paper.

    ``mlflow run . -e adapt -P recipe=synthia_cityscapes_iw_multi -P data_root=FOLDER``
    """
    return gta5_cityscapes_iw_multi(recipe).edit(source="synthia", crop_size=(1280, 760))


def cityscapes_crosscity(recipe: Recipe) -> Recipe:
    """Cityscapes to a city of CrossCity with the maximum squares loss, 13 classes: Chen et al., ICCV 2019.

    ``mlflow run . -e adapt -P recipe=cityscapes_crosscity -P target=crosscity_rio -P data_root=FOLDER``

    The city is Rome unless `target` names another. 80 000 iterations of pretraining, which the cities share, and ten
    epochs of 3 200 of adaptation each. mIoU in the paper, source only and this: Rome 51.0 and 53.9, Rio 48.9 and 52.0,
    Tokyo 47.8 and 49.7, Taipei 46.3 and 49.8.
    """
    return (
        gta5_cityscapes(recipe)
        .edit(
            source="cityscapes",
            target="crosscity_rome",
            label_set="crosscity13",
            crop_size=(1024, 512),
            threshold=0.98,
        )
        .edit("adapt", "target_solo", epoch_iters=None)
    )


def cityscapes_crosscity_iw(recipe: Recipe) -> Recipe:
    """`cityscapes_crosscity` with image-wise weights: Rome 54.5, Rio 53.3, Tokyo 50.5, Taipei 50.6 in the paper.

    ``mlflow run . -e adapt -P recipe=cityscapes_crosscity_iw -P target=crosscity_rio -P data_root=FOLDER``
    """
    return cityscapes_crosscity(recipe).edit(target_mode="IW_maxsquare", iw_ratio=0.2)


RECIPES: dict[str, Callable[[Recipe], Recipe]] = {
    recipe.__name__: recipe
    for recipe in (
        streets,
        camvid_day_dusk,
        gta5_cityscapes,
        gta5_cityscapes_iw,
        gta5_cityscapes_multi,
        gta5_cityscapes_iw_multi,
        synthia_cityscapes,
        synthia_cityscapes_iw,
        synthia_cityscapes_iw_multi,
        cityscapes_crosscity,
        cityscapes_crosscity_iw,
    )
}

# What a stage and the parent that it starts have in common: where a user changes it, it holds for both.
_SHARED = ("source", "target", "model", "run", "evaluation", "monitor", "runtime")


def find_recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        ConfigError: there is none of that name; the message lists those there are.
    """
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise ConfigError(f"recipe = {name!r} is unknown. {hint}Choose one of {', '.join(RECIPES)}.")
    return RECIPES[name](Recipe())


@dataclass(frozen=True, kw_only=True)
class Request:
    """A training stage as a user asks for it: a recipe, and what differs from it."""

    stage: str
    recipe: str
    overrides: Mapping[str, Any] = field(default_factory=dict)  # by setting
    group: str | None = None
    resume: str | None = None

    def config(self) -> TrainConfig:
        """The stage's settings.

        Raises:
            ConfigError: the recipe or a setting is unknown, or a value does not fit.
        """
        config: TrainConfig = getattr(find_recipe(self.recipe), self.stage)
        return config.edit(**self.overrides)

    def for_parent(self, stage: str) -> "Request":
        """The request for the stage that this one starts from: the recipe's own settings, but the shared overrides."""
        shared = {name for group, name, _ in self.config().fields() if group in _SHARED}
        return Request(
            stage=stage,
            recipe=self.recipe,
            overrides={name: value for name, value in self.overrides.items() if name in shared},
        )

    def group_name(self) -> str:
        """Name of the runs that differ from this one by seed only: stage, recipe, and what differs from the recipe."""
        if self.group is not None:
            return self.group
        own, plain = self.config().comparable(), Request(stage=self.stage, recipe=self.recipe).config().comparable()
        differing = [f"{k}={v}" for k, v in own.items() if v != plain[k] and k not in ("seed", "checkpoint")]
        return " ".join([self.stage, self.recipe, *differing])
