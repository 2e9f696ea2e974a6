"""Recipes by name."""

import difflib
from collections.abc import Callable, Mapping

from msl.errors import ConfigError
from msl.recipes import benchmarks, paper, small, styled
from msl.recipes.recipe import Recipe

RECIPES: Mapping[str, Callable[[Recipe], Recipe]] = {
    recipe.__name__: recipe
    for recipe in (
        small.streets,
        small.streets_dusk,
        small.streets_start,
        small.camvid_day_dusk,
        benchmarks.gta5_cityscapes,
        benchmarks.gta5_cityscapes_iw,
        benchmarks.gta5_cityscapes_multi,
        benchmarks.gta5_cityscapes_iw_multi,
        benchmarks.gta5_cityscapes_deeplabv3p,
        benchmarks.synthia_cityscapes,
        benchmarks.synthia_cityscapes_iw,
        benchmarks.synthia_cityscapes_iw_multi,
        benchmarks.cityscapes_crosscity,
        benchmarks.cityscapes_crosscity_iw,
        styled.camvid_ambulance,
        styled.camvid_no_auxiliary,
        styled.camvid_fourier,
        styled.camvid_colour,
    )
} | {
    "paper/MS": paper.ms,
    "paper/IW_MS": paper.iw_ms,
    "paper/multi_MS_IW": paper.multi_ms_iw,
    "paper/deeplabv3p": paper.deeplabv3p,
    "paper/deeplabv3p_lr1e-3": paper.deeplabv3p_lr1e_3,
    "paper/trans": styled.trans,
    "paper/trans_multi": styled.trans_multi,
    "paper/trans_retrain": styled.trans_retrain,
    "paper/trans_alpha1wts1": styled.trans_alpha1wts1,
    "paper/trans_alpha1wts5": styled.trans_alpha1wts5,
    "paper/trans_alpha1wts0p5": styled.trans_alpha1wts0p5,
    "paper/trans_alpha0p5wts10": styled.trans_alpha0p5wts10,
    "paper/trans_deeplabv3p": styled.trans_deeplabv3p,
    "paper/no_auxiliary": styled.no_auxiliary,
    "paper/joint_published": styled.joint_published,
    "paper/joint_retrained": styled.joint_retrained,
    "paper/joint_decoder": styled.joint_decoder,
    "paper/joint_end_to_end": styled.joint_end_to_end,
}


def find_recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        ConfigError: no recipe has that name; the message lists all names.
    """
    if name not in RECIPES:
        nearest = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"Did you mean {nearest[0]}? " if nearest else ""
        raise ConfigError(f"recipe = {name!r} is unknown. {hint}Choose one of {', '.join(RECIPES)}.")
    return RECIPES[name](Recipe())
