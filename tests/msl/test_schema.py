"""Names of metrics, scores and files, as they are made and as they are read."""

from functools import reduce
from importlib import import_module

import pytest

from msl import schema


@pytest.mark.parametrize(
    ("metric", "parts", "heading", "unit", "higher_is_better"),
    [
        ("target/mIoU", ("", "target", "mIoU"), "target mIoU", "percent", True),
        ("best/source/PA", ("best", "source", "PA"), "best source PA", "percent", True),
        ("mIoU_13", ("", "", "mIoU_13"), "mIoU_13", "percent", True),
        ("last/target/IoU/sky", ("last", "target", "IoU/sky"), "last target IoU/sky", "percent", True),
        ("loss/source", ("", "", "loss/source"), "source loss", "", False),
        ("last/loss/target_aux", ("last", "", "loss/target_aux"), "last target aux loss", "", False),
        ("style/content", ("", "", "style/content"), "style/content", "", False),
        ("speed/step_s", ("", "", "speed/step_s"), "speed/step_s", "", None),
        ("self_train/confident_share", ("", "", "self_train/confident_share"), "confident pixels", "percent", None),
        ("adaptation/dose", ("", "", "adaptation/dose"), "dose", "", None),
        ("bestof", ("", "", "bestof"), "bestof", "", None),
        ("", ("", "", ""), "", "", None),
    ],
)
def test_what_a_metric_is(metric, parts, heading, unit, higher_is_better):
    assert schema.parse_metric(metric) == parts
    assert schema.heading(metric) == heading
    assert (schema.unit(metric), schema.higher_is_better(metric)) == (unit, higher_is_better)


def test_every_score_has_a_name_of_its_own_and_a_source_that_exists():
    scores = (*schema.SCORES, schema.CLASS_IOU)
    assert len({score.name for score in scores}) == len(scores)
    for score in scores:
        module, _, attributes = score.source.partition(":")
        reduce(getattr, attributes.split("."), import_module(module))


@pytest.mark.parametrize("name", ["gta5", "my own/data @ home", "a\nb"])
def test_a_data_tag_is_read_as_it_was_written(name):
    tag = schema.DataTag(name, "val", "0123abcd")
    assert schema.DataTag.parse(str(tag)) == tag


@pytest.mark.parametrize("text", ["", "gta5", "gta5/val", "gta5@0123"])
def test_other_texts_are_no_data_tag(text):
    assert schema.DataTag.parse(text) is None


def test_names_of_panels():
    assert schema.panel_stem("target", 40) == "target_000040"
    assert schema.parse_panel_stem("target_1234567") == ("target", 1234567)
    for stem in ("target", "target_", "_12", "target_x2"):
        assert schema.parse_panel_stem(stem) is None


def test_a_panels_layout_is_read_as_it_was_written():
    layout = schema.PanelLayout(
        (schema.PanelRow("a frame", 26, 210),), (schema.PanelColumn("image", 6, 420),), {"road": (128, 64, 128)}
    )
    assert schema.PanelLayout.from_json(layout.to_json()) == layout


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"rows": [{}], "columns": [], "classes": {}}', '{"rows": [], "columns": [], "classes": 1}'],
)
def test_other_texts_are_no_layout(text):
    with pytest.raises(ValueError, match="not the description of a panel|Expecting value"):
        schema.PanelLayout.from_json(text)


def test_a_colour_has_three_values():
    with pytest.raises(ValueError, match="not enough values"):
        schema.PanelLayout.from_json('{"rows": [], "columns": [], "classes": {"road": [1, 2]}}')
