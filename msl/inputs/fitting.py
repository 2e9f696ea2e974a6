"""The recipe of a request that names none: a small one for generated domains, a benchmark, or one to fit the data."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msl.config import AdaptConfig, PrepareConfig, ValidateConfig
from msl.data.catalog import check_name
from msl.data.facts import image_facts, is_generated
from msl.errors import ConfigError
from msl.inputs.notices import tell_once
from msl.inputs.weights_at_hand import missing_imagenet
from msl.recipes import Request, find_recipe
from msl.recipes.fitting import FITTED, DomainFacts, Fitted, fit_segmentation, fit_style
from msl.recipes.request import AUTO, DRAWN, is_new

log = logging.getLogger("msl")

_STYLE_STAGES = ("train_style", "stylize")
# Recipes by source and by the beginning of the target's name: those that set up an experiment of their authors.
_BENCHMARKS = {
    ("gta5", "cityscapes"): "gta5_cityscapes",
    ("synthia", "cityscapes"): "synthia_cityscapes",
    ("cityscapes", "crosscity_"): "cityscapes_crosscity",
    ("camvid_day", "camvid_dusk"): "camvid_day_dusk",
}


def find_request(
    *,
    stage: str,
    recipe: str = AUTO,
    overrides: Mapping[str, Any] | None = None,
    group: str | None = None,
    resume: str | None = None,
    force: bool = False,
    tracking: str = "online",
    is_told: bool = True,
) -> Request:
    """The request for a stage. If no recipe is named, one is chosen; the log gives its reasons, if `is_told`.

    Raises:
        ConfigError: as for `Request.of`; or a domain is unknown, or source or target is missing.
        DataError: the data that a recipe must fit is missing.
    """
    overrides = overrides or {}
    if recipe != AUTO or not is_new(resume) or not _real_domains(stage, overrides):
        name = DRAWN if recipe == AUTO else recipe
        return Request.of(
            stage=stage,
            recipe=name,
            overrides=overrides,
            group=group,
            resume=resume,
            force=force,
            tracking=tracking,
        )
    for domain in _real_domains(stage, overrides):
        check_name(domain)
    if stage in _STYLE_STAGES:
        (name, fitted), values = _chosen_style(stage, overrides), dict(overrides)
    else:
        name, fitted, values = _chosen(stage, overrides)
    values, reasons = _with_weights(stage, fitted, values)
    reasons = {setting: reason for setting, reason in reasons.items() if setting not in overrides}
    if stage == "pretrain":
        reasons.pop("epoch_iters", None)  # iter_max decides how long it trains
    request = Request.of(
        stage=stage,
        recipe=name,
        overrides=values,
        group=group,
        resume=resume,
        base=fitted.recipe,
        reasons=reasons,
        tracking=tracking,
    )
    settings = request.settings.flat()
    for setting, reason in reasons.items() if is_told else ():
        if setting in settings:
            log.info("%s = %s: %s", setting, settings[setting], reason)
    return request


def examined_data(recipe: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The data settings of a check of data: those of the recipe; without a recipe, only the domain that is named."""
    training = find_recipe(DRAWN if recipe == AUTO else recipe).adapt.flat()
    unnamed = _unnamed_roles(overrides) if recipe == AUTO else {}
    return {name: training[name] for name in ValidateConfig.options() if name in training} | unnamed


