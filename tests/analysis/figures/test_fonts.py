"""Names in any script and of any length in pictures."""

import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from analysis.__main__ import main
from analysis.figures.fonts import USUAL, families, label, replacement_note, undrawn

HAN, NASTY = "\N{CJK UNIFIED IDEOGRAPH-4E2D}\N{CJK UNIFIED IDEOGRAPH-6587}", "a\tb\x1b[0m\u202ec $x$ {y} \\alpha"
MIOU = "target/mIoU"
CLASS = "a class with a long name " * 8


def size():
    with Image.open(Path("f.png")) as picture:
        return picture.size


def test_what_the_usual_font_draws_stays_as_it_is():
    text = "été λ=0.5 Привет → ±"
    assert label(text) == text
    assert families([text]) == [USUAL]
    assert replacement_note([text]) == ""


def test_what_no_font_draws_is_replaced_and_told():
    private = "\U000f0123"
    assert undrawn(["x" + private]) == {private}
    assert label(f"x{private}y") == r"x\U000f0123y"
    assert replacement_note([private]).startswith(
        f"no installed font draws {private}: pictures show codes such as \\U000f0123"
    )
    assert label(NASTY) == r"a\tb\x1b[0m\u202ec $x$ {y} \alpha"


def test_a_font_that_has_the_characters_is_used():
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    usual = set(FT2Font(font_manager.findfont(USUAL)).get_charmap())
    others = {font.name: font.fname for font in font_manager.fontManager.ttflist if "Liberation" in font.name}
    extra = {name: set(FT2Font(file).get_charmap()) - usual for name, file in others.items()}
    if not any(extra.values()):
        pytest.skip("no installed font has more characters than the usual one")
    code = min(set.union(*extra.values()))
    assert families([chr(code)])[0] == USUAL
    assert code in extra[families([chr(code)])[1]]
    assert label(chr(code)) == chr(code)


def test_a_long_name_keeps_its_ends():
    text = label("begin " + "x" * 900 + " seed=7")
    assert (len(text), text[:6], text[-7:]) == (60, "begin ", " seed=7")


@pytest.mark.parametrize("name", ["x" * 900, HAN * 10, NASTY, "ab " * 300], ids=["long", "script", "signs", "words"])
@pytest.mark.parametrize("kind", [("--metrics", f"{MIOU},loss/source"), ("--classes",), ("--against", "odd")])
def test_no_name_breaks_a_picture(store, add_run, tmp_path, name, kind):
    for group in (f"{name} 1", f"{name} 2", "plain"):
        for seed in range(2):
            curve = [(0, 20.0 + seed, 1), (100, 25.0, 2)]
            scores = {MIOU: curve, "last/target/mIoU": 30.0, f"last/target/IoU/{CLASS}": 10.0}
            add_run(group, seed, scores | {"loss/source": [(100, 1e308, 1), (200, 0.5, 2)]}, odd=f"{name} {group[-1]}")
    metrics = ("--metrics", "mIoU") if "--against" in kind else ()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a missing glyph, and of a layout without room
        result = CliRunner().invoke(main, ["curves", "--experiment", "exp", "--output", "f", *kind, *metrics])
    assert result.exit_code == 0, (result.output, result.exception)
    width, height = size()
    assert max(width, height) < 4000
    assert min(width, height) > 300
    assert ("no installed font draws" in result.stderr) == bool(name == HAN * 10 and undrawn([HAN]))


def test_a_figure_of_many_groups(store, add_run):
    for group in range(60):
        add_run(f"g{group}", 0, {MIOU: [(0, 1.0, 1), (9, float(group), 2)], "last/target/IoU/road": 1.0})
    result = CliRunner().invoke(main, ["curves", "--experiment", "exp", "--output", "f", "--metrics", MIOU])
    assert result.exit_code == 0, result.output
    assert size()[1] > 600
    result = CliRunner().invoke(main, ["curves", "--experiment", "exp", "--output", "f", "--classes"])
    assert (result.exit_code, "40 groups at most, and here are 60; choose some (--group)" in result.output) == (1, True)
