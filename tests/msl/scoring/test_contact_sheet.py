import numpy as np
import torch

from msl.data.domain import Sample
from msl.labels import IGNORE, LABEL_SETS
from msl.scoring.contact_sheet import draw_sheet

CITYSCAPES = LABEL_SETS["cityscapes19"]
GREY, ROAD = 200, (128, 64, 128)


def sample(train_id, name="a", size=(10, 20)):
    image = torch.full((3, *size), GREY, dtype=torch.uint8)
    return Sample(image, torch.full(size, train_id, dtype=torch.uint8), name)


def test_labels_lie_over_the_images_without_their_colours():
    coloured = sample(0)
    coloured.image[0] = 255  # which would turn the class's colour into another
    grey = round(0.299 * 255 + 0.701 * GREY)
    pixels = np.asarray(draw_sheet([coloured, sample(IGNORE)], CITYSCAPES))
    assert pixels.shape[1] == 2 * 420 + 3 * 6
    assert np.abs(pixels[130, 200] - (0.6 * np.array(ROAD) + 0.4 * grey)).max() <= 1
    assert np.abs(pixels[130, 640] - np.array([0.4 * GREY] * 3)).max() <= 1  # ignored pixels are darker


def test_the_legend_names_the_classes_that_are_shown():
    road, road_and_sky = (draw_sheet([sample(0), sample(other)], CITYSCAPES) for other in (0, 10))
    legends = [np.asarray(sheet)[-30:].reshape(-1, 3) for sheet in (road, road_and_sky)]
    sky = CITYSCAPES.palette[10]
    assert [(legend == sky).all(1).any() for legend in legends] == [False, True]
    assert all((legend == ROAD).all(1).any() for legend in legends)


def test_without_labels_the_images_are_shown_as_they_are():
    pixels = np.asarray(draw_sheet([sample(0)], None))
    assert pixels.shape == (24 + 210 + 6, 420 + 12, 3)
    assert (pixels[24:234, 6:426] == GREY).all()


def test_images_of_any_shape_and_any_length_of_name_fit():
    samples = [sample(0, "n" * 200), sample(0, size=(40, 10)), sample(0, size=(300, 900))]
    sheet = draw_sheet([*samples, *samples], CITYSCAPES)
    assert sheet.width == 4 * 426 + 6
    assert sheet.height > 2 * 420  # the tall image fills a cell's height in both rows
