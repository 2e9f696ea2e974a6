"""The recipe of a request that names none."""

import json
from pathlib import Path

import own_data
import pytest
import torchvision.models as zoo
from tiny import artifact

from msl.config.abilities import IMAGENET_FILES
from msl.data.facts import image_facts, is_generated
from msl.data.titles import domain_title
from msl.errors import ConfigError, DataError
from msl.inputs import weights_at_hand
from msl.inputs.fitting import find_request
from msl.recipes import Request, find_recipe
from msl.recipes.fitting import DomainFacts, fit_segmentation, fitting_size
from msl.runs import run as carry_out


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """A machine without network, and its folder of weights."""
    monkeypatch.setattr(weights_at_hand, "_is_reachable", lambda: False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch/hub/checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def with_weights(offline):
    (offline / IMAGENET_FILES["mobilenet_v2"]).touch()
    (offline / IMAGENET_FILES["resnet101"]).touch()


@pytest.fixture
def two_domains(tmp_path):
    """The YAML files of two domains."""
    source, target = own_data.two_domains(tmp_path)
    return str(source), str(target)


@pytest.mark.parametrize("stage", ["pretrain", "adapt", "target_solo", "joint_adain", "train_style", "stylize"])
def test_without_domains_the_recipe_is_that_of_the_demo(stage):
    plain = Request.of(stage=stage, recipe="streets")
    assert find_request(stage=stage) == plain
    assert find_request(stage=stage).group_name() == f"{stage} streets"


def test_generated_domains_have_the_recipe_of_the_demo():
    Path("small.yaml").write_text("name: small\nlayout: streets\ncount: {train: 5}\n")
    assert is_generated("small.yaml")
    request = find_request(stage="adapt", overrides={"source": "small.yaml", "width": "0.25"})
    assert (request.recipe, request.settings.target.target) == ("streets", "streets_real")


def test_a_recipe_that_is_named_is_taken(two_domains):
    overrides = dict(zip(("source", "target"), two_domains, strict=True))
    request = find_request(stage="adapt", recipe="streets", overrides=overrides)
    assert request == Request.of(stage="adapt", recipe="streets", overrides=overrides)


@pytest.mark.usefixtures("with_weights")
def test_own_domains_have_settings_that_fit_them_and_reasons(two_domains, caplog):
    source, target = two_domains
    request = find_request(stage="adapt", overrides={"source": source, "target": target, "lambda_target": "0.2"})
    settings = request.settings.flat()
    expected = {"crop_size": "64,32", "target_crop_size": "64,32", "backbone": "mobilenet_v2", "weights": "imagenet"}
    expected |= {"target_mode": "maxsquare", "lambda_target": 0.2, "batch_size": 4, "epoch_iters": 50}
    assert {name: settings[name] for name in expected} == expected
    assert set(expected) - {"lambda_target"} <= set(request.reasons)
    assert "lambda_target" not in request.reasons  # it was typed
    titles = f"{domain_title(source)} {domain_title(target)}"
    assert request.group_name(domain_title) == f"adapt {titles} lambda_target=0.2"
    parent = request.for_parent("pretrain")
    assert parent.settings.schedule.iter_max == 500
    assert parent.group_name(domain_title) == f"pretrain {domain_title(source)}"
    alone = find_request(stage="pretrain", overrides={"source": source})
    assert alone.settings.target.target is None
    assert request.reasons["target_mode"] == "as Chen et al., ICCV 2019"
    both = find_request(stage="pretrain", overrides={"source": source, "target": target})
    assert "epoch_iters" in request.reasons.keys() - both.reasons.keys()  # pretraining has iter_max
    assert alone.settings.decisive() == parent.settings.decisive()  # so that one serves the other


@pytest.mark.usefixtures("offline")
def test_without_imagenet_weights_training_begins_with_random_ones_and_says_so(two_domains, caplog):
    source, target = two_domains
    request = find_request(stage="adapt", overrides={"source": source, "target": target})
    assert request.settings.model.weights == request.for_parent("pretrain").settings.model.weights == "none"
    assert request.group_name(domain_title).endswith(" weights=none")
    assert "mobilenet_v2-b0353104.pth is not in" in caplog.text
    with_file = find_request(stage="adapt", overrides={"source": source, "target": target, "weights": "x.pth"})
    assert with_file.settings.model.weights == "x.pth"


@pytest.mark.usefixtures("offline")
def test_a_start_from_a_checkpoint_is_not_called_random(two_domains, caplog):
    source, target = two_domains
    find_request(stage="adapt", overrides={"source": source, "target": target, "checkpoint": "x.pt"})
    assert "random weights" not in caplog.text


@pytest.mark.usefixtures("with_weights")
@pytest.mark.parametrize(
    ("source", "target", "recipe"),
    [
        ("gta5", "cityscapes", "gta5_cityscapes"),
        ("synthia", "cityscapes", "synthia_cityscapes"),
        ("cityscapes", "crosscity_rio", "cityscapes_crosscity"),
        ("camvid_day", "camvid_dusk", "camvid_day_dusk"),
    ],
)
def test_the_domains_of_a_benchmark_have_its_recipe(source, target, recipe):
    request = find_request(stage="adapt", overrides={"source": source, "target": target})
    assert request.settings == find_recipe(recipe).adapt.edit(target=target)
    assert request.group_name(domain_title).startswith(f"adapt {recipe}")
    pretraining = find_request(stage="pretrain", overrides={"source": source})
    assert (pretraining.recipe, pretraining.settings.target.target) == (recipe, None)


def test_a_domain_that_is_missing_is_refused_with_the_way_out(two_domains):
    source, target = two_domains
    with pytest.raises(ConfigError, match=r"A\.yaml without a target\. Pass target=DOMAIN"):
        find_request(stage="adapt", overrides={"source": source})
    with pytest.raises(ConfigError, match=r"gta5 without a target\. .*; recipe=gta5_cityscapes has one"):
        find_request(stage="target_solo", overrides={"source": "gta5"})
    with pytest.raises(ConfigError, match=r"B\.yaml without a source\. Pass source=DOMAIN"):
        find_request(stage="adapt", overrides={"target": target})
    with pytest.raises(ConfigError, match=r"A\.yaml without a style"):
        find_request(stage="stylize", overrides={"content": source})
    with pytest.raises(ConfigError, match="domain 'gta6' is unknown. Did you mean gta5"):
        find_request(stage="pretrain", overrides={"source": "gta6"})
    with pytest.raises(DataError, match="gta5 needs a folder of data sets"):
        find_request(stage="adapt", overrides={"source": "gta5", "target": target})


def test_styles_of_own_images_fit_them(two_domains):
    source, target = two_domains
    request = find_request(stage="stylize", overrides={"content": source, "style": target})
    assert request.settings.copied.shuffle_styles
    decoder = request.for_style("train_style", content=source)
    assert (decoder.settings.data.style_resize, decoder.settings.data.style_crop) == (64, 32)
    assert decoder.settings.schedule.style_iters == 2000
    camvid = find_request(stage="stylize", overrides={"content": "camvid_day", "style": "camvid_dusk"})
    assert camvid.settings == find_recipe("camvid_day_dusk").stylize


@pytest.mark.parametrize(
    ("size", "fitting"),
    [((1914, 1052), (1296, 712)), ((2048, 1024), (1360, 680)), ((1080, 1920), (720, 1280)), ((240, 180), (240, 180))],
)
def test_the_size_of_images_in_training(size, fitting):
    assert fitting_size(size, 1280 * 720) == fitting


def test_the_length_of_training_follows_the_data():
    def iterations(images, batch_size=None, size=(1920, 1080)):
        fitted = fit_segmentation(DomainFacts("a", images, size), None, batch_size, pooled=False)
        return fitted.recipe.pretrain.schedule.iter_max

    assert [iterations(images) for images in (3, 2975, 24_966)] == [500, 29_750, 80_000]
    assert iterations(2975, batch_size=4) == 7438
    assert iterations(305, size=(240, 180)) == 763


def test_large_images_have_the_network_of_the_paper():
    large = DomainFacts("a", 100, (1920, 1080))
    model, optimizer = (fit_segmentation(large, large, None, False).recipe.adapt.flat(), "batch_size")
    assert (model["backbone"], model["lr"], model[optimizer]) == ("resnet101", 2.5e-4, 1)
    assert fit_segmentation(large, large, None, pooled=True).recipe.adapt.optimizer.batch_size == 2


def test_facts_are_read_without_decoding(tmp_path):
    file = own_data.upside_down(tmp_path)
    assert image_facts(str(file), None) == (2, (64, 32))
    (tmp_path / "img/0.jpg").write_bytes(b"damaged")
    assert image_facts(str(file), None) == (2, (64, 32))
    (tmp_path / "img/1.jpg").write_bytes(b"damaged")
    with pytest.raises(DataError, match="img/.*: cannot be read"):
        image_facts(str(file), None)


def test_the_files_are_those_of_torchvision():
    for backbone, name in IMAGENET_FILES.items():
        assert zoo.get_model_weights(backbone)["IMAGENET1K_V1"].url.endswith(f"/{name}")


@pytest.mark.usefixtures("with_weights")
def test_a_size_that_is_typed_for_the_source_is_also_the_targets(two_domains):
    domains = dict(zip(("source", "target"), two_domains, strict=True))
    settings = find_request(stage="adapt", overrides={**domains, "crop_size": "32,16"}).settings.flat()
    assert (settings["crop_size"], settings["target_crop_size"]) == ("32,16", None)
    both = {**domains, "crop_size": "32,16", "target_crop_size": "48,24"}
    assert find_request(stage="adapt", overrides=both).settings.flat()["target_crop_size"] == "48,24"


@pytest.mark.usefixtures("offline", "store")
def test_the_run_has_the_reasons(two_domains, the_run):
    overrides = {"source": two_domains[0], "width": 0.25, "max_iters": 1, "num_workers": 0, "panels": 0}
    request = find_request(stage="pretrain", overrides=overrides)
    outcome = carry_out(request)
    run, record = the_run(outcome.run_id), json.loads(artifact(outcome.run_id, "config.json").read_text())
    assert (run["msl.recipe"], run["msl.group"]) == ("fitted", request.group_name(domain_title))
    assert record["reasons"] == request.reasons
    assert record["reasons"]["iter_max"].startswith("10 passes over 6 images")
