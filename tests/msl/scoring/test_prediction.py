import pytest
import torch
from peaks import peak_bytes

from msl.config import ModelConfig
from msl.models import build_model
from msl.numerics.interpolation import upsample, upsample_rows
from msl.scoring import prediction
from msl.scoring.prediction import predict, predict_with_confidence, views


def coarse(rng, height=33, width=65, classes=19, images=1):
    return 5 * torch.randn(images, classes, height, width, generator=rng)


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (64, 31), (257, 513)])
def test_a_prediction_of_one_band_is_the_argmax_of_the_upsampled_logits(size, rng):
    logits = coarse(rng, images=2)
    assert torch.equal(predict([logits], size), upsample(logits, size).argmax(1).byte())


@pytest.mark.parametrize("size", [(256, 128), (257, 513), (20, 24), (2, 1)])
@pytest.mark.parametrize("rows", [1, 7, 64])
def test_bands_are_the_rows_of_the_whole(size, rows, rng):
    logits = coarse(rng, images=2, classes=5)
    starts = range(0, size[0], rows)
    bands = [upsample_rows(logits, size, range(start, min(start + rows, size[0]))) for start in starts]
    torch.testing.assert_close(torch.cat(bands, 2), upsample(logits, size), rtol=0, atol=1e-5)


@pytest.mark.parametrize("several", [False, True])
def test_bands_predict_what_the_whole_predicts(several, rng, monkeypatch):
    seen = [coarse(rng), coarse(rng, 25, 49), coarse(rng)] if several else [coarse(rng)]
    size = (301, 512)
    whole = predict(seen, size)
    monkeypatch.setattr(prediction, "_BAND", 2**19)
    banded = predict(seen, size)
    scores = [upsample(logits.double(), size) for logits in seen]
    score = sum(s.softmax(1) for s in scores) if several else scores[0]
    first, second = score.topk(2, dim=1).values.unbind(1)
    clear = first - second > 1e-4
    assert clear.float().mean() > 0.999
    assert torch.equal(banded[clear], whole[clear])
    assert torch.equal(whole[clear], score.argmax(1).byte()[clear])


def test_one_view_and_the_same_view_twice_agree(rng):
    logits = coarse(rng)
    assert torch.equal(predict([logits, logits], (64, 128)), predict([logits], (64, 128)))


def test_classes_are_the_most_probable_on_average_not_by_mean_logit():
    sure, unsure = torch.tensor([10.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])
    seen = [logits.view(1, 3, 1, 1) for logits in (sure, unsure, unsure)]
    assert sum(seen).argmax(1).item() == predict(seen, (1, 1)).item() == 0
    very_unsure = [torch.tensor([50.0, 0.0, 0.0]), torch.tensor([0.0, 9.0, 0.0]), torch.tensor([0.0, 9.0, 0.0])]
    seen = [logits.view(1, 3, 1, 1) for logits in very_unsure]
    assert sum(seen).argmax(1).item() == 0
    assert predict(seen, (1, 1)).item() == 1


@pytest.mark.parametrize("several", [False, True])
def test_confidence_is_the_probability_of_what_is_predicted_all_the_same(several, rng, monkeypatch):
    seen = [coarse(rng), coarse(rng, 25, 49), coarse(rng)] if several else [coarse(rng)]
    size = (301, 512)
    monkeypatch.setattr(prediction, "_BAND", 2**19)
    label, probability = predict_with_confidence(seen, size)
    assert torch.equal(label, predict(seen, size))
    mean = torch.stack([upsample(logits.double(), size).softmax(1) for logits in seen]).mean(0)
    torch.testing.assert_close(probability, mean.amax(1).float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("several", [False, True])
def test_a_watcher_sees_every_band_with_its_probabilities(several, rng, monkeypatch):
    seen = [coarse(rng), coarse(rng, 25, 49), coarse(rng)] if several else [coarse(rng)]
    size, bands = (301, 512), []
    monkeypatch.setattr(prediction, "_BAND", 2**19)
    label = predict(seen, size, lambda *band: bands.append(band))
    assert torch.equal(label, predict(seen, size))
    assert len(bands) == 24  # of 13 rows
    assert all(torch.equal(label[:, rows], part) for rows, part, _ in bands)
    probabilities = torch.cat([band for *_, band in bands], dim=2)
    mean = torch.stack([upsample(logits.double(), size).softmax(1) for logits in seen]).mean(0)
    torch.testing.assert_close(probabilities, mean.float(), rtol=1e-4, atol=1e-4)


def predict_watched(seen, size):
    return predict(seen, size, lambda rows, prediction, probabilities: None)


@pytest.mark.parametrize("call", [predict, predict_watched, predict_with_confidence])
@pytest.mark.parametrize(("views", "size"), [(1, (256, 512)), (6, (256, 512)), (1, (1024, 1024))])
def test_memory_is_four_bands_whatever_the_size(call, views, size, rng, monkeypatch):
    """And one byte a pixel, twice while the bands are joined; four more for a probability. All logits at once would be
    9 and 76 bands."""
    monkeypatch.setattr(prediction, "_BAND", 2**20)
    seen = [coarse(rng, 17, 33) for _ in range(views)]
    peak = peak_bytes(lambda: call(seen, size))
    joined = 10 if call is predict_with_confidence else 2
    assert 0.5 * 2**20 < peak <= 4 * 2**20 + joined * size[0] * size[1]


def test_a_full_size_image_takes_less_than_half_its_logits(rng):
    seen = [coarse(rng, 65, 129)]
    logits = 19 * 1024 * 2048 * 4
    assert peak_bytes(lambda: predict(seen, (1024, 2048))) < logits / 2


@torch.no_grad()
def test_a_mirrored_view_is_turned_back(rng):
    model = build_model(ModelConfig(width=0.25, num_classes=5)).eval()
    image = torch.randint(0, 256, (3, 33, 65), dtype=torch.uint8, generator=rng)
    plain, turned = views(model, [image], flip=True)
    again, (mirrored,) = views(model, [image], flip=False)[0], views(model, [image.flip(-1)], flip=False)
    assert torch.equal(plain, again)
    assert torch.equal(turned.flip(-1), mirrored)
    symmetric = torch.cat([image, image.flip(-1)[..., 1:]], dim=-1)  # 129 wide, odd: strides meet the same columns
    plain, turned = views(model, [symmetric], flip=True)
    torch.testing.assert_close(turned, plain.flip(-1), rtol=1e-4, atol=1e-4)
