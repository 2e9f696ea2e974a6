import numpy as np
import pytest
import torch
from tolerances import SINGLE

from msl.labels import find_label_set
from msl.metrics.calibration import CALIBRATION_ERROR, CalibrationBins

LABELS = find_label_set("camvid11")


def error(bins: CalibrationBins) -> float:
    return CALIBRATION_ERROR.value(bins, LABELS)


def binned(prediction, label, probabilities) -> CalibrationBins:
    bins = CalibrationBins(probabilities.shape[1])
    bins.update(prediction, label, probabilities)
    return bins


def two_classes(confidences, right):
    """One row of pixels that predict class 0 with these probabilities, and are right or not."""
    first = torch.as_tensor(confidences, dtype=torch.float32)
    probabilities = torch.stack([first, 1 - first]).view(1, 2, 1, -1)
    label = torch.as_tensor([0 if yes else 1 for yes in right]).view(1, 1, -1)
    return torch.zeros_like(label), label, probabilities


def random_pixels(rng, classes=7, images=4):
    """Predictions of every confidence that are right more often than not, and some ignored labels."""
    logits = torch.randn(images, classes, 19, 23, generator=rng) * torch.rand(images, 1, 19, 23, generator=rng) * 8
    probabilities = logits.softmax(dim=1)
    prediction = probabilities.argmax(dim=1)
    label = torch.where(torch.rand(prediction.shape, generator=rng) < 0.6, prediction, (prediction + 1) % classes)
    label[torch.rand(label.shape, generator=rng) < 0.1] = 255
    return prediction, label, probabilities


def plain_error(prediction, label, probabilities):
    """Equation 3 of Guo et al., bin by bin, as it is written there."""
    labelled = (label != 255).numpy()
    confidence = probabilities.amax(1).numpy()[labelled]
    right = (prediction == label).numpy()[labelled]
    total = 0.0
    for m in range(1, 16):
        inside = (confidence > np.float32((m - 1) / 15)) & (confidence <= np.float32(m / 15))
        if inside.any():
            accuracy, mean_confidence = right[inside].mean(), confidence[inside].astype(np.float64).mean()
            total += inside.sum() / len(right) * abs(accuracy - mean_confidence)
    return 100 * total


def test_is_equation_3(rng):
    pixels = random_pixels(rng)
    bins = binned(*pixels)
    assert error(bins) == pytest.approx(plain_error(*pixels), rel=SINGLE["rtol"])
    assert 1 < error(bins) < 60
    assert (bins.counts[0] > 0).sum() > 10


def test_a_network_that_is_as_sure_as_it_is_right_has_no_error():
    sure_and_right = two_classes([0.75] * 4 + [1.0] * 2, [True, True, True, False, True, True])
    assert error(binned(*sure_and_right)) == 0


def test_sure_and_wrong_is_100():
    assert error(binned(*two_classes([1.0] * 5, [False] * 5))) == 100


def test_half_sure_of_what_is_always_right_is_50():
    assert error(binned(*two_classes([0.5] * 5, [True] * 5))) == pytest.approx(50)


def test_errors_of_two_bins_do_not_cancel_but_those_within_a_bin_do():
    apart = two_classes([0.6, 0.9], [True, False])
    assert error(binned(*apart)) == pytest.approx(100 * (0.4 + 0.9) / 2)
    together = two_classes([0.75, 0.75], [True, False])
    assert error(binned(*together)) == pytest.approx(25)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    edges = torch.arange(8, 16) / 15
    bins = binned(*two_classes(edges, [True] * 8))
    assert bins.counts[0].tolist() == [0] * 7 + [1] * 8
    beyond = torch.nextafter(edges[:-1], torch.tensor(1.0))
    assert binned(*two_classes(beyond, [True] * 7)).counts[0].tolist() == [0] * 8 + [1] * 7


def test_of_equal_classes_the_predicted_one_counts():
    prediction, label, probabilities = two_classes([0.5, 0.5], [True, False])
    bins = binned(prediction, label, probabilities)
    assert bins.counts[:, 7].tolist() == [2, 1, 1]


def test_a_sum_of_rounded_probabilities_that_exceeds_1_is_in_the_last_bin():
    assert binned(*two_classes([1.0, 1.0000001], [True, True])).counts[0, 14] == 2


def test_ignored_pixels_do_not_count(rng):
    prediction, label, probabilities = random_pixels(rng)
    other = torch.where(label == 255, (prediction + 3) % 7, prediction)
    noise = torch.where((label == 255)[:, None], torch.rand(probabilities.shape, generator=rng), probabilities)
    assert torch.equal(binned(prediction, label, probabilities).counts, binned(other, label, noise).counts)


def test_parts_add_up_to_the_bit(rng):
    """Bands, images and processes: in whatever order their counts are added."""
    prediction, label, probabilities = random_pixels(rng)
    whole = binned(prediction, label, probabilities)
    banded = CalibrationBins(7)
    for image in (3, 0, 2, 1):
        for rows in (slice(5, 19), slice(0, 1), slice(1, 5)):
            one = slice(image, image + 1)
            banded.update(prediction[one, rows], label[one, rows], probabilities[one, :, rows])
    assert torch.equal(banded.counts, whole.counts)
    apart = [binned(prediction[i : i + 2], label[i : i + 2], probabilities[i : i + 2]) for i in (2, 0)]
    assert torch.equal(apart[0].counts + apart[1].counts, whole.counts)


def test_8_bit_predictions_and_labels_as_evaluation_has_them(rng):
    prediction, label, probabilities = random_pixels(rng)
    assert torch.equal(
        binned(prediction.byte(), label.byte(), probabilities).counts, binned(prediction, label, probabilities).counts
    )


def test_of_no_labelled_pixel_there_is_no_error(rng):
    prediction, label, probabilities = random_pixels(rng)
    assert np.isnan(error(CalibrationBins(7)))
    assert np.isnan(error(binned(prediction, torch.full_like(label, 255), probabilities)))


def test_probabilities_that_are_no_numbers_give_no_error(rng):
    prediction, label, probabilities = random_pixels(rng)
    assert np.isnan(error(binned(prediction, label, probabilities * torch.nan)))


@pytest.mark.parametrize("shape", [None, (4, 7, 19, 22), (3, 7, 19, 23)])
def test_what_does_not_fit_is_refused(shape, rng):
    prediction, label, _ = random_pixels(rng)
    with pytest.raises(ValueError, match=r"prediction is \(4, 19, 23\), label \(4, 19, 23\), probabilities"):
        CalibrationBins(7).update(prediction, label, None if shape is None else torch.rand(shape))
