import io
from dataclasses import replace

import data_factory as factory
import numpy as np
import pytest
import torch
from tiny import varied_model
from torch import nn

from msl.config.catalog import METRICS
from msl.data import Resized, nearest, open_domain
from msl.labels import find_label_set
from msl.metrics import ConfusionMatrix, Metric, calibration
from msl.metrics.calibration import CalibrationBins
from msl.numerics.interpolation import upsample
from msl.scoring import prediction as predicting
from msl.scoring.evaluation import Scored, eval_mode, evaluate
from msl.scoring.panels import draw_panel
from msl.scoring.prediction import views
from msl.scoring.scores import Result, Scores
from msl.scoring.tables import write_tables


@pytest.fixture
def scored(tmp_path):
    domain = open_domain("camvid", factory.camvid(tmp_path), "train")
    return Scored(role="target", domain=domain, size=(24, 16), count=None)


@pytest.fixture(scope="module")
def model():
    return varied_model(11)


@torch.no_grad()
def test_scores_are_those_of_a_plain_loop(model, scored):
    """Logits upsampled once, to the label's size; for the resized score the label comes down instead."""
    full, resized = ConfusionMatrix(11), ConfusionMatrix(11)
    model.eval()
    for i in range(len(scored.domain)):
        sample = scored.domain[i]
        (image,) = Resized((24, 16))(sample.image)
        coarse = model.coarse(image[None]).main
        full.update(upsample(coarse, (24, 40)).argmax(1)[0], sample.label)
        resized.update(upsample(coarse, (16, 24)).argmax(1)[0], nearest(sample.label, (16, 24)))
    scores = evaluate(model, scored)
    assert torch.equal(scores.full.counts, full.counts)
    assert torch.equal(scores.resized.counts, resized.counts)
    assert 0 < resized.counts.sum() < full.counts.sum()
    assert (full.counts.sum(0) > 0).sum() > 3  # several classes are predicted


@torch.no_grad()
def test_flip_and_scales_average_probabilities_at_the_labels_size(model, scored):
    """For softmax at full resolution, a mirrored image's logits may be turned back before or after upsampling."""
    model.eval()
    expected = ConfusionMatrix(11)
    for i in range(len(scored.domain)):
        sample = scored.domain[i]
        total = torch.zeros(1, 11, 24, 40)
        for size in ((36, 24), (18, 12)):
            (image,) = Resized(size)(sample.image)
            for mirrored in (False, True):
                seen = image.flip(-1) if mirrored else image
                logits = upsample(model.coarse(seen[None]).main, (24, 40))
                total += (logits.flip(-1) if mirrored else logits).softmax(1) / 4
        expected.update(total.argmax(1)[0], sample.label)
    scores = evaluate(model, replace(scored, flip=True, scales=(1.5, 0.75)))
    assert torch.equal(scores.full.counts, expected.counts)
    assert not torch.equal(scores.full.counts, evaluate(model, scored).full.counts)


def test_labels_may_be_resized_for_every_score(model, scored):
    resized, plain = evaluate(model, replace(scored, resize_labels=True)), evaluate(model, scored)
    assert torch.equal(resized.full.counts, plain.resized.counts)
    assert torch.equal(resized.resized.counts, plain.resized.counts)
    resized_metrics, metrics = (scores.metrics("target", scored.domain.label_set) for scores in (resized, plain))
    assert resized_metrics["target/mIoU"] == resized_metrics["target/mIoU_resized"] == metrics["target/mIoU_resized"]
    assert all(
        resized_metrics[f"target/{name}"] != metrics[f"target/{name}"] for name in ("mIoU", "fwIoU", "PA", "MPA")
    )


@pytest.mark.parametrize("resize_labels", [False, True])
def test_predictions_are_kept_at_full_size_whatever_is_scored(model, scored, resize_labels):
    predictions = {}
    scores = evaluate(model, replace(scored, resize_labels=resize_labels), keep=predictions.__setitem__)
    assert list(predictions) == [scored.domain[i].name for i in range(5)]
    matrix = ConfusionMatrix(11)
    for i, prediction in enumerate(predictions.values()):
        matrix.update(prediction, scored.domain[i].label)
    assert torch.equal(matrix.counts, evaluate(model, scored).full.counts)
    assert torch.equal(matrix.counts, scores.full.counts) != resize_labels


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
    few = replace(scored, count=2)
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


