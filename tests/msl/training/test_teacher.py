import pytest
import torch
from tiny import varied_model
from torch import nn

from msl.config import ModelConfig
from msl.models import build_model
from msl.training.teacher import Teacher

IMAGES = torch.randint(0, 256, (2, 3, 24, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def small(**changes):
    torch.manual_seed(0)
    return build_model(ModelConfig(width=0.25, num_classes=4, dilations=(1, 2), **changes))


def test_the_weights_are_the_papers_running_mean():
    student = small()
    teacher = Teacher(student, decay=0.6, freeze_bn=False)
    name, parameter = next(iter(student.named_parameters()))
    expected = parameter.detach().clone()
    for t in range(1, 6):
        with torch.no_grad():
            parameter.add_(1.0)
        teacher.follow(student)
        a = min(1 - 1 / (t + 1), 0.6)  # ½, 0.6, 0.6, …
        expected = a * expected + (1 - a) * parameter.detach()
        torch.testing.assert_close(teacher.state_dict()["weights"][name], expected)
    assert teacher.steps == 5


def test_buffers_do_not_follow():
    student = small()
    teacher = Teacher(student, 0.9, freeze_bn=False)
    name = next(name for name, _ in student.named_buffers() if name.endswith("running_mean"))
    student.get_buffer(name).add_(1.0)
    teacher.follow(student)
    assert not teacher.state_dict()["weights"][name].any()


@pytest.mark.parametrize("network", ["deeplabv2", "deeplabv3plus"])
def test_it_labels_with_the_batchs_statistics_and_without_dropout(network):
    student = small(network=network, multi=True)
    teacher = Teacher(student, 0.999, freeze_bn=False)
    state = torch.get_rng_state()
    first = teacher.pseudo_labels(IMAGES, 0.5)
    assert torch.equal(torch.get_rng_state(), state)  # nothing was drawn
    student.train()
    for module in student.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    prob = student(IMAGES).main.softmax(1)
    assert torch.equal(first.label, prob.argmax(1).to(torch.uint8))
    assert torch.equal(first.confident_share, (prob.amax(1) >= 0.5).float().mean())
    assert torch.equal(teacher.pseudo_labels(IMAGES, 0.5).label, first.label)


def test_frozen_statistics_are_frozen_in_the_teacher():
    teacher = Teacher(varied_model(4), 0.999, freeze_bn=True)
    whole = teacher.pseudo_labels(IMAGES, 0.9).label
    assert torch.equal(torch.cat([teacher.pseudo_labels(image[None], 0.9).label for image in IMAGES]), whole)


def test_it_is_restored_whole():
    student = varied_model(4)
    first, second = Teacher(student, 0.5, freeze_bn=False), Teacher(small(), 0.5, freeze_bn=False)
    first.pseudo_labels(IMAGES, 0.5)
    first.follow(student)
    second.load_state_dict(first.state_dict())
    assert second.steps == 1
    assert torch.equal(second.pseudo_labels(IMAGES, 0.5).label, first.pseudo_labels(IMAGES, 0.5).label)
