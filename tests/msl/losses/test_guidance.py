import torch

from msl.losses import confident_labels, guidance_labels

MAIN = torch.tensor([[[0.97, 0.50, 0.40, 0.10]], [[0.03, 0.50, 0.60, 0.90]]])[None]  # (1, 2, 1, 4)
AUX = torch.tensor([[[0.60, 0.99, 0.30, 0.20]], [[0.40, 0.01, 0.70, 0.80]]])[None]


def test_a_pixel_is_labelled_where_either_output_is_sure():
    assert guidance_labels(MAIN, AUX, 0.95).flatten().tolist() == [0, 0, 255, 255]


def test_the_label_is_the_class_of_the_mean():
    main = torch.tensor([0.96, 0.04, 0.0]).view(1, 3, 1, 1)
    aux = torch.tensor([0.0, 0.04, 0.96]).view(1, 3, 1, 1)
    torch.testing.assert_close((main + aux).argmax(1), torch.zeros(1, 1, 1, dtype=torch.long))
    aux = torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1)
    assert guidance_labels(main, aux, 0.95).item() == 2


def test_the_threshold_is_exceeded_strictly():
    prob = torch.tensor([0.75, 0.25]).view(1, 2, 1, 1)
    assert guidance_labels(prob, prob, 0.75).item() == 255
    assert confident_labels(prob, 0.75).item() == 255
    assert confident_labels(prob, 0.74).item() == 0


def test_another_ignore_index():
    assert guidance_labels(MAIN, AUX, 0.95, ignore_index=-1).flatten().tolist() == [0, 0, -1, -1]


def test_labels_carry_no_gradient():
    prob = MAIN.clone().requires_grad_()
    assert not guidance_labels(prob, AUX, 0.5).requires_grad
