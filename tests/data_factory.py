"""Tiny domains in the real layouts: a few small images, with every id that a layout defines."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from msl.labels import CAMVID_IDS, CITYSCAPES_IDS, SYNTHIA_IDS

SIZE = (40, 24)  # width, height
Array = NDArray[np.uint8]
_DAMAGES = (
    *("missing", "label missing", "unreadable", "size mismatch"),
    *("odd size", "black", "unknown ids", "no class"),
)


def picture(seed: int, size: tuple[int, int] = SIZE) -> Array:
    """A noisy image (H, W, 3), different for each seed."""
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def label(seed: int, ids: Sequence[int], size: tuple[int, int] = SIZE) -> Array:
    """Vertical stripes of every id (H, W); the first id is different for each seed."""
    columns = (np.arange(size[0]) + seed) % len(ids)
    return np.broadcast_to(np.array(ids, np.uint8)[columns], (size[1], size[0])).copy()


def save(array: Array, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def save_palette(ids: Array, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids)
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    image.save(path)


def save_16bit(ids: Array, path: Path) -> None:
    """A 16-bit RGB PNG like SYNTHIA's labels: the class in channel 0, an instance number in channel 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.stack([ids, np.full(ids.shape, 300), np.zeros(ids.shape)], axis=-1).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", ids.shape[1], ids.shape[0], 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in chunks))


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file, with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def camvid(root: Path, train: int = 3, dusk: int = 2) -> Path:
    """SegNet's layout: train of day and dusk frames, val by day, test at dusk."""
    names = {
        "train": [f"0016E5_{i:05d}.png" for i in range(train)] + [f"0001TP_{i:06d}.png" for i in range(dusk)],
        "val": [f"0016E5_{i:05d}.png" for i in range(100, 102)],
        "test": [f"0001TP_{i:06d}.png" for i in range(100, 102)],
    }
    for split, frames in names.items():
        for i, frame in enumerate(frames):
            save(picture(len(split) * 100 + i), root / "camvid" / split / frame)
            save(label(i, list(CAMVID_IDS)), root / "camvid" / f"{split}annot" / frame)
        lines = [f"/SegNet/CamVid/{split}/{f} /SegNet/CamVid/{split}annot/{f}" for f in frames]
        (root / "camvid" / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return root


def cityscapes(root: Path, count: int = 2) -> Path:
    for split in ("train", "val"):
        for i in range(count):
            frame = f"aachen_{i:06d}_000019"
            images, labels = (root / "Cityscapes" / kind / split / "aachen" for kind in ("leftImg8bit", "gtFine"))
            save(picture(len(split) * 100 + i), images / f"{frame}_leftImg8bit.png")
            save(label(i, sorted(CITYSCAPES_IDS)), labels / f"{frame}_gtFine_labelIds.png")
    return root


def gta5(root: Path, count: int = 4) -> Path:
    """Palette PNGs, as published; the first half of the frames is for training."""
    for i in range(1, count + 1):
        save(picture(i), root / "GTA5/images" / f"{i:05d}.png")
        save_palette(label(i, sorted(CITYSCAPES_IDS)), root / "GTA5/labels" / f"{i:05d}.png")
    half = count // 2
    for split, frames in (("train", range(1, half + 1)), ("val", range(half + 1, count + 1))):
        (root / "GTA5" / f"{split}.txt").write_text("\n".join(map(str, frames)))
    return root


def damaged_gta5(root: Path, good: int = 4) -> dict[str, str]:
    """GTA5 with `good` correct training frames, and one frame for each damage that real copies are known to have.

    Returns the damage of each damaged frame.
    """
    gta5(root, 2 * (good + 8))
    images, labels = root / "GTA5/images", root / "GTA5/labels"
    damages = dict(zip((f"{good + i:05d}" for i in range(1, 9)), _DAMAGES, strict=True))
    frame = {damage: name for name, damage in damages.items()}
    (images / f"{frame['missing']}.png").unlink()
    truncated = images / f"{frame['unreadable']}.png"
    truncated.write_bytes(truncated.read_bytes()[:-200])
    save_palette(label(0, [7], (40, 20)), labels / f"{frame['size mismatch']}.png")
    save(picture(0, (40, 20)), images / f"{frame['odd size']}.png")
    save_palette(label(0, [7], (40, 20)), labels / f"{frame['odd size']}.png")
    save(picture(0) // 16, images / f"{frame['black']}.png")
    save_palette(label(0, [7, 77]), labels / f"{frame['unknown ids']}.png")
    save_palette(label(0, [0, 1]), labels / f"{frame['no class']}.png")
    (labels / f"{frame['label missing']}.png").unlink()
    return {name: "missing" if damage == "label missing" else damage for name, damage in damages.items()}


def synthia(root: Path, count: int = 21) -> Path:
    for i in range(count):
        save(picture(i), root / "RAND_CITYSCAPES/RGB" / f"{i:07d}.png")
        save_16bit(label(i, sorted(SYNTHIA_IDS)), root / "RAND_CITYSCAPES/GT/LABELS" / f"{i:07d}.png")
    return root


def crosscity(root: Path, city: str = "Rome", count: int = 2) -> Path:
    """Unlabelled training images, labelled test images."""
    folder = root / "NTHU_Datasets" / city
    for i in range(count):
        save(picture(i), folder / "Images/Train" / f"pano_{i:05d}.jpg")
        save(picture(100 + i), folder / "Images/Test" / f"pano_{i:05d}.png")
        save(label(i, sorted(CITYSCAPES_IDS)), folder / "Labels/Test" / f"pano_{i:05d}_eval.png")
    return root
