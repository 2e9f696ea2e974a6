"""How fast images are styled.

The other side encodes the content once for each of the four styles and the styles for every image, as the published
code does when it mixes styles; both decode once. Random weights cost what trained ones do.
"""

from collections.abc import Iterator
from functools import partial

import numerics
import torch
from ratio import Ratio, milliseconds, timed
from torch import Tensor

from msl.config import LookConfig
from msl.style import VGG, Decoder, Encoder, StyleStatistics, StyleTransfer, adain
from msl.style.front import StyleFront, put_in_front

SIZES = ((256, 512), (512, 1024))  # height and width of content
STYLES = ((341, 512), (283, 512), (512, 512), (288, 512))  # photographs of at most 512 pixels a side


def ratios() -> Iterator[Ratio]:
    """Styling each size of image."""
    torch.manual_seed(0)
    transfer = StyleTransfer(Encoder(VGG()), Decoder(VGG()))
    styles = [torch.rand(3, *size) for size in STYLES]
    statistics = transfer.prepare(styles)
    for size in SIZES:
        content = torch.rand(1, 3, *size)
        pair = partial(_style_all, transfer, content, statistics), partial(_one_by_one, transfer, content, styles)
        torch.testing.assert_close(pair[0](), pair[1](), rtol=1e-3, atol=1e-3)
        alternative = "everything encoded for every style"
        yield timed(f"{len(styles)} styles on an image", f"{size[0]}×{size[1]}", alternative, pair, 3, turns=2)
    yield _joint_step(transfer, statistics)


def _joint_step(transfer: StyleTransfer, statistics: StyleStatistics) -> Ratio:
    """A step of joint_adain with a frozen style, without the passes of the style network, beside a step of adapt."""
    image = numerics.images(numerics.STEP)
    front = StyleFront(transfer, alpha=1.0, style_training="frozen")
    front.take_on(statistics, LookConfig())
    model = numerics.network()
    put_in_front(model, front)
    calls = {
        "joint": numerics.adapting(model, image)[0],
        "style": lambda: [front(image) for _ in ("source", "target")],
        "adapt": numerics.adapting(numerics.network(), image)[0],
    }
    fastest = dict.fromkeys(calls, float("inf"))
    for _ in range(3):
        for name, call in calls.items():
            fastest[name] = min(fastest[name], milliseconds(call))
    joint = fastest["joint"] - fastest["style"]
    size = f"1×3×{numerics.STEP[0]}×{numerics.STEP[1]}, twice"
    return Ratio(
        "one joint_adain step minus its styling", size, "one adapt step", joint, fastest["adapt"], "ms", 1 / 1.5
    )


@torch.no_grad()
def _style_all(transfer: StyleTransfer, content: Tensor, statistics: StyleStatistics) -> Tensor:
    return transfer(content, statistics)


@torch.no_grad()
def _one_by_one(transfer: StyleTransfer, content: Tensor, styles: list[Tensor]) -> Tensor:
    """The same image, with everything encoded for every style."""
    moved = [adain(transfer.encoder(content), transfer.encoder(style.unsqueeze(0))) for style in styles]
    return transfer.decoder(torch.stack(moved).mean(0))[:, :, : content.shape[2], : content.shape[3]].clamp(0, 1)
