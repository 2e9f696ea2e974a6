"""A recipe made to fit the data, where no recipe describes it: the paper's values, and sizes from the images."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, NamedTuple

from msl.recipes.recipe import Recipe

FITTED = "fitted"  # in place of the name of a recipe

_PAPER = "as Chen et al., ICCV 2019"
_SOURCE_PIXELS, _TARGET_PIXELS = 1280 * 720, 1024 * 512  # of an image in the paper
_LARGE_PIXELS = 640 * 360  # from which the paper's network is chosen
_SIDE_STEP = 8  # pixels; the output stride of DeepLabV2
_PASSES = 10  # over the images, in each stage
_FEWEST, _MOST = 500, 80_000  # iterations of pretraining; the most are the paper's
_SHORTEST_EPOCH, _LONGEST_EPOCH = 50, 2976  # iterations of adaptation; the longest is the paper's
_STYLE_SIDE, _STYLE_BATCH, _FEWEST_STYLE_ITERS, _MOST_STYLE_ITERS = 512, 8, 2000, 160_000

Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class DomainFacts:
    """What a fitting recipe depends on."""

    name: str  # or the path of its YAML file
    images: int  # in split train
    size: Size  # of most images


class Fitted(NamedTuple):
    """A recipe, and why it has its settings."""

    recipe: Recipe
    reasons: Mapping[str, str]  # by setting


def fit_segmentation(source: DomainFacts, target: DomainFacts | None, batch_size: int | None, pooled: bool) -> Fitted:
    """The recipe for training on the source and adapting to the target.

    Args:
        source: the labelled domain.
        target: the domain to adapt to, if any.
        batch_size: if it is given; the number of iterations follows it.
        pooled: whether the network pools whole images, so that BatchNorm needs two of them.
    """
    crop_size = fitting_size(source.size, _SOURCE_PIXELS)
    large = crop_size[0] * crop_size[1] >= _LARGE_PIXELS
    backbone, lr, batch = ("resnet101", 2.5e-4, 2 if pooled else 1) if large else ("mobilenet_v2", 5e-3, 4)
    count = batch_size or batch
    iterations = min(max(ceil(_PASSES * source.images / count), _FEWEST), _MOST)
    like = f"{_PAPER}; it needs a GPU" if large else "images are small; as recipe camvid_day_dusk"
    recipe = Recipe().edit(
        *("pretrain", "adapt", "bn", "target_solo", "self_train", "joint_adain"),
        source=source.name,
        target=None if target is None else target.name,
        crop_size=crop_size,
        backbone=backbone,
        weights="imagenet",
        batch_size=batch,
        lr=lr,
    )
    recipe = recipe.edit("pretrain", iter_max=iterations, iter_stop=None, eval_every=ceil(iterations / 5))
    reasons = {
        "crop_size": _size_reason(source, crop_size),
        "backbone": like,
        "batch_size": like,
        "lr": like,
        "iter_max": f"{_PASSES} passes over {source.images} images, at least {_FEWEST} and at most the paper's {_MOST}",
    }
    return Fitted(recipe, reasons) if target is None else _with_target(recipe, reasons, target, count)


def _with_target(recipe: Recipe, reasons: Mapping[str, str], target: DomainFacts, count: int) -> Fitted:
    size = fitting_size(target.size, _TARGET_PIXELS)
    epoch = min(max(ceil(target.images / count), _SHORTEST_EPOCH), _LONGEST_EPOCH)
    recipe = recipe.edit(target_crop_size=size)
    recipe = recipe.edit("adapt", "target_solo", "self_train", "joint_adain", epoch_iters=epoch)
    recipe = recipe.edit("joint_adain", style=target.name)
    pass_text = f"one pass over {target.images} images, at least {_SHORTEST_EPOCH} and at most the paper's"
    further = {
        "target_crop_size": _size_reason(target, size),
        "target_mode": _PAPER,
        "lambda_target": _PAPER,
        "epoch_iters": f"{pass_text} {_LONGEST_EPOCH}; the paper trains ten such epochs",
    }
    return Fitted(recipe, {**reasons, **further})


def fit_style(contents: list[DomainFacts], style: str) -> Fitted:
    """The recipe for a decoder that draws these domains in a style, and for copies of the first domain."""
    side = min(_STYLE_SIDE, max(64, min(min(domain.size) for domain in contents)))
    images = sum(domain.images for domain in contents)
    iterations = min(max(ceil(_PASSES * images / _STYLE_BATCH), _FEWEST_STYLE_ITERS), _MOST_STYLE_ITERS)
    values: dict[str, Any] = {"style_resize": side, "style_crop": max(32, side // 2), "style_iters": iterations}
    names = ",".join(domain.name for domain in contents)
    recipe = Recipe().edit("train_style", content=names, style=style, preview_every=ceil(iterations / 4), **values)
    recipe = recipe.edit("stylize", content=contents[0].name, style=style, shuffle_styles=True)
    least = f"at least {_FEWEST_STYLE_ITERS} and at most {_MOST_STYLE_ITERS}"
    reasons = {
        "style_resize": f"the images' shorter side, at most {_STYLE_SIDE}",
        "style_iters": f"{_PASSES} passes over {images} images, {least}",
        "shuffle_styles": "each image has the style of one image, as in recipe camvid_day_dusk",
    }
    return Fitted(recipe, reasons)


def fitting_size(size: Size, most_pixels: int) -> Size:
    """The size of a small image; otherwise one in its proportions with about so many pixels, in multiples of 8."""
    scale = sqrt(most_pixels / (size[0] * size[1]))
    if scale >= 1:
        return size
    width, height = (max(_SIDE_STEP, round(side * scale / _SIDE_STEP) * _SIDE_STEP) for side in size)
    return width, height


def _size_reason(domain: DomainFacts, size: Size) -> str:
    return f"the proportions of images of {domain.size[0]}x{domain.size[1]}, with no more pixels than in the paper"
