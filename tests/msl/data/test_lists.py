"""Lists of files as editors and spreadsheets leave them: read, or refused by file and line."""

import data_factory as factory
import own_data
import pytest

from msl.data import open_domain
from msl.errors import DataError

NAMES = [f"train/0016E5_0000{i}" for i in (1, 2, 3)]


def names(root):
    domain = open_domain("camvid", root, "train")
    assert domain.inspect().problems == []
    return [domain.samples.name(i) for i in range(len(domain))]


@pytest.mark.parametrize(
    ("start", "folder"),
    [
        ("\ufeff", "/data/CamVid"),
        ("", "/home/me/My Data/CamVid"),
        ("# frames of a drive\n\n", "/data/CamVid"),
        ("", "C:\\My Data\\CamVid"),
        ("\ufeff#\r\n", "/data/x.y, z"),
    ],
)
def test_what_editors_add_is_passed_over(start, folder, tmp_path):
    assert names(own_data.camvid_lists(tmp_path, start.encode(), folder)) == NAMES


@pytest.mark.parametrize("separator", [" ", "\t", ",", ";", ", "])
def test_lines_of_spreadsheets(separator, tmp_path):
    root = own_data.camvid_lists(tmp_path)
    path = root / "CamVid/train.txt"
    path.write_text(path.read_text().replace(" ", separator).replace("\n", "\r\n"))
    assert names(root) == NAMES


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"image label\n", r"CamVid/train.txt:1: 'image label' must name an image file"),
        (b"# frames\nimage,label\n", r"CamVid/train.txt:2: 'image,label' must name an image file"),
        ("é.png\n".encode("latin-1"), r"CamVid/train.txt:1: is not text in UTF-8: save the list in UTF-8"),
        ("\ufeffa.png\n".encode("utf-16-le"), r"CamVid/train.txt:1: is not text in UTF-8"),
        (
            b"/x/0016E5_00002.png\n",
            r"CamVid/train.txt:3: 0016E5_00002.png is already in line 1: remove one of the lines",
        ),
    ],
)
def test_what_cannot_be_read_is_named_by_file_and_line(start, message, tmp_path):
    with pytest.raises(DataError, match=message):
        open_domain("camvid", own_data.camvid_lists(tmp_path, start), "train")


@pytest.mark.parametrize("spelling", ["{:05d}", "{}", "{:05d}.png", "images/{:05d}.png labels/{:05d}.png", "\ufeff{}"])
def test_lists_of_frames(spelling, tmp_path):
    root = factory.gta5(tmp_path)
    (root / "GTA5/train.txt").write_text("\n".join(spelling.format(i, i) for i in (2, 1)).replace("\n\ufeff", "\n"))
    domain = open_domain("gta5", root, "train")
    assert [domain.samples.name(i) for i in range(2)] == ["00002", "00001"]


def test_a_line_without_a_frame_is_named(tmp_path):
    root = factory.gta5(tmp_path)
    (root / "GTA5/train.txt").write_text("1\nframe\n")
    with pytest.raises(DataError, match=r"GTA5/train.txt:2: 'frame' must name a frame, such as 00001 or 00001.png"):
        open_domain("gta5", root, "train")
    root = factory.synthia(tmp_path)
    (root / "RAND_CITYSCAPES/train.txt").write_text("file\n0000001.png\n")
    with pytest.raises(DataError, match=r"train.txt:1: 'file' must name a frame"):
        open_domain("synthia", root, "train")


def test_images_of_a_city_that_differ_by_suffix(tmp_path):
    root = factory.crosscity(tmp_path)
    factory.save(factory.picture(9), root / "NTHU_Datasets/Rome/Images/Test/pano_00000.jpg")
    domain = open_domain("crosscity_rome", root, "val")
    expected = ["Rome/val/pano_00000.jpg", "Rome/val/pano_00000.png", "Rome/val/pano_00001"]
    assert [domain.samples.name(i) for i in range(3)] == expected
