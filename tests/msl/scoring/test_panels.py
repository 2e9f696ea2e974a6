import json

import numpy as np
import torch
from PIL import Image

from msl.labels import LABEL_SETS
from msl.schema import PanelLayout
from msl.scoring.legend import coloured
from msl.scoring.panels import draw_panel

CITYSCAPES = LABEL_SETS["cityscapes19"]


def test_a_label_map_has_its_classes_colours_and_black_for_the_rest():
    picture = coloured(torch.tensor([[0, 10, 18], [255, 19, 254]]), CITYSCAPES)
    assert picture.size == (3, 2)
    colours = [picture.getpixel((x, y)) for y in range(2) for x in range(3)]
    assert colours == [(128, 64, 128), (70, 130, 180), (119, 11, 32), *[(0, 0, 0)] * 3]


def test_the_layout_says_what_lies_where():
    image = torch.full((3, 10, 20), 200, dtype=torch.uint8)
    rows = [
        ("wide", image, torch.zeros(10, 20), torch.full((10, 20), 255)),
        ("tall", image.mT, torch.ones(20, 10), torch.full((20, 10), 10)),
    ]
    panel = draw_panel([(name, image, a.long(), b.long()) for name, image, a, b in rows], CITYSCAPES)
    pixels = np.asarray(panel.picture)
    assert [column.kind for column in panel.layout.columns] == ["image", "label", "prediction"]
    assert [row.sample for row in panel.layout.rows] == ["wide", "tall"]
    assert dict(panel.layout.classes) == {
        **{name: CITYSCAPES.palette[CITYSCAPES.train_id(name)] for name in ("road", "sidewalk", "sky")},
        "ignored": (0, 0, 0),
    }
    colours = [["wide", "road", "ignored"], ["tall", "sidewalk", "sky"]]
    for row, names in zip(panel.layout.rows, colours, strict=True):
        for column, name in zip(panel.layout.columns, names, strict=True):
            cell = pixels[row.top : row.top + row.height, column.left : column.left + column.width]
            assert (cell == panel.layout.classes.get(name, (200, 200, 200))).all()


def test_picture_and_layout_are_written_side_by_side(tmp_path):
    label = torch.zeros(10, 20, dtype=torch.long)
    panel = draw_panel([("é", torch.zeros(3, 10, 20, dtype=torch.uint8), label, label)], CITYSCAPES)
    picture, layout = panel.save(tmp_path / "panels", "target", 12)
    assert (picture.name, layout.name) == ("target_000012.png", "target_000012.json")
    with Image.open(picture) as opened:
        assert opened.size == panel.picture.size
    assert PanelLayout.from_json(layout.read_bytes()) == panel.layout
    assert json.loads(layout.read_text()) == {
        "rows": [{"sample": "é", "top": 26, "height": 210}],
        "columns": [
            {"kind": "image", "left": 6, "width": 420},
            {"kind": "label", "left": 432, "width": 420},
            {"kind": "prediction", "left": 858, "width": 420},
        ],
        "classes": {"road": [128, 64, 128]},
    }
