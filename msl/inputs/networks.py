"""A trained segmentation network by its reference: for scoring, predictions and packages."""

import logging
from dataclasses import dataclass
from pathlib import Path

from msl.checkpoints import Checkpoint, NetworkAbout, about_network, read, reading_for
from msl.checkpoints.differences import refuse_differences
from msl.config import FileConfig, ModelConfig
from msl.tracking import Client, find_weights

log = logging.getLogger("msl")

_KEEP_STATISTICS = "These are used here; `-e bn -P checkpoint=… -P bn_images={}` makes a network that keeps the others."


@dataclass(frozen=True)
class Origin:
    """A network's file on this machine."""

    path: Path
    reference: str  # a path, runs:/ID/checkpoints/… or models:/…
    run_id: str | None  # of the run that trained it, if the reference names one
    checkpoint: Checkpoint

    @property
    def parent(self) -> str:
        """Value of the tag msl.parent."""
        return self.run_id or self.reference

    @property
    def about(self) -> NetworkAbout:
        """What the file says of its network."""
        return about_network(self.checkpoint, self.reference)

    def mention_recalibration(self, way_out: str = _KEEP_STATISTICS) -> None:
        """Say so if the training scored this network with other BatchNorm statistics than its file has."""
        about = self.checkpoint.about
        if (images := about.settings.get("recalibrate")) and about.stage != "bn":
            log.info(
                "%s: its run was scored with BatchNorm statistics of %s target images (recalibrate); its file has "
                "those of the training. %s",
                *(self.reference, images, way_out.format(images)),
            )


def find_network(
    client: Client | None, reference: str, folder: Path, config: FileConfig | None = None, root: Path | None = None
) -> Origin:
    """A network by its reference.

    Args:
        client: of the tracking store; None = connected to if the reference needs one.
        reference: as in `msl.tracking.find_weights`; ``runs:/ID`` is the run's best checkpoint.
        folder: for the file, if it is downloaded.
        config: settings of the network that files of others leave open.
        root: folder of data sets.

    Raises:
        CheckpointError: there is no such file, run or model, it holds no segmentation network, or a setting differs
            from the file's.
    """
    file = find_weights(client, reference, folder, root=root)
    typed = {} if config is None else config.typed()
    with reading_for(file.reference, file.path):
        checkpoint = read(file.path, ModelConfig(**typed) if typed else None)
    stored = about_network(checkpoint, file.reference).model.architecture()
    refuse_differences(file.reference, {name: stored[name] for name in typed}, typed)
    return Origin(file.path, file.reference, file.run_id, checkpoint)
