import logging

import numpy as np
import pytest
from data_factory import picture
from PIL import Image

from msl.data import load_style_images
from msl.errors import DataError

SIZE = (48, 33)


def written(folder, name, mode="RGB", size=SIZE, **options):
    Image.fromarray(picture(len(name), size)).convert(mode).save(folder / name, **options)
    return folder / name


def test_images_come_by_name_in_order_and_in_their_own_size(tmp_path):
    written(tmp_path, "b.png")
    written(tmp_path, "a.PNG", size=(40, 50))
    (tmp_path / "licence.txt").write_text("no image")
    (tmp_path / "c.png").mkdir()
    images = load_style_images(tmp_path)
    assert list(images) == ["a.PNG", "b.png"]
    assert [image.shape for image in images.values()] == [(50, 40, 3), (33, 48, 3)]
    assert np.array_equal(images["b.png"], picture(5, SIZE))


@pytest.mark.parametrize(
    ("name", "mode"), [("p.png", "P"), ("cmyk.tif", "CMYK"), ("cmyk.jpg", "CMYK"), ("a.png", "RGBA")]
)
def test_other_colour_models_are_converted(tmp_path, name, mode):
    path = written(tmp_path, name, mode)
    (image,) = load_style_images(tmp_path).values()
    assert (image.shape, image.dtype) == ((33, 48, 3), np.uint8)
    with Image.open(path) as file:
        assert np.array_equal(image, np.array(file.convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "1", "LA", "RGB"])
def test_grey_images_are_taken_with_a_notice(tmp_path, caplog, mode):
    Image.fromarray(picture(0, SIZE)).convert("L").convert(mode).save(tmp_path / "grey.png")
    written(tmp_path, "other.png")
    with caplog.at_level(logging.WARNING, "msl"):
        assert load_style_images(tmp_path)["grey.png"].shape == (33, 48, 3)
    assert "style images without colour, which also remove the content's colours: grey.png" in caplog.text
    assert "other.png" not in caplog.text


def test_images_that_cannot_serve_are_named(tmp_path):
    def refused(message):
        with pytest.raises(DataError, match=message):
            load_style_images(tmp_path)
        for path in tmp_path.iterdir():
            path.unlink()

    written(tmp_path, "tiny.png", size=(31, 200))
    refused(r"tiny.png: cannot be read: it has 31x200 pixels, a style image needs at least 32x32")
    clear = Image.fromarray(picture(0, SIZE)).convert("RGBA")
    clear.putpixel((3, 3), (0, 0, 0, 254))
    clear.save(tmp_path / "clear.png")
    refused("clear.png: .*parts of it are transparent")
    Image.fromarray(np.zeros(SIZE, np.uint16)).save(tmp_path / "deep.png")
    refused("deep.png: .*mode I;16: convert it to 8 bits per channel")
    (tmp_path / "half.png").write_bytes(written(tmp_path, "half.png").read_bytes()[:900])
    refused("half.png: cannot be read")


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(DataError, match="no images in it .*.jpg"):
        load_style_images(tmp_path)
    with pytest.raises(DataError, match="nowhere: no such folder"):
        load_style_images(tmp_path / "nowhere")


def test_the_real_photographs(real_data):
    images = load_style_images(real_data / "styles" / "ambulance")
    assert list(images) == [f"ambulance{k}.jpg" for k in (1, 2, 3, 4)]
    assert [image.shape for image in images.values()] == [(341, 512, 3), (283, 512, 3), (512, 512, 3), (288, 512, 3)]
