import pytest

from msl.errors import ConfigError
from msl.recipes import RECIPES, Recipe, Request, find_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_whole_and_says_how_to_run_it(name):
    recipe = find_recipe(name)
    others = (recipe.adapt, recipe.target_solo, recipe.self_train)
    assert all(stage.model == recipe.pretrain.model for stage in others)
    assert all(stage.source == recipe.pretrain.source for stage in others)
    assert all(stage.target == recipe.adapt.target for stage in others)
    stage = "joint_adain" if "/joint_" in name else "adapt"
    assert f"mlflow run . -e {stage}" in RECIPES[name].__doc__


def test_an_unknown_recipe_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean streets"):
        find_recipe("street")


def test_editing_only_the_named_stage():
    recipe = Recipe().edit("adapt", lr=1.0)
    assert (recipe.adapt.optimizer.lr, recipe.pretrain.optimizer.lr) == (1.0, 2.5e-4)


def test_a_setting_reaches_the_stages_that_have_it():
    recipe = Recipe().edit(lambda_target=0.5)
    assert recipe.adapt.adaptation.lambda_target == recipe.target_solo.adaptation.lambda_target == 0.5


def test_a_misspelled_setting_in_a_recipe_is_refused():
    with pytest.raises(ConfigError, match="no stage of .* has a setting lambda_targt"):
        Recipe().edit(lambda_targt=0.5)


def test_options_override_the_recipe():
    request = Request.of(stage="adapt", recipe="streets", overrides={"lambda_target": "0.123"})
    assert request.settings.adaptation.lambda_target == 0.123


def test_the_parent_takes_the_shared_overrides_alone():
    overrides = {"seed": 3, "source": "gta5", "multi": True, "lr": 1.0, "lambda_target": 0.5, "device": "cpu"}
    parent = Request.of(stage="adapt", recipe="streets", overrides=overrides).for_parent("pretrain")
    assert parent.overrides == {"seed": 3, "source": "gta5", "multi": True, "device": "cpu"}
    assert parent.settings.optimizer.lr == find_recipe("streets").pretrain.optimizer.lr


def test_the_parent_takes_the_optimizer_with_all_that_was_given_of_it():
    optimizer = {"optimizer": "adamw", "lr": 6e-5, "batch_size": 8, "betas": "0.8,0.99", "freeze_bn": True}
    overrides = {"seed": 3, "lambda_target": 0.5, **optimizer}
    adapt_request = Request.of(stage="adapt", recipe="streets", overrides=overrides)
    parent = adapt_request.for_parent("pretrain")
    assert parent.overrides == {"seed": 3, **optimizer}
    settings, recipe = parent.settings.optimizer, find_recipe("streets").pretrain.optimizer
    assert (settings.optimizer, settings.lr, settings.betas) == ("adamw", 6e-5, (0.8, 0.99))
    assert settings.weight_decay == recipe.weight_decay  # not given


OF_ADAMW = r"momentum = 0.8: optimizer = adamw has no such setting. Leave momentum out, or pass optimizer=sgd\."


def test_a_setting_that_the_optimizer_does_not_have_is_refused_with_the_way_out():
    def settings(**overrides):
        return Request.of(stage="adapt", recipe="streets", overrides=overrides).settings

    with pytest.raises(ConfigError, match=OF_ADAMW):
        settings(optimizer="adamw", momentum="0.8")
    with pytest.raises(ConfigError, match=r"betas = 0.8,0.9: .* pass optimizer=adamw\. eps = 0.001: optimizer = sgd"):
        settings(betas="0.8,0.9", eps=1e-3)
    with pytest.raises(ConfigError, match="momentum = 0.9: optimizer = adamw has no such setting"):
        settings(optimizer="adamw", momentum=0.9)
    changed = settings(optimizer="adamw", lr=6e-5, betas="0.8,0.9")
    assert changed.optimizer.momentum == 0.9  # a default is not given