def prepared_data(recipe: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The data settings of an adaptation; without a target, those of a pretraining.

    Raises:
        ConfigError: as for `find_request`.
        DataError: as for `find_request`.
    """
    stage = "pretrain" if overrides.get("target", "") is None else "adapt"
    names = set(PrepareConfig.options()) & set(AdaptConfig.options())
    shared = {name: value for name, value in overrides.items() if name in names}
    training = find_request(stage=stage, recipe=recipe, overrides=shared).settings.flat()
    return {name: training[name] for name in PrepareConfig.options() if name in training and name != "cache"}


def _unnamed_roles(overrides: Mapping[str, Any]) -> dict[str, None]:
    """Source or target, if only the other one is named and msl does not draw it: domains that it draws do not fit."""
    roles = [role for role in ("source", "target") if role not in overrides]
    return dict.fromkeys(roles) if len(roles) == 1 and _real_domains("pretrain", overrides) else {}


def _real_domains(stage: str, overrides: Mapping[str, Any]) -> list[str]:
    """The domains that are named and that msl does not draw itself."""
    roles = ("content",) if stage in _STYLE_STAGES else ("source", "target")
    names = [name for role in roles for name in str(overrides.get(role) or "").split(",") if name]
    return [name for name in names if not is_generated(name)]


def _chosen(stage: str, overrides: Mapping[str, Any]) -> tuple[str, Fitted, dict[str, Any]]:
    """Name and settings of the recipe, and the overrides with the target."""
    source, target = overrides.get("source"), overrides.get("target")
    if source is None:
        raise ConfigError(
            f"target = {target} without a source. Pass source=DOMAIN (a name, or a YAML file, of images with labels), "
            "or a recipe that has one: recipe=gta5_cityscapes."
        )
    if target is None and stage != "pretrain":
        pairs = {of: name for (of, _), name in _BENCHMARKS.items()}
        hint = f"; recipe={pairs[source]} has one" if source in pairs else ""
        raise ConfigError(
            f"source = {source} without a target. Pass target=DOMAIN (a name, or a YAML file; labels are not "
            f"needed){hint}."
        )
    values = {**overrides, "target": target}
    unscored = {} if target is not None else {"target": "no target was named, so only the source is scored"}
    benchmark = _benchmark(source, target)
    if benchmark is not None:
        return (
            benchmark,
            Fitted(find_recipe(benchmark), {"source": f"recipe {benchmark} is made for it", **unscored}),
            values,
        )
    fitted = fit_segmentation(
        _facts(source, overrides),
        None if target is None else _facts(target, overrides),
        _number(overrides.get("batch_size")),
        pooled=overrides.get("network") == "deeplabv3plus",
    )
    if "crop_size" in overrides and target is not None:  # as in every recipe, it is the target's, too
        same = {"target_crop_size": "that of the source, crop_size"}
        fitted = Fitted(fitted.recipe.edit(target_crop_size=None), {**fitted.reasons, **same})
    return FITTED, Fitted(fitted.recipe, {**fitted.reasons, **unscored}), values


def _benchmark(source: str, target: str | None) -> str | None:
    """The recipe for these domains; a pretraining without a target is that of any target."""
    names = (name for (of, to), name in _BENCHMARKS.items() if of == source and (target or to).startswith(to))
    return next(names, None)


def _chosen_style(stage: str, overrides: Mapping[str, Any]) -> tuple[str, Fitted]:
    contents, style = str(overrides["content"]).split(","), overrides.get("style")
    if style is None:
        raise ConfigError(
            f"content = {overrides['content']} without a style. Pass style=FOLDER of images, or style=DOMAIN."
        )
    for benchmark in _BENCHMARKS.values():
        recipe = find_recipe(benchmark)
        settings = getattr(recipe, stage).flat()
        if (settings["content"], settings["style"]) == (overrides["content"], style):
            return benchmark, Fitted(recipe, {"content": f"recipe {benchmark} is made for it"})
    return FITTED, fit_style([_facts(name, overrides) for name in contents], style)


def _facts(name: str, overrides: Mapping[str, Any]) -> DomainFacts:
    folder = overrides.get("data_root") or os.environ.get("MSL_DATA")
    facts = image_facts(name, Path(folder) if folder else None)
    return DomainFacts(name, facts.images, facts.size)


def _with_weights(stage: str, fitted: Fitted, overrides: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The overrides, without pretrained weights where they cannot be had, and the reasons."""
    model = fitted.recipe.adapt.model
    if stage in _STYLE_STAGES or "weights" in overrides or model.weights != "imagenet":
        return overrides, dict(fitted.reasons)
    missing = missing_imagenet(overrides.get("backbone", model.backbone))
    if missing is None:
        return overrides, {**fitted.reasons, "weights": "better than random ones"}
    if "checkpoint" not in overrides:
        tell_once(f"training begins with random weights, which costs much of the scores: {missing}", stage)
    return {**overrides, "weights": "none"}, {**fitted.reasons, "weights": missing}


def _number(text: Any) -> int | None:
    """A batch size; None if the settings will refuse it."""
    return int(text) if str(text).isdecimal() and int(text) > 0 else None
