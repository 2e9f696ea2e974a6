"""Files to arrays: labels as they were written, images as a viewer shows them, and the same refusals everywhere."""

import io

import data_factory as factory
import numpy as np
import own_data
import properties  # noqa: F401  # how they are run
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from msl.data import load_style_images, open_domain
from msl.data.images import decode_ids, decode_image, decode_synthia
from msl.errors import DataError
from msl.labels import SYNTHIA_IDS

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=19)
MODES = {"1": (np.bool_, 1), "L": (np.uint8, 255), "P": (np.uint8, 255), "I;16": (np.uint16, 65535)}
LOSSLESS = [
    *[(mode, "PNG", {}) for mode in MODES],
    *[("P", "PNG", {"bits": bits}) for bits in (1, 2, 4)],
    *[(mode, "TIFF", {}) for mode in MODES],
    *[(mode, "TIFF", {"compression": "tiff_lzw"}) for mode in MODES],
    *[(mode, "BMP", {}) for mode in ("1", "L", "P")],
    *[(mode, "PPM", {}) for mode in ("1", "L", "I;16")],
    *[(mode, "TGA", {}) for mode in ("L", "P")],
]


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def image_of(samples, mode):
    """An image of the mode with these samples."""
    if mode == "1":
        return Image.fromarray(samples.astype(np.uint8) * 255).convert("1", dither=Image.Dither.NONE)
    image = Image.fromarray(samples)
    if mode == "P":
        image.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    return image


@pytest.mark.parametrize(("mode", "kind", "options"), LOSSLESS, ids=lambda value: str(value))
@given(data=st.data())
def test_labels_are_what_was_written(mode, kind, options, data):
    dtype, largest = MODES[mode]
    largest = min(largest, 2 ** options.get("bits", 16) - 1)
    elements = st.booleans() if mode == "1" else st.integers(0, largest)
    samples = data.draw(arrays.arrays(dtype, SHAPES, elements=elements))
    decoded = decode_ids(encoded(image_of(samples, mode), kind, **options))
    assert decoded.dtype == (np.uint16 if largest == 65535 else np.uint8)
    assert np.array_equal(decoded, samples)


@given(data=st.data(), bits=st.sampled_from([1, 2, 4, 8, 16]))
def test_grey_labels_of_every_depth_are_the_stored_samples(data, bits):
    samples = data.draw(arrays.arrays(np.uint16, SHAPES, elements=st.integers(0, 2**bits - 1)))
    assert np.array_equal(decode_ids(own_data.grey_png(samples, bits)), samples)


@given(data=st.data(), largest=st.integers(1, 65535), plain=st.booleans())
def test_greymaps_of_every_range_are_the_stored_samples(data, largest, plain):
    samples = data.draw(arrays.arrays(np.uint16, SHAPES, elements=st.integers(0, largest)))
    header = f"P{2 if plain else 5} {samples.shape[1]} {samples.shape[0]} {largest}\n".encode()
    binary = samples.astype(">u2" if largest > 255 else "u1").tobytes()
    body = " ".join(map(str, samples.ravel())).encode() if plain else binary
    assert np.array_equal(decode_ids(header + body), samples)


@given(samples=arrays.arrays(np.int32, SHAPES, elements=st.integers(0, 65535)))
def test_labels_of_32_bits_are_read_where_their_ids_fit(samples):
    assert np.array_equal(decode_ids(encoded(Image.fromarray(samples), "TIFF")), samples)
    samples[0, 0] = 70_000
    with pytest.raises(ValueError, match="a label has ids from 0 to 65535, this file has 70000"):
        decode_ids(encoded(Image.fromarray(samples), "TIFF"))
    samples[0, 0] = -1
    with pytest.raises(ValueError, match="this file has -1"):
        decode_ids(encoded(Image.fromarray(samples), "TIFF"))


@pytest.mark.parametrize(
    ("image", "kind", "options", "message"),
    [
        (Image.new("L", (8, 8)), "JPEG", {}, r"a lossy format \(JPEG\) changes the ids of labels: save them as PNG"),
        (Image.new("L", (8, 8)), "TIFF", {"compression": "jpeg"}, r"lossy format \(TIFF\)"),
        (Image.new("L", (8, 8)), "JPEG2000", {}, r"lossy format \(JPEG2000\)"),
        (Image.new("RGB", (8, 8)), "WEBP", {}, r"lossy format \(WEBP\)"),
        (Image.new("RGB", (8, 8)), "PNG", {}, "it has mode RGB: save it with one id per pixel"),
        (Image.new("LA", (8, 8)), "PNG", {}, "it has mode LA"),
        (Image.new("F", (8, 8)), "TIFF", {}, "it has mode F"),
    ],
)
def test_what_is_no_label_is_refused(image, kind, options, message):
    with pytest.raises(ValueError, match=message):
        decode_ids(encoded(image, kind, **options))


def test_a_label_whose_white_is_0_is_refused():
    tiff = bytearray(encoded(Image.new("L", (8, 8)), "TIFF"))
    entry = tiff.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01")  # PhotometricInterpretation, a short: black is 0
    tiff[entry + 8] = 0
    with pytest.raises(ValueError, match="white is 0 in this label"):
        decode_ids(bytes(tiff))


TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("turn", TURNS)
def test_the_orientation_tag_is_applied(turn, kind):
    stored = own_data.picture(turn, (7, 5))
    tags = Image.Exif()
    tags[own_data.ORIENTATION] = turn
    lossless = {"lossless": True} if kind == "WEBP" else {}
    read = decode_image(encoded(Image.fromarray(stored), kind, exif=tags, **lossless))
    assert np.array_equal(read, TURNS[turn](stored))
    if kind != "WEBP":
        label = decode_ids(encoded(Image.fromarray(stored[:, :, 0]), kind, exif=tags))
        assert np.array_equal(label, TURNS[turn](stored[:, :, 0]))


def test_damaged_tags_are_no_tags():
    stored = own_data.picture(0, (7, 5))
    assert np.array_equal(decode_image(encoded(Image.fromarray(stored), "PNG", exif=b"Exif\0\0no tags")), stored)


@pytest.mark.parametrize(("mode", "transparency"), [("L", 3), ("P", 3), ("P", bytes(range(256)))])
def test_transparency_is_passed_over_without_a_warning(mode, transparency):
    image = image_of(own_data.picture(0, (16, 16))[:, :, 0], mode)
    read = decode_image(encoded(image, "PNG", transparency=transparency))
    assert np.array_equal(read, np.array(image.convert("RGB")))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_domain_with_labels_of_few_bits(tmp_path, bits):
    train = open_domain(str(own_data.low_bit_labels(tmp_path, bits)))
    report = train.inspect()
    assert (report.problems, set(report.pixels)) == ([], {0, 1})  # road and sidewalk, and nothing else
    assert np.array_equal(train[1].label.numpy(), own_data.stripes([0, 1], 1))


def test_a_domain_with_labels_of_sixteen_bits(tmp_path):
    path = own_data.low_bit_labels(tmp_path, 16)
    own_data.save(own_data.stripes([0, 300]), tmp_path / "lab/0.png")
    (problem,) = open_domain(str(path)).inspect().problems
    assert problem.detail.startswith("ids [300] are not defined for this data set")
    with pytest.raises(DataError, match=r"its label has ids \[300\]"):
        open_domain(str(path))[0]
    path.write_text(path.read_text().replace("ids: train_ids", "ids: {0: road, 300: car, 1: sidewalk}"))
    assert open_domain(str(path))[0].label.unique().tolist() == [0, 13]


def test_a_domain_with_lossy_labels(tmp_path):
    report = open_domain(str(own_data.jpeg_labels(tmp_path))).inspect()
    assert (report.unusable, len(report.usable)) == (4, 0)
    assert "a lossy format (JPEG) changes the ids of labels: save them as PNG" in report.problems[0].detail


def test_a_domain_of_photographs_with_orientation_tags(tmp_path):
    sample = open_domain(str(own_data.upside_down(tmp_path)))[0]
    sky, road = (sample.image[:, sample.label == train_id].float().mean(1) for train_id in (10, 0))
    assert sky == pytest.approx(torch.tensor([70.0, 130, 180]), abs=3)
    assert road == pytest.approx(torch.tensor([128.0, 64, 128]), abs=3)


def test_deep_grey_images_are_refused_by_every_reader(tmp_path):
    path = own_data.deep_grey(tmp_path)
    report = open_domain(str(path)).inspect()
    assert [problem.kind for problem in report.problems] == ["unreadable"] * 2
    reason = "it has mode I;16: convert it to 8 bits per channel"
    assert all(reason in problem.detail for problem in report.problems)
    with pytest.raises(DataError, match=reason):
        open_domain(str(path))[0]
    with pytest.raises(DataError, match=reason):
        load_style_images(tmp_path / "img")
    with pytest.raises(ValueError, match=reason):  # predict and the model server
        decode_image((tmp_path / "img/0.png").read_bytes())


def test_sixteen_bits_a_colour_give_the_upper_eight(tmp_path):
    ids = np.array([[0, 128, 255]], np.uint8)
    factory.save_16bit(ids * 0, tmp_path / "a.png")
    assert decode_image((tmp_path / "a.png").read_bytes()).tolist() == [[[0, 300 >> 8, 0]] * 3]


def test_synthias_format_wherever_its_ids_are_named(tmp_path):
    ids = sorted(SYNTHIA_IDS)
    for i, write in enumerate((factory.save_16bit, own_data.save, factory.save_palette)):
        own_data.save(own_data.picture(i), tmp_path / f"img/{i}.png")
        write(factory.label(0, ids), tmp_path / f"lab/{i}.png")
    path = own_data.domain(tmp_path, "mine", own_data.both("img/*.png", "lab/*.png"), ids="synthia")
    domain = open_domain(str(path))
    assert domain.inspect().problems == []
    assert all(torch.equal(domain[i].label, domain[0].label) for i in range(3))
    assert len(domain[0].label.unique()) == 20
    with pytest.raises(ValueError, match=r"a label of SYNTHIA is a 16-bit colour PNG, this file is RGB \(RGB\)"):
        decode_synthia(encoded(Image.new("RGB", (8, 8)), "PNG"))
