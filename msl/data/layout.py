"""The folders and files of a published data set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msl.data.files import FilePair, FileSamples
from msl.data.images import LabelReader, decode_ids
from msl.errors import DataError
from msl.labels import RawIds


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A data set of image and label files, as its authors distribute it."""

    name: str
    label_set: str  # in which its labels are read by default
    ids: RawIds
    folders: tuple[str, ...]  # names of its root below `data_root`, in capital or small letters
    splits: tuple[str, ...]
    find: Callable[[Path, str], Sequence[FilePair]]  # (root, split) -> pairs
    homepage: str
    decode_label: LabelReader = decode_ids
    one_size: bool = False  # True: all images have one size, and another size is a problem

    def open(self, root: Path, split: str) -> FileSamples:
        """The samples of one split.

        Raises:
            DataError: the split is unknown or has no image.
        """
        if split not in self.splits:
            raise DataError(f"{self.name} has no split {split!r}: choose one of {', '.join(self.splits)}")
        pairs = self.find(root, split)
        if not pairs:
            raise DataError(f"{self.name}: no image of split {split!r} in {root}. See {self.homepage} for the layout.")
        return FileSamples(f"{self.name}/{split}", pairs, self.decode_label, self.one_size)

    def root(self, data_root: Path | None) -> Path:
        """The data set's folder below `data_root`.

        Raises:
            DataError: it cannot be found; the message names the folder that should hold it.
        """
        if data_root is None:
            raise DataError(f"{self.name} needs a folder of data sets: pass data_root=FOLDER or set MSL_DATA.")
        if not data_root.is_dir():
            raise DataError(f"data_root = {data_root}: no such folder. Pass data_root=FOLDER or set MSL_DATA.")
        root_names = {folder.lower() for folder in self.folders}
        for folder in sorted(data_root.iterdir()):
            if folder.is_dir() and folder.name.lower() in root_names:
                return folder
        raise DataError(
            f"{self.name}: {data_root} has no folder {' or '.join(self.folders)}. Pass the data_root that holds it, or "
            f"download the data set from {self.homepage}"
        )
