"""How a published data set lies on disk."""

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
    label_set: str  # in which its labels are read unless another is asked for
    ids: RawIds
    folders: tuple[str, ...]  # names of its root below `data_root`, in any case of letters
    splits: tuple[str, ...]
    find: Callable[[Path, str], Sequence[FilePair]]  # (root, split) -> pairs
    homepage: str
    decode_label: LabelReader = decode_ids
    one_size: bool = False  # whether its images are all of one size, so that another one is a problem

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
            DataError: it is not there; the message says where it was looked for.
        """
        if data_root is None:
            raise DataError(f"{self.name} needs a folder of data sets: pass data_root=FOLDER or set MSL_DATA.")
        if not data_root.is_dir():
            raise DataError(f"data_root = {data_root}: no such folder")
        wanted = {folder.lower() for folder in self.folders}
        for folder in sorted(data_root.iterdir()):
            if folder.is_dir() and folder.name.lower() in wanted:
                return folder
        raise DataError(
            f"{self.name}: {data_root} has no folder {' or '.join(self.folders)}. Pass the data_root that holds it; "
            f"the data set is to be had at {self.homepage}"
        )
