import numpy as np
import pytest
import torch

from msl.metrics import ConfusionMatrix


def filled(matrix) -> ConfusionMatrix:
    return ConfusionMatrix.from_counts(torch.tensor(matrix))


# rows ground truth: class 0 has 4 pixels of which 3 are right, class 1 has 6 of which 4 are
BY_HAND = [[3, 1], [2, 4]]


def test_scores_by_hand():
    m = filled(BY_HAND)
    assert m.iou().tolist() == pytest.approx([100 * 3 / 6, 100 * 4 / 7])
    assert m.mean_iou() == pytest.approx(100 * (3 / 6 + 4 / 7) / 2)
    assert m.fw_iou() == pytest.approx(100 * (0.4 * 3 / 6 + 0.6 * 4 / 7))
    assert m.pixel_accuracy() == pytest.approx(70)
    assert m.mean_pixel_accuracy() == pytest.approx(100 * (3 / 4 + 4 / 6) / 2)


def test_rows_are_ground_truth():
    m = ConfusionMatrix(2)
    m.update(prediction=torch.tensor([1, 1, 1]), label=torch.tensor([0, 0, 1]))
    assert m.counts.tolist() == [[0, 2], [0, 1]]


def test_a_class_that_does_not_occur_does_not_count():
    m = filled([[3, 1, 0], [2, 4, 0], [0, 0, 0]])
    assert m.iou()[2].isnan()
    assert m.mean_iou() == pytest.approx(filled(BY_HAND).mean_iou())
    assert m.fw_iou() == pytest.approx(filled(BY_HAND).fw_iou())
    assert m.mean_pixel_accuracy() == pytest.approx(filled(BY_HAND).mean_pixel_accuracy())


def test_a_class_that_is_only_predicted_has_iou_zero():
    m = filled([[3, 0, 1], [0, 6, 0], [0, 0, 0]])
    assert m.iou()[2] == 0


def test_mean_over_a_subset():
    m = filled([[3, 1, 0], [2, 4, 0], [0, 0, 5]])
    assert m.mean_iou([0, 2]) == pytest.approx((50 + 100) / 2)


def test_ignored_pixels_do_not_count():
    m = ConfusionMatrix(2)
    m.update(torch.tensor([0, 1, 1]), torch.tensor([0, 255, 1], dtype=torch.uint8))
    assert m.counts.sum() == 2


def test_equals_numpy_whatever_the_batches():
    rng = np.random.default_rng(0)
    label, prediction = rng.integers(0, 7, (4, 9, 11)), rng.integers(0, 7, (4, 9, 11))
    label[rng.random(label.shape) < 0.1] = 255
    expected = np.zeros((7, 7), int)
    labelled = label != 255
    np.add.at(expected, (label[labelled], prediction[labelled]), 1)
    whole, split = ConfusionMatrix(7), ConfusionMatrix(7)
    whole.update(torch.from_numpy(prediction), torch.from_numpy(label))
    for p, t in zip(prediction, label, strict=True):
        split.update(torch.from_numpy(p), torch.from_numpy(t.astype(np.uint8)))
    assert (whole.counts.numpy() == expected).all()
    assert (split.counts.numpy() == expected).all()


def test_scores_of_one_matrix_are_not_the_mean_over_images():
    """The error of many metric classes: here the mean over images would be 75."""
    m = ConfusionMatrix(2)
    m.update(torch.tensor([[0, 0, 0, 0]]), torch.tensor([[0, 0, 0, 0]]))
    m.update(torch.tensor([[0, 1]]), torch.tensor([[1, 1]]))
    assert m.mean_iou() == pytest.approx(100 * (4 / 5 + 1 / 2) / 2)


@pytest.mark.parametrize(("prediction", "label"), [([0, 2], [0, 1]), ([0, 1], [0, 2]), ([0, -1], [0, 1])])
def test_ids_that_are_no_class_are_refused(prediction, label):
    with pytest.raises(ValueError, match="outside 0…1"):
        ConfusionMatrix(2).update(torch.tensor(prediction), torch.tensor(label))


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="prediction is"):
        ConfusionMatrix(2).update(torch.zeros(2, 3), torch.zeros(3, 2))


def test_an_empty_matrix_has_no_scores():
    m = ConfusionMatrix(2)
    assert all(np.isnan(x) for x in (m.mean_iou(), m.fw_iou(), m.pixel_accuracy(), m.mean_pixel_accuracy()))


def test_what_is_predicted_where_no_label_counts_does_not_matter():
    m = ConfusionMatrix(2)
    m.update(torch.tensor([0, 255, -1]), torch.tensor([0, 255, 255]))
    assert m.counts.tolist() == [[1, 0], [0, 0]]


def test_a_refused_update_counts_nothing():
    label = torch.zeros(2**19, dtype=torch.uint8)
    label[-1] = 7
    m = ConfusionMatrix(2)
    with pytest.raises(ValueError, match=r"label has ids \[0, 7\], outside 0…1"):
        m.update(torch.zeros(2**19, dtype=torch.long), label)
    assert not m.counts.any()


def test_many_classes():
    prediction, label = torch.tensor([0, 199, 3]), torch.tensor([150, 199, 255])
    m = ConfusionMatrix(200)
    m.update(prediction, label)
    assert m.counts.nonzero().tolist() == [[150, 0], [199, 199]]


def test_counting_without_waiting_gives_the_same_counts():
    """On a GPU; here on a CPU. Ids that are no classes show when it is settled."""
    generator = torch.Generator().manual_seed(0)
    label = torch.randint(0, 6, (5000,), generator=generator).masked_fill_(torch.arange(5000) % 7 == 0, 255).byte()
    prediction = torch.randint(0, 6, (5000,), generator=generator).byte()
    plain, silent = ConfusionMatrix(6), ConfusionMatrix(6)
    plain.update(prediction, label)
    silent._count_without_waiting(prediction, label)
    silent.settle()
    assert torch.equal(silent.counts, plain.counts)
    silent._count_without_waiting(torch.tensor([6, 0, 9]), torch.tensor([0, 7, 255]))
    with pytest.raises(ValueError, match="2 pixels have ids of label or prediction outside 0…5"):
        silent.settle()