def test_another_optimizer_needs_a_learning_rate_of_its_own():
    with pytest.raises(
        ConfigError, match=r"optimizer = adamw: the recipe's lr = .* is for sgd\. Pass lr too; .* lr=6e-5"
    ):
        Request.of(stage="adapt", recipe="streets", overrides={"optimizer": "adamw"})
    Request.of(stage="adapt", recipe="streets", overrides={"optimizer": "sgd"})
    Request.of(stage="adapt", recipe="streets", overrides={"optimizer": "adamw"}, resume="0123")


def test_a_recipe_cannot_set_what_its_optimizer_does_not_have_but_inherits_it():
    fast = Recipe().edit(momentum=0.8)
    assert fast.edit(optimizer="adamw").adapt.optimizer.momentum == 0.8  # set for sgd, and read by nobody now
    with pytest.raises(ConfigError, match=OF_ADAMW):
        Recipe().edit(optimizer="adamw").edit(momentum=0.8)


def test_a_resumed_run_has_its_own_optimizer_so_the_recipes_refuses_nothing():
    Request.of(stage="adapt", recipe="streets", overrides={"betas": "0.8,0.9"}, resume="0123")


def test_a_group_is_named_by_what_differs_from_the_recipe_but_for_the_seed():
    plain = Request.of(stage="adapt", recipe="streets")
    assert plain.group_name() == "adapt streets"
    same = {"seed": 5, "num_workers": 0, "lambda_target": plain.settings.adaptation.lambda_target}
    assert Request.of(stage="adapt", recipe="streets", overrides=same).group_name() == "adapt streets"
    other = Request.of(stage="adapt", recipe="streets", overrides={"lambda_target": 0.03, "seed": 1})
    assert other.group_name() == "adapt streets lambda_target=0.03"
    assert Request.of(stage="adapt", recipe="streets", group="mine").group_name() == "mine"
    scoring = {"resize_labels": True, "eval_scales": "1,2"}
    scored_otherwise = Request.of(stage="adapt", recipe="streets", overrides=scoring)
    assert scored_otherwise.group_name() == "adapt streets eval_scales=1,2 resize_labels=True"


def test_a_group_has_the_titles_of_domains_in_place_of_paths():
    request = Request.of(stage="adapt", recipe="streets", overrides={"source": "./own.yaml", "target": "gta5"})
    titles = {"./own.yaml": "own@123456", "gta5": "gta5"}
    assert request.group_name(titles.__getitem__) == "adapt streets source=own@123456 target=gta5"


def test_a_long_name_of_a_group_ends_with_a_digest():
    overrides = {"lr": 0.1, "momentum": 0.5, "multi": True, "batch_size": 64, "crop_size": "1280,640"}
    whole = {**overrides, "width": 0.25, "weight_decay": 0.25}
    names = [
        Request.of(stage="adapt", recipe="streets", overrides=whole | {"iw_ratio": r}).group_name() for r in (0, 1)
    ]
    assert all(len(name) <= 80 for name in names)
    starts, digests = zip(*(name.split(" ~") for name in names), strict=True)
    assert len(set(starts)) == 1
    assert len(set(digests)) == 2
    assert starts[0].startswith("adapt streets crop_size=1280,640 ")
    assert Request.of(stage="adapt", recipe="streets", overrides=whole | {"iw_ratio": 0}).group_name() == names[0]


