"""How fast batches of large frames come, from files and from a prepared copy: ``python tests/benchmarks/data.py``.

GTA5-size frames are drawn, written as PNG and read in turns: by plain Pillow (decode, resize, mirror, to a tensor), by
msl from the files, and by msl from the prepared copy, as from the second epoch on. Everything runs in one process on
one thread, so that a ratio is one of processor time; blur is left out of the first table and in the second.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter

from msl.config import CopiesConfig
from msl.data import Domain, PreparedTransform, Stream, TrainTransform, open_domain
from msl.inputs.checks import inspect_domain
from msl.inputs.prepared import prepared_images
from msl.streets import STYLES, Streets

FRAME, SIZE, FRAMES = (1914, 1052), (1280, 720), 12
TURNS, SCENE = 4, (960, 528)  # a drawn scene of half the size; noise of a camera gives the PNG the size of GTA5's
STEP_S = 1.0  # of a training that computes on another processor, for the share of waiting


def write_frames(folder: Path) -> Path:
    """Frames and labels with the sizes and about the bytes of GTA5's, and the YAML file of the domain."""
    streets, rng = Streets(STYLES["streets"], "train", FRAMES, SCENE), np.random.default_rng(0)
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
    for index in range(FRAMES):
        image, label = streets.sample(index)
        frame = np.asarray(Image.fromarray(image).resize(FRAME, Image.Resampling.BICUBIC)).astype(np.int16)
        noisy = (frame + rng.integers(-3, 4, frame.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / "images" / f"{index:05}.png")
        Image.fromarray(label).resize(FRAME, Image.Resampling.NEAREST).save(folder / "labels" / f"{index:05}.png")
    patterns = "{images: images/*.png, labels: labels/*.png}"
    (folder / "frames.yaml").write_text(f"name: frames\nroot: .\nids: cityscapes\nsplits: {{train: {patterns}}}\n")
    return folder / "frames.yaml"


def plainly(folder: Path, blur: bool) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of one as most people load them."""
    while True:
        for path in sorted((folder / "images").iterdir()):
            image = Image.open(path).convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
            label = Image.open(folder / "labels" / path.name).resize(SIZE, Image.Resampling.NEAREST)
            if random.random() < 0.5:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
                label = label.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            if blur and random.random() < 0.5:
                image = image.filter(ImageFilter.GaussianBlur(random.random()))
            pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
            yield pixels[None], torch.from_numpy(np.array(label))[None]


def fastest_ms(sides: dict[str, Iterator[object]]) -> dict[str, float]:
    """Milliseconds of processor time a batch, of the fastest of some turns that the sides take one after the other."""
    fastest = dict.fromkeys(sides, float("inf"))
    for _ in range(TURNS):
        for name, batches in sides.items():
            began = time.process_time()
            for _ in range(FRAMES):
                next(batches)
            fastest[name] = min(fastest[name], 1000 * (time.process_time() - began) / FRAMES)
    return fastest


def stream(images: object, transform: object, num_workers: int = 0) -> Stream:
    return Stream(images, transform, 1, seed=0, salt="source", num_workers=num_workers)  # type: ignore[arg-type]  # tests have no types


def wait_share(batches: Stream) -> float:
    """Percent of the time that a training of so long steps waits, with one loading process, after some warm steps."""
    next(batches)
    waited_s, began = 0.0, time.perf_counter()
    for _ in range(FRAMES):
        time.sleep(STEP_S)
        before = time.perf_counter()
        next(batches)
        waited_s += time.perf_counter() - before
    batches.close()
    return 100 * waited_s / (time.perf_counter() - began)


def print_figures() -> None:
    """Both tables."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        file = write_frames(folder)
        checked = inspect_domain("source", open_domain(str(file)))
        domain: Domain = checked.domain
        began = time.perf_counter()
        prepared = prepared_images(checked, SIZE, True, CopiesConfig(cache=folder / "copies", num_workers=1))
        assert prepared is not None
        print(f"preparing, ms/frame: {1000 * (time.perf_counter() - began) / FRAMES:.0f}; {prepared}")
        for blur in (False, True):
            plain, files = plainly(folder, blur), stream(domain, TrainTransform(SIZE, True, blur))
            from_copy = stream(prepared, PreparedTransform(True, blur))
            took = fastest_ms({"Pillow": plain, "files": files, "copy": from_copy})
            ratios = ", ".join(f"{took[name] / took['copy']:.1f} x" for name in ("Pillow", "files"))
            figures = ", ".join(f"{name} {value:.1f} ms" for name, value in took.items())
            print(f"{'with' if blur else 'without'} blur: {figures}; the copy against Pillow and the files: {ratios}")
        share = wait_share(stream(prepared, PreparedTransform(True, True), num_workers=1))
        print(f"waiting with one loading process, steps of {STEP_S:g} s: {share:.2f} %")


if __name__ == "__main__":
    torch.set_num_threads(1)
    print_figures()
