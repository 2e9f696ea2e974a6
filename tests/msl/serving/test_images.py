from pathlib import Path

import data_factory as factory
import numpy as np
import pytest
from PIL import Image

from msl.data import images
from msl.data.images import decode_image
from msl.errors import ConfigError, DataError
from msl.serving.images import find_images


def names(place, output):
    return [file.name for file in find_images(place, output)]


def test_frames_come_in_the_order_of_their_numbers(tmp_path):
    for name in ("frame10.png", "frame2.png", "b/1.jpg", "b/12.jpg", "b/9.JPG"):
        factory.save(factory.picture(0), tmp_path / "in" / name)
    assert names(tmp_path / "in", tmp_path / "out") == ["b/1", "b/9", "b/12", "frame2", "frame10"]


def test_only_images_are_meant_and_not_ones_own_output(tmp_path):
    for name in ("a.png", "notes.txt", ".hidden.png", ".cache/x.png", "out/overlays/a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert names(tmp_path, tmp_path / "out") == ["a"]
    assert names(tmp_path / "notes.txt", tmp_path / "out") == ["notes"]  # somebody meant it


def test_files_that_differ_by_suffix_keep_it(tmp_path):
    for name in ("a.png", "a.jpg", "b.jpg"):
        (tmp_path / name).touch()
    assert names(tmp_path, tmp_path / "out") == ["a.jpg", "a.png", "b"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("in/*.png", ["0"]),
        ("in/*/*.png", ["mon/1", "tue/2"]),
        ("in/**/*.png", ["0", "mon/1", "tue/2"]),
        ("in/???/[12].png", ["mon/1", "tue/2"]),
        ("{root}/in/tue/*.PNG", ["2"]),
        ("*/tue/*", ["in/tue/2"]),
    ],
)
def test_a_pattern_names_images(pattern, expected, tmp_path):
    for name in ("0.png", "mon/1.png", "tue/2.png", "tue/notes.txt", ".hidden/3.png"):
        factory.save(factory.picture(0), tmp_path / "in" / name) if name.endswith("png") else None
    place = Path(pattern.format(root=tmp_path))  # the test runs in tmp_path
    assert names(place, tmp_path / "out") == expected


def test_labels_among_images_are_left_out(tmp_path, caplog):
    for i in range(2):
        factory.save(factory.picture(i), tmp_path / f"in/img/{i}.jpg")
        factory.save(factory.label(i, [7, 8]), tmp_path / f"in/lab/{i}.png")
        factory.save_palette(factory.label(i, [7, 8]), tmp_path / f"in/img/{i}_mask.png")
    factory.save(factory.picture(3)[:, :, 0], tmp_path / "in/img/grey.png")  # belongs to no image in colour
    factory.save(factory.picture(3)[:, :, 0], tmp_path / "in/img/0_2.png")  # a number makes another frame
    factory.save(factory.picture(3), tmp_path / "in/aachen_gtFine_color.png")
    assert names(tmp_path / "in", tmp_path / "out") == ["img/0", "img/0_2", "img/1", "img/grey"]
    assert "5 files are labels and are left out: " in caplog.text
    assert "aachen_gtFine_color.png" in caplog.text
    assert names(tmp_path / "in/lab", tmp_path / "out") == ["0", "1"]  # nothing but labels: somebody means them
    assert names(tmp_path / "in/**/*", tmp_path / "out") == ["img/0", "img/0_2", "img/1", "img/grey"]


def test_patterns_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(DataError, match="images = .*has no meaning in a pattern"):
        find_images(tmp_path / "*.{jpg,png}", tmp_path / "out")
    with pytest.raises(DataError, match=r"images = .*/\*.png: no images in it"):
        find_images(tmp_path / "*.png", tmp_path / "out")


def test_wrong_places_are_refused(tmp_path):
    (tmp_path / "nox").touch()
    with pytest.raises(DataError, match=r"images = .*/no: no such file or folder; .* has nox in place of no"):
        find_images(tmp_path / "no", tmp_path / "out")
    (tmp_path / "nox").unlink()
    with pytest.raises(DataError, match=r"no images in it \(\.bmp, \.jpeg, "):
        find_images(tmp_path, tmp_path / "out")
    with pytest.raises(ConfigError, match="output = .* is the folder of the images: name another"):
        find_images(tmp_path, tmp_path)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_any_colour_model_of_eight_bits_is_read(mode, tmp_path):
    image = Image.fromarray(factory.picture(0)).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)
    assert np.array_equal(decode_image(path.read_bytes()), np.array(image.convert("RGB")))


def test_what_would_be_cut_off_or_is_too_large_is_refused(tmp_path, monkeypatch):
    Image.fromarray(np.full((4, 5), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match="it has mode I;16: convert it to 8 bits per channel"):
        decode_image((tmp_path / "deep.png").read_bytes())
    monkeypatch.setattr(images, "LARGEST", 19)
    factory.save(factory.picture(0, (5, 4)), tmp_path / "large.png")
    with pytest.raises(ValueError, match="5x4 pixels are more than 0 million"):
        decode_image((tmp_path / "large.png").read_bytes())