@pytest.mark.parametrize(
    ("name", "mode", "weight", "multi", "target_size"),
    [
        ("gta5_cityscapes", "maxsquare", 0.1, False, (1024, 512)),
        ("gta5_cityscapes_iw", "IW_maxsquare", 0.1, False, (1024, 512)),
        ("gta5_cityscapes_multi", "maxsquare", 0.09, True, (1280, 640)),
        ("gta5_cityscapes_iw_multi", "IW_maxsquare", 0.09, True, (1280, 640)),
    ],
)
def test_the_papers_numbers(name, mode, weight, multi, target_size):
    recipe = find_recipe(name)
    adapt, pretrain = recipe.adapt, recipe.pretrain
    assert (adapt.adaptation.target_mode, adapt.adaptation.lambda_target) == (mode, weight)
    assert (adapt.adaptation.iw_ratio, adapt.adaptation.threshold, adapt.objective.lambda_seg) == (0.2, 0.95, 0.1)
    assert (adapt.model.multi, adapt.target.target_crop_size, adapt.source.crop_size) == (
        multi,
        target_size,
        (1280, 720),
    )
    assert (pretrain.schedule.iter_max, pretrain.schedule.iter_stop) == (200_000, 80_000)
    assert adapt.schedule.horizon(adapt.schedule.epoch_iters) == 29_760
    assert recipe.target_solo.schedule.epochs == 40
    for stage in (pretrain, adapt):
        settings = stage.optimizer
        assert (settings.lr, settings.momentum, settings.weight_decay, settings.batch_size) == (2.5e-4, 0.9, 5e-4, 1)
        assert stage.model.backbone == "resnet101"


@pytest.mark.parametrize(
    ("name", "mode", "weight", "multi", "target_size"),
    [
        ("synthia_cityscapes", "maxsquare", 0.1, False, (1024, 512)),
        ("synthia_cityscapes_iw", "IW_maxsquare", 0.1, False, (1024, 512)),
        ("synthia_cityscapes_iw_multi", "IW_maxsquare", 0.09, True, (1280, 640)),
    ],
)
def test_synthia_is_as_gta5_at_its_own_size(name, mode, weight, multi, target_size):
    settings = find_recipe(name).adapt
    assert settings == find_recipe(name.replace("synthia", "gta5")).adapt.edit(source="synthia", crop_size=(1280, 760))
    assert (settings.adaptation.target_mode, settings.adaptation.lambda_target, settings.model.multi) == (
        mode,
        weight,
        multi,
    )
    assert (settings.target.target_crop_size, settings.source.label_set) == (target_size, None)  # none = SYNTHIA's 16


@pytest.mark.parametrize(
    ("name", "mode"), [("cityscapes_crosscity", "maxsquare"), ("cityscapes_crosscity_iw", "IW_maxsquare")]
)
def test_crosscity_is_ten_epochs_of_thirteen_classes(name, mode):
    settings = Request.of(stage="adapt", recipe=name, overrides={"target": "crosscity_rio"}).settings
    assert (settings.source.source, settings.target.target, settings.source.label_set) == (
        "cityscapes",
        "crosscity_rio",
        "crosscity13",
    )
    assert settings.source.crop_size == settings.target.target_crop_size == (1024, 512)
    assert (settings.adaptation.target_mode, settings.adaptation.threshold, settings.adaptation.lambda_target) == (
        mode,
        0.98,
        0.1,
    )
    assert settings.schedule.epoch_iters is None
    assert settings.schedule.horizon(3200) == 32_000


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("paper/MS", "gta5_cityscapes"),
        ("paper/IW_MS", "gta5_cityscapes_iw"),
        ("paper/multi_MS_IW", "gta5_cityscapes_iw_multi"),
    ],
)
def test_the_papers_recipes_are_the_plain_ones_with_the_published_codes_quirks(name, plain):
    quirks = {"dilations": (6, 12), "backbone_lr_ratio": 3.0, "freeze_stem_bn": True}
    quirks |= {"resize_labels": True, "eval_images": 501}
    paper, usual = find_recipe(name), find_recipe(plain)
    assert paper.adapt == usual.adapt.edit(**quirks)
    assert paper.target_solo == usual.target_solo.edit(**quirks)
    assert paper.pretrain == usual.pretrain.edit(**quirks, epoch_iters=5000)


def test_deeplabv3p_recipes_differ_in_the_learning_rate():
    slow, fast = (find_recipe(name).pretrain for name in ("paper/deeplabv3p", "paper/deeplabv3p_lr1e-3"))
    assert (slow.model.network, slow.optimizer.lr) == ("deeplabv3plus", 2.5e-4)
    assert fast == slow.edit(lr=1e-3)
