"""How fast images are styled, as a ratio: ``make bench``.

The other side encodes the content once for each of the four styles and the styles for every image, as the published
code does when it mixes styles; both decode once. Random weights cost what trained ones do. Times are of the processor,
which other programs disturb less than the clock.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from msl.style import VGG, Decoder, Encoder, StyleTransfer, adain

SIZES = ((256, 512), (512, 1024))  # height and width of content
STYLES = ((341, 512), (283, 512), (512, 512), (288, 512))  # photographs of at most 512 pixels a side
REPEATS = 2


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    transfer = StyleTransfer(Encoder(VGG()), Decoder(VGG()))
    styles = [torch.rand(3, *size) for size in STYLES]
    kept = transfer.prepare(styles)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for size in SIZES:
        content = torch.rand(1, 3, *size)
        own, other = transfer(content, kept), one_by_one(transfer, content, styles)
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-3)
        seconds = spent(lambda content=content: transfer(content, kept))
        plain = spent(lambda content=content: one_by_one(transfer, content, styles))
        name = f"styling {size[1]}x{size[0]} with {len(styles)} styles"
        print(f"{name + ', s':58} {seconds:9.3f}\n{name + ', ratio':58} {plain / seconds:9.3f}")


def one_by_one(transfer: StyleTransfer, content: Tensor, styles: list[Tensor]) -> Tensor:
    """The same image, with everything encoded for every style."""
    moved = [adain(transfer.encoder(content), transfer.encoder(style.unsqueeze(0))) for style in styles]
    return transfer.decoder(torch.stack(moved).mean(0))[:, :, : content.shape[2], : content.shape[3]].clamp(0, 1)


def spent(call: Callable[[], object]) -> float:
    """The least processor time of a call in a few."""
    times = []
    for _ in range(REPEATS):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return min(times)


if __name__ == "__main__":
    main()
