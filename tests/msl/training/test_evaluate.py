import data_factory as factory
import numpy as np
import pytest
import torch
from torch import nn

from msl.config import ModelConfig
from msl.data import Resized, nearest, open_domain
from msl.labels import find_label_set
from msl.metrics import ConfusionMatrix
from msl.models import build_model, upsample
from msl.training.evaluate import Result, Scored, Scores, eval_mode, evaluate
from msl.training.panels import sheet
from msl.training.tables import write_tables


@pytest.fixture
def scored(tmp_path):
    domain = open_domain("camvid", factory.camvid(tmp_path), "train")
    return Scored(role="target", domain=domain, size=(24, 16), count=None)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_model(ModelConfig(width=0.25, num_classes=11))


@torch.no_grad()
def test_scores_are_those_of_a_plain_loop(model, scored):
    """Logits upsampled once, to the label's size; for the resized score the label comes down instead."""
    full, resized = ConfusionMatrix(11), ConfusionMatrix(11)
    model.eval()
    for i in range(len(scored.domain)):
        sample = scored.domain[i]
        image, label = Resized((24, 16))(sample.image, sample.label)
        coarse = model.coarse(image[None]).main
        full.update(upsample(coarse, (24, 40)).argmax(1)[0], label)
        resized.update(upsample(coarse, (16, 24)).argmax(1)[0], nearest(label, (16, 24)))
    own = evaluate(model, scored)
    assert torch.equal(own.full.counts, full.counts)
    assert torch.equal(own.resized.counts, resized.counts)
    assert 0 < resized.counts.sum() < full.counts.sum()


def test_evaluation_changes_nothing_of_a_training(model, scored):
    model.train()
    model.main_head.eval()
    torch.manual_seed(5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    evaluate(model, scored)
    assert model.training
    assert not model.main_head.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


def test_modes_come_back_after_an_error():
    network = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    during = eval_mode(network)
    during.__enter__()
    assert not network[0].training
    during.__exit__(RuntimeError, None, None)
    assert network[0].training
    assert not network[1].training


def test_only_so_many_images_are_scored(model, scored):
    few = Scored(role="target", domain=scored.domain, size=(24, 16), count=2)
    assert len(few) == 2
    labelled = sum(int((scored.domain[i].label != 255).sum()) for i in range(2))
    assert evaluate(model, few).full.counts.sum() == labelled


def a_result():
    label_set = find_label_set("camvid11")
    counts = torch.zeros(11, 11, dtype=torch.int64)
    counts[0, 0], counts[0, 1], counts[1, 1] = 3, 1, 4
    matrix = ConfusionMatrix.from_counts(counts)
    return Result(7, {"target": Scores(matrix, matrix)}), label_set


def test_metrics_by_name():
    result, label_set = a_result()
    metrics = result.metrics(label_set)
    assert metrics["target/IoU/sky"] == pytest.approx(75)
    assert metrics["target/mIoU"] == metrics["target/mIoU_resized"] == pytest.approx((75 + 80) / 2)
    assert metrics["target/PA"] == pytest.approx(87.5)
    assert "target/IoU/car" not in metrics  # does not occur: no score rather than NaN


def test_a_result_survives_a_checkpoint():
    result, label_set = a_result()
    assert Result.from_state_dict(result.state_dict()).metrics(label_set) == result.metrics(label_set)


def test_tables(tmp_path):
    result, label_set = a_result()
    per_class, confusion = write_tables({"best": result}, label_set, tmp_path / "evaluation")
    lines = per_class.read_text().splitlines()
    assert lines[0] == "checkpoint,step,domain,class,IoU,accuracy,pixels"
    assert lines[1] == "best,7,target,sky,75.0000,75.0000,4"
    assert lines[9] == "best,7,target,car,nan,nan,0"
    assert confusion.read_text().splitlines()[1].startswith("best,7,target,sky,3,1,0,")


def test_a_panel_shows_image_label_and_prediction_in_their_colours():
    label_set = find_label_set("camvid11")
    image = torch.full((3, 30, 60), 200, dtype=torch.uint8)
    label = torch.zeros(30, 60, dtype=torch.uint8)
    label[:, :30] = 255
    prediction = torch.full((30, 60), 3)
    pixels = np.asarray(sheet([("a frame", image, label, prediction)], label_set))
    middle = pixels[26 + 105]  # the header is 26 high, a cell 420 × 210
    assert middle[6 + 210].tolist() == [200, 200, 200]
    assert middle[432 + 100].tolist() == [0, 0, 0]
    assert middle[432 + 320].tolist() == list(label_set.palette[0])
    assert middle[858 + 210].tolist() == list(label_set.palette[3])
