"""The weights that msl brings along: ``python -m msl.commands.streets_weights last.pt`` writes their file."""

from pathlib import Path

import click

from msl.checkpoints import load_network, read
from msl.references import STREETS, backbone_file
from msl.weights import save_compact


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(checkpoint: Path) -> None:
    """Write the backbone of CHECKPOINT, of a run of recipe streets_start, to the file of weights=streets."""
    network = load_network(read(checkpoint), checkpoint)
    file = backbone_file(STREETS)
    save_compact(network.backbone.network.state_dict(), file)
    click.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
