"""The weights that msl brings along: ``python -m msl.commands.streets_weights last.pt`` writes their file."""

from pathlib import Path

import click
import torch
from torch import Tensor

from msl.checkpoints import load_network, read
from msl.references import STREETS, backbone_file

_COUNTER = "num_batches_tracked"  # nothing here reads it


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(checkpoint: Path) -> None:
    """Write the backbone of CHECKPOINT, of a run of recipe streets_start, to the file of weights=streets."""
    network = load_network(read(checkpoint), checkpoint)
    file = backbone_file(STREETS)
    torch.save(compact(network.backbone.network.state_dict()), file)
    click.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB")


def compact(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights with half the bits in kernels, which are nearly all of them, and not in norms and statistics."""
    return {
        name: value.half() if value.dim() > 1 else value
        for name, value in weights.items()
        if not name.endswith(_COUNTER)
    }


if __name__ == "__main__":
    main()
