import torch

from msl.labels import LABEL_SETS
from msl.scoring.panels import coloured


def test_a_label_map_has_its_classes_colours_and_black_for_the_rest():
    picture = coloured(torch.tensor([[0, 10, 18], [255, 19, 254]]), LABEL_SETS["cityscapes19"])
    assert picture.size == (3, 2)
    colours = [picture.getpixel((x, y)) for y in range(2) for x in range(3)]
    assert colours == [(128, 64, 128), (70, 130, 180), (119, 11, 32), *[(0, 0, 0)] * 3]