def test_a_network_of_sixteen_classes_is_scored_on_thirteen_too():
    counts = torch.diag(torch.arange(1, 17))
    counts[3, 0] = 100  # wall taken for road
    scores = Scores(ConfusionMatrix.from_counts(counts), ConfusionMatrix.from_counts(counts))
    metrics = scores.metrics("target", find_label_set("synthia16"))
    assert metrics["target/mIoU_13"] == pytest.approx(100 * (12 + 1 / 101) / 13)
    assert metrics["target/mIoU"] == pytest.approx(100 * (14 + 1 / 101 + 4 / 104) / 16)
    thirteen = Scores(*(ConfusionMatrix.from_counts(torch.eye(13).long()),) * 2)
    assert "target/mIoU_13" not in thirteen.metrics("target", find_label_set("synthia13"))


def test_a_result_survives_a_checkpoint():
    result, label_set = a_result()
    assert Result.from_state_dict(result.state_dict()).metrics(label_set) == result.metrics(label_set)


def test_counts_of_checkpoints_before_there_were_extra_metrics_load():
    result, label_set = a_result()
    counts = result.scores["target"].full.counts
    old = {"step": 7, "scores": {"target": {"full": counts, "resized": counts}}}
    assert result.state_dict() == old
    assert Result.from_state_dict(old).metrics(label_set) == result.metrics(label_set)


def test_a_metric_that_this_version_does_not_know_is_left_out():
    result, label_set = a_result()
    state = result.state_dict()
    state["scores"]["target"]["extra"] = {"later": torch.zeros(3)}
    assert Result.from_state_dict(state).metrics(label_set) == result.metrics(label_set)


def test_usual_scores_are_those_of_the_matrices_to_the_bit(model, scored):
    scores = evaluate(model, scored)
    metrics = scores.metrics("target", scored.domain.label_set)
    full = scores.full
    usual = {"mIoU": full.mean_iou(), "fwIoU": full.fw_iou(), "PA": full.pixel_accuracy()}
    usual |= {"MPA": full.mean_pixel_accuracy(), "mIoU_resized": scores.resized.mean_iou()}
    ious = zip(scored.domain.label_set.classes, full.iou().tolist(), strict=True)
    usual |= {f"IoU/{name}": iou for name, iou in ious if iou == iou}
    assert metrics == {f"target/{name}": value for name, value in usual.items()}


def plain_bins(model, scored, size=None):
    """Of every image at once, without bands."""
    model.eval()
    bins = CalibrationBins(11)
    for i in range(len(scored)):
        sample = scored.domain[i]
        label = sample.label[None] if size is None else nearest(sample.label[None], size)
        logits = [
            upsample(view, label.shape[1:]) for view in views(model, Resized((24, 16))(sample.image), scored.flip)
        ]
        probabilities = torch.stack([one.softmax(1) for one in logits]).mean(0)
        bins.update(probabilities.argmax(1), label, probabilities)
    return bins


@torch.no_grad()
@pytest.mark.parametrize("flip", [False, True])
def test_calibration_is_that_of_a_plain_loop_and_changes_nothing_else(model, scored, flip, monkeypatch):
    scored = replace(scored, flip=flip)
    plain = evaluate(model, scored)
    monkeypatch.setattr(predicting, "_BAND", 2**14)  # 9 rows of 24
    passes = count_calls(monkeypatch, type(model), "coarse")
    predictions = []
    scores = evaluate(model, replace(scored, extra_metrics=("ECE",)), keep=lambda *one: predictions.append(one))
    assert len(predictions) == 5
    assert len(passes) == 5 * (1 + flip)
    torch.testing.assert_close(scores.extra["ECE"].counts, plain_bins(model, scored).counts, rtol=0, atol=1e-3)
    assert torch.equal(scores.full.counts, plain.full.counts)
    assert torch.equal(scores.resized.counts, plain.resized.counts)
    label_set = scored.domain.label_set
    both, usual = (one.metrics("target", label_set) for one in (scores, plain))
    assert 0 < both.pop("target/ECE") < 100
    assert both == usual


