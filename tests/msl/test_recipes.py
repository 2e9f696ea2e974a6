import pytest

from msl.errors import ConfigError
from msl.recipes import RECIPES, Recipe, Request, find_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_whole_and_says_how_to_run_it(name):
    recipe = find_recipe(name)
    assert recipe.pretrain.model == recipe.adapt.model == recipe.target_solo.model
    assert recipe.pretrain.source == recipe.adapt.source == recipe.target_solo.source
    assert "mlflow run . -e adapt" in RECIPES[name].__doc__


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
    request = Request(stage="adapt", recipe="streets", overrides={"lambda_target": "0.123"})
    assert request.config().adaptation.lambda_target == 0.123


def test_the_parent_takes_the_shared_overrides_alone():
    overrides = {"seed": 3, "source": "gta5", "multi": True, "lr": 1.0, "lambda_target": 0.5, "device": "cpu"}
    parent = Request(stage="adapt", recipe="streets", overrides=overrides).for_parent("pretrain")
    assert parent.overrides == {"seed": 3, "source": "gta5", "multi": True, "device": "cpu"}
    assert parent.config().optimizer.lr == find_recipe("streets").pretrain.optimizer.lr


def test_a_group_is_named_by_what_differs_from_the_recipe_but_for_the_seed():
    plain = Request(stage="adapt", recipe="streets")
    assert plain.group_name() == "adapt streets"
    same = {"seed": 5, "num_workers": 0, "lambda_target": plain.config().adaptation.lambda_target}
    assert Request(stage="adapt", recipe="streets", overrides=same).group_name() == "adapt streets"
    other = Request(stage="adapt", recipe="streets", overrides={"lambda_target": 0.03, "seed": 1})
    assert other.group_name() == "adapt streets lambda_target=0.03"
    assert Request(stage="adapt", recipe="streets", group="mine").group_name() == "mine"
