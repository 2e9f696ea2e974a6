"""Small examples of users' data: each function writes a folder with a YAML file, and shows one kind of problem.

The data looks as cameras, editors, spreadsheets and label tools write it, not as data sets are published.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from data_factory import picture, png_chunk, save
from numpy.typing import NDArray
from PIL import Image

SIZE = (64, 32)  # width, height
CITY = (7, 8, 26)  # road, sidewalk, car as Cityscapes' labelIds
ORIENTATION = 0x0112


def stripes(ids: Sequence[int], seed: int = 0, size: tuple[int, int] = SIZE, width: int = 4) -> NDArray[np.uint16]:
    """Vertical stripes of the ids (H, W), beginning with a different id for each seed."""
    columns = (np.arange(size[0]) // width + seed) % len(ids)
    return np.broadcast_to(np.array(ids, np.uint16)[columns], (size[1], size[0])).copy()


def grey_png(samples: NDArray[Any], bits: int) -> bytes:
    """A grey PNG of 1, 2, 4, 8 or 16 bits per pixel with exactly these samples (H, W)."""
    height, width = samples.shape
    planes = (samples.astype(np.uint16)[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    rows = np.packbits(planes.reshape(height, width * bits).astype(np.uint8), axis=1)
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(body)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in chunks)


def domain(folder: Path, name: str, splits: Mapping[str, Any], **settings: Any) -> Path:
    """Write the domain's YAML file."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"name": name, **settings, "splits": dict(splits)}, sort_keys=False))
    return path


def both(images: str, labels: str) -> dict[str, dict[str, str]]:
    """The same files for training and validation."""
    return {split: {"images": images, "labels": labels} for split in ("train", "val")}


def low_bit_labels(folder: Path, bits: int = 4) -> Path:
    """Labels of few bits per pixel; their samples are train ids."""
    (folder / "lab").mkdir(parents=True)
    for i in range(4):
        save(picture(i, SIZE), folder / f"img/{i}.png")
        (folder / f"lab/{i}.png").write_bytes(grey_png(stripes([0, 1], i), bits))
    return domain(folder, "low_bits", both("img/*.png", "lab/*.png"), label_set="cityscapes19", ids="train_ids")


def jpeg_labels(folder: Path) -> Path:
    """Labels as JPEG, which changes the ids at edges."""
    for i in range(4):
        save(picture(i, SIZE), folder / f"img/{i}.png")
        save(stripes(CITY, i, width=9).astype(np.uint8), folder / f"lab/{i}.jpg")
    return domain(folder, "jpeg", both("img/*.png", "lab/*.jpg"))


def upside_down(folder: Path) -> Path:
    """Photographs stored upside down with an orientation tag; labels as a viewer shows them, sky above road."""
    (folder / "img").mkdir(parents=True)
    scene, label = np.zeros((32, 64, 3), np.uint8), np.full((32, 64), 23, np.uint8)
    scene[:16], scene[16:], label[16:] = (70, 130, 180), (128, 64, 128), 7
    tags = Image.Exif()
    tags[ORIENTATION] = 3
    for i in range(2):
        stored = Image.fromarray(scene).transpose(Image.Transpose.ROTATE_180)
        stored.save(folder / f"img/{i}.jpg", exif=tags, quality=95)
        save(label, folder / f"lab/{i}.png")
    return domain(folder, "upside_down", both("img/*.jpg", "lab/*.png"))


def deep_grey(folder: Path) -> Path:
    """Grey images of 16 bits, a ramp from black to white."""
    ramp = np.linspace(0, 65535, SIZE[0] * SIZE[1]).reshape(SIZE[::-1]).astype(np.uint16)
    for i in range(2):
        save(ramp, folder / f"img/{i}.png")
        save(stripes(CITY, i).astype(np.uint8), folder / f"lab/{i}.png")
    return domain(folder, "deep_grey", both("img/*.png", "lab/*.png"))


def nested(folder: Path, images: str = "images/**/*.png", labels: str = "labels/**/*.png") -> Path:
    """Ten images in folders of different depth."""
    folders = [subfolder for subfolder in ("", "aachen/", "bremen/", "day/koeln/", "day/night/ulm/") for _ in range(2)]
    for i, subfolder in enumerate(folders):
        save(picture(i, SIZE), folder / f"images/{subfolder}{i}.png")
        save(stripes(CITY, i).astype(np.uint8), folder / f"labels/{subfolder}{i}.png")
    return domain(folder, "nested", both(images, labels))


def two_spellings(folder: Path, images: str = "img/*.jpg") -> Path:
    """Six images, every other one with the suffix in capitals."""
    for i in range(6):
        save(picture(i, SIZE), folder / f"img/{i}.{'JPG' if i % 2 else 'jpg'}")
        save(stripes(CITY, i).astype(np.uint8), folder / f"lab/{i}.png")
    return domain(folder, "two_spellings", both(images, "lab/*.png"))


def one_stem_two_files(folder: Path) -> Path:
    """A camera that writes 0.jpg and 0.png: four images, each with a label."""
    for i in range(2):
        for k, suffix in enumerate(("png", "jpg")):
            save(picture(10 * i + k, SIZE), folder / f"img/{i}.{suffix}")
            save(stripes(CITY if k else [11, 21, 23], i).astype(np.uint8), folder / f"lab/{i}.{suffix}.png")
    return domain(folder, "two", both("img/*", "lab/*.png"))


def with_ids(folder: Path, ids: Mapping[int, str | None], **settings: Any) -> Path:
    """Labels with ids 0 to 3, and a table of what they mean."""
    for i in range(4):
        save(picture(i, SIZE), folder / f"img/{i}.png")
        save(stripes([0, 1, 2, 3], i).astype(np.uint8), folder / f"lab/{i}.png")
    return domain(folder, "named", both("img/*.png", "lab/*.png"), ids=dict(ids), **settings)


def camvid_lists(root: Path, start: bytes = b"", folder: str = "/data/CamVid") -> Path:
    """CamVid's layout; its lists begin with `start` and name files in `folder`, where the data was before."""
    for split in ("train", "val", "test"):
        names = [f"0016E5_0000{i}.png" for i in range(1, 4)]
        for i, name in enumerate(names):
            save(picture(i, SIZE), root / "CamVid" / split / name)
            save(stripes(list(range(12)), i).astype(np.uint8), root / "CamVid" / f"{split}annot" / name)
        lines = "".join(f"{folder}/{split}/{name} {folder}/{split}annot/{name}\n" for name in names)
        (root / "CamVid" / f"{split}.txt").write_bytes(start + lines.encode())
    return root


def two_domains(folder: Path, **settings: Any) -> tuple[Path, Path]:
    """What many users have: images and masks of A, images of B, no validation split."""
    for i in range(6):
        save(picture(i, SIZE), folder / f"A/img/{i}.png")
        save(stripes([*CITY, 0], i).astype(np.uint8), folder / f"A/lab/{i}.png")
    for i in range(2):
        save(picture(50 + i, SIZE), folder / f"B/{i}.png")
    source = {"train": {"images": "img/*.png", "labels": "lab/*.png"}}
    return (
        domain(folder, "A", source, root="A", **settings),
        domain(folder, "B", {"train": {"images": "*.png"}}, root="B"),
    )