@torch.no_grad()
def test_calibration_follows_labels_that_are_resized(model, scored):
    scores = evaluate(model, replace(scored, extra_metrics=("ECE",), resize_labels=True))
    expected = plain_bins(model, scored, size=(16, 24)).counts
    torch.testing.assert_close(scores.extra["ECE"].counts, expected, rtol=0, atol=1e-3)


def test_probabilities_are_made_only_where_a_metric_needs_them(model, scored, monkeypatch):
    made = count_calls(monkeypatch, predicting, "_probabilities")
    evaluate(model, scored)
    assert not made
    evaluate(model, replace(scored, extra_metrics=("ECE",)))
    assert len(made) == 5  # a band an image, at full resolution alone


def count_calls(monkeypatch, owner, name):
    calls, function = [], getattr(owner, name)

    def counted(*arguments):
        calls.append(name)
        return function(*arguments)

    monkeypatch.setattr(owner, name, counted)
    return calls


@pytest.fixture
def more_metrics(monkeypatch):
    """Three more entries in the table: of the matrix, of bins that ECE needs too, and at the input's size."""
    metrics = {
        "WORST": Metric(ConfusionMatrix, lambda matrix, _: float(matrix.iou().nan_to_num(100).min())),
        "RIGHT": Metric(CalibrationBins, lambda bins, _: float(bins.counts[1].sum())),
        "SMALL": Metric(CalibrationBins, lambda bins, _: float(bins.counts[0].sum()), at_input_size=True),
    }
    for name, metric in metrics.items():
        monkeypatch.setattr(calibration, name, metric, raising=False)
        monkeypatch.setitem(METRICS._entries, name, f"{calibration.__name__}:{name}")
    return tuple(metrics)


def test_metrics_share_what_they_count(model, scored, more_metrics, monkeypatch):
    updates = count_calls(monkeypatch, CalibrationBins, "update")
    scores = evaluate(model, replace(scored, extra_metrics=("ECE", *more_metrics)))
    assert len(updates) == 2 * 5  # of each image, at two sizes
    assert scores.extra["ECE"] is scores.extra["RIGHT"]
    assert scores.extra["WORST"] is scores.full
    metrics = scores.metrics("target", scored.domain.label_set)
    assert metrics["target/WORST"] == min(iou for name, iou in metrics.items() if "/IoU/" in name)
    assert metrics["target/RIGHT"] == scores.full.counts.trace()
    assert metrics["target/SMALL"] == scores.resized.counts.sum()


def test_extra_metrics_survive_a_checkpoint(model, scored, more_metrics):
    scores = evaluate(model, replace(scored, extra_metrics=("ECE", *more_metrics)))
    state = Result(3, {"target": scores}).state_dict()
    loaded = Result.from_state_dict(torch_file(state))
    assert loaded.metrics(scored.domain.label_set) == Result(3, {"target": scores}).metrics(scored.domain.label_set)
    assert set(state["scores"]["target"]) == {"full", "resized", "extra"}


def torch_file(content):
    file = io.BytesIO()
    torch.save(content, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_a_score_without_a_value_is_not_logged():
    empty = Scores(ConfusionMatrix(11), ConfusionMatrix(11), {"ECE": CalibrationBins(11)})
    assert empty.metrics("target", find_label_set("camvid11")) == {}


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
    pixels = np.asarray(draw_panel([("a frame", image, label, prediction)], label_set).picture)
    middle = pixels[26 + 105]  # the header is 26 high, a cell 420 × 210
    assert middle[6 + 210].tolist() == [200, 200, 200]
    assert middle[432 + 100].tolist() == [0, 0, 0]
    assert middle[432 + 320].tolist() == list(label_set.palette[0])
    assert middle[858 + 210].tolist() == list(label_set.palette[3])
