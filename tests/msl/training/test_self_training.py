from types import SimpleNamespace

import pytest
import torch
from tiny import varied_model
from tolerances import SINGLE
from torch.nn import functional as fn

from msl.config import SelfTrainingConfig
from msl.data import Batch
from msl.models import SegOutput
from msl.training.objectives.self_training import SelfTraining
from msl.training.teacher import Teacher

RNG = torch.Generator().manual_seed(0)
SOURCE = Batch(
    torch.randint(0, 256, (2, 3, 24, 32), dtype=torch.uint8, generator=RNG),
    torch.randint(0, 4, (2, 24, 32), dtype=torch.uint8, generator=RNG),
    ("a", "b"),
)
TARGET = Batch(
    torch.randint(0, 256, (2, 3, 24, 32), dtype=torch.uint8, generator=RNG),
    torch.full((2, 24, 32), 255, dtype=torch.uint8),
    ("x", "y"),
)
PLAIN = {"jitter_share": 0.0, "blur_share": 0.0}
THRESHOLD = 0.27  # of four classes; this network is unsure


class Recorded:
    """A network that records its images; with `outputs` = 2, the second output is the first, halved."""

    def __init__(self, outputs=1):
        self.outputs, self.images = outputs, []
        self.kernel = torch.randn(4, 3, 1, 1, generator=torch.Generator().manual_seed(1))

    def __call__(self, image):
        self.images.append(image)
        logits = fn.conv2d(image if image.is_floating_point() else image / 255, self.kernel)
        return SegOutput(logits, logits / 2 if self.outputs == 2 else None)


def parts_of(model, target=TARGET, steps=0, **settings):
    source, teacher = SimpleNamespace(latest=SOURCE), Teacher(varied_model(4), 0.999, freeze_bn=False)
    teacher.steps = steps
    config = SelfTrainingConfig(pseudo_threshold=THRESHOLD, **settings)
    return SelfTraining(config, 0.1, 7, teacher, source)(model, target), teacher


@pytest.mark.parametrize("outputs", [1, 2])
def test_the_loss_is_its_definition(outputs):
    model = Recorded(outputs)
    parts, _ = parts_of(model, lambda_mixed=0.5, **PLAIN)
    assert parts.keys() == ({"mixed"} if outputs == 1 else {"mixed", "mixed_aux"})
    (image,) = model.images
    pseudo = Teacher(varied_model(4), 0.999, freeze_bn=False).pseudo_labels(TARGET.image, THRESHOLD)
    pasted = (image == SOURCE.image / 255).all(1)
    assert torch.equal(pasted | (image == TARGET.image / 255).all(1), torch.ones_like(pasted))
    assert 0 < pseudo.confident_share < 1
    label = torch.where(pasted, SOURCE.label, pseudo.label).long()
    weight = torch.where(pasted, 1.0, pseudo.confident_share)
    for name, logits, factor in (("mixed", model(image).main, 0.5), ("mixed_aux", model(image).aux, 0.05)):
        if name in parts:
            plain = fn.cross_entropy(logits, label, reduction="none")
            torch.testing.assert_close(parts[name], factor * (weight * plain).mean(), **SINGLE)


def test_the_images_without_blocks_have_the_teachers_labels():
    model = Recorded()
    parts, teacher = parts_of(model, masking="blocks", mask_block=8, lambda_masked=2.0, **PLAIN)
    masked, label = model.images[1], teacher.pseudo_labels(TARGET.image, THRESHOLD).label.long()
    is_whole = (masked == TARGET.image / 255).all(1)
    assert 0 < is_whole.float().mean() < 1
    expected = 2.0 * teacher.confident_share * fn.cross_entropy(model(masked).main, label)
    torch.testing.assert_close(parts["masked"], expected, **SINGLE)


def test_draws_depend_on_the_step_and_the_images_alone():
    one, same, later = Recorded(), Recorded(), Recorded()
    parts_of(one)
    parts_of(same)
    parts_of(later, steps=1)
    assert torch.equal(one.images[0], same.images[0])
    assert not torch.equal(one.images[0], later.images[0])


def test_the_targets_labels_are_not_looked_at():
    other = Batch(TARGET.image, torch.zeros_like(TARGET.label), TARGET.names)
    first, second = (parts_of(Recorded(2), batch, masking="blocks")[0] for batch in (TARGET, other))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_no_gradient_reaches_the_teacher():
    _, teacher = parts_of(Recorded())
    assert not any(value.requires_grad for value in teacher.state_dict()["weights"].values())
