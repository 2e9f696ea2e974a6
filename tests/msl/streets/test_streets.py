import functools
import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from msl.errors import ConfigError
from msl.labels import CITYSCAPES_IDS
from msl.streets import STYLES, Streets

SOURCE, TARGET = STYLES["streets"], STYLES["streets_real"]
SMALL = (96, 48)  # px: enough to tell samples apart
RAW = {name: raw for raw, name in CITYSCAPES_IDS.items() if name is not None}

both = pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)


@functools.cache
def gallery(name):
    """Images (200, 64, 128, 3) and labels (200, 64, 128) of a domain."""
    streets = Streets(STYLES[name], "train", 200, size=(128, 64))
    images, labels = zip(*map(streets.sample, range(200)), strict=True)
    return np.stack(images), np.stack(labels)


def fingerprint(streets, index):
    image, label = streets.sample(index)
    return hashlib.sha256(image.tobytes() + label.tobytes()).hexdigest()


@both
def test_a_sample_is_the_same_on_every_call_and_in_every_order(style):
    first = [fingerprint(Streets(style, "train", 10), i) for i in (0, 1, 2)]
    again = [fingerprint(Streets(style, "train", 10), i) for i in (2, 1, 0)]
    assert first == again[::-1]
    assert len(set(first)) == 3


@both
def test_a_sample_does_not_depend_on_how_many_there_are(style):
    assert fingerprint(Streets(style, "train", 4), 3) == fingerprint(Streets(style, "train", 400), 3)


def test_a_sample_is_the_same_in_another_process():
    code = (
        "import hashlib; from msl.streets import STYLES, Streets\n"
        "for style in STYLES.values():\n"
        "    image, label = Streets(style, 'train', 10).sample(7)\n"
        "    print(hashlib.sha256(image.tobytes() + label.tobytes()).hexdigest())"
    )
    environment = {"PYTHONHASHSEED": "12345", "PYTHONPATH": ":".join(sys.path)}
    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert printed.stdout.split() == [fingerprint(Streets(style, "train", 10), 7) for style in STYLES.values()]


@both
def test_splits_and_seeds_share_no_image(style):
    parts = [Streets(style, split, 50, SMALL) for split in ("train", "val", "test")]
    parts.append(Streets(style, "train", 50, SMALL, seed=1))
    images = {streets.sample(i)[0].tobytes() for streets in parts for i in range(50)}
    assert len(images) == 200


@pytest.mark.parametrize("other", [TARGET, replace(SOURCE, name="renamed")], ids=["target", "renamed source"])
def test_domains_cannot_be_paired(other):
    for i in range(5):
        _, source = Streets(SOURCE, "train", 5, SMALL).sample(i)
        _, target = Streets(other, "train", 5, SMALL).sample(i)
        assert (source != target).mean() > 0.1


@both
def test_every_class_is_in_a_tenth_of_the_images(style):
    _, labels = gallery(style.name)
    share = {name: (labels == raw).any(axis=(1, 2)).mean() for name, raw in RAW.items()}
    assert len(share) == 19
    assert min(share.values()) >= 0.10, share


@both
def test_ids_are_those_of_cityscapes_and_some_pixels_are_ignored(style):
    _, labels = gallery(style.name)
    ids = set(np.unique(labels).tolist())
    assert ids <= set(CITYSCAPES_IDS)
    assert {1, 4} <= ids  # the camera's own car; bins and benches


@both
def test_frequencies_have_a_long_tail(style):
    _, labels = gallery(style.name)
    share = {name: (labels == raw).mean() for name, raw in RAW.items()}
    assert set(sorted(share, key=share.__getitem__)[-3:]) == {"road", "building", "vegetation"}
    assert 0.20 < share["road"] < 0.45
    for rare in ("rider", "motorcycle", "bicycle", "traffic light", "fence"):
        assert 0.001 < share[rare] < 0.03, (rare, share[rare])


@both
def test_the_road_lies_below_and_the_sky_above(style):
    _, labels = gallery(style.name)
    height = labels.shape[1]
    assert np.nonzero(labels == RAW["sky"])[1].mean() < 0.3 * height
    assert np.nonzero(labels == RAW["road"])[1].mean() > 0.6 * height


@both
@pytest.mark.parametrize("size", [(32, 32), (97, 61), (61, 97), (512, 256)])
def test_shapes_at_any_size(style, size):
    streets = Streets(style, "val", 3, size)
    for i in range(3):
        image, label = streets.sample(i)
        assert image.shape == (size[1], size[0], 3)
        assert label.shape == (size[1], size[0])
        assert image.dtype == label.dtype == np.uint8
        assert image.flags.writeable
        assert image.flags.c_contiguous


@both
def test_a_scene_is_the_same_at_every_size(style):
    small, large = (Streets(style, "val", 8, size) for size in ((128, 64), (512, 256)))
    for i in range(8):
        agreeing = small.sample(i)[1] == large.sample(i)[1][2::4, 2::4]
        assert agreeing.mean() > 0.9, i


def test_the_target_is_duller():
    def saturation(name):
        images, _ = gallery(name)
        return (images.max(axis=-1).astype(float) - images.min(axis=-1)).mean()

    assert saturation("streets") > 1.5 * saturation("streets_real")


def test_dusk_is_dark_and_has_the_tints_of_the_day():
    dusk = STYLES["streets_dusk"]
    assert (dusk.palette, dusk.spread, dusk.grain) == (SOURCE.palette, SOURCE.spread, SOURCE.grain)
    assert gallery(dusk.name)[0].mean() < 0.8 * gallery(SOURCE.name)[0].mean()


def test_light_and_exposure_vary_more_in_the_target():
    def spread(name):
        return gallery(name)[0].mean(axis=(1, 2, 3)).std()

    assert spread("streets_real") > 1.15 * spread("streets")


def test_the_target_is_noisier():
    def noise(name):  # median departure of a sky pixel from its neighbours' mean: edges do not move a median
        images, labels = gallery(name)
        grey = images.astype(float).mean(axis=-1)
        departure = np.abs(grey[:, :, 1:-1] - (grey[:, :, :-2] + grey[:, :, 2:]) / 2)
        return np.median(departure[labels[:, :, 1:-1] == RAW["sky"]])

    assert noise("streets_real") > 2 * noise("streets")


@both
def test_the_digest_knows_every_parameter(style):
    base = Streets(style, "train", 10, SMALL)
    digest = base.digest()
    assert len(digest) == 64
    assert digest == base.digest() == Streets(style, "train", 10, SMALL).digest()
    variants = [
        replace(base, style=replace(style, name="other")),
        replace(base, style=replace(style, jpeg=(50, 60))),
        replace(base, style=replace(style, palette={**style.palette, "asphalt": ((1, 2, 3),)})),
        replace(base, split="val"),
        replace(base, count=11),
        replace(base, size=(98, 48)),
        replace(base, seed=1),
    ]
    assert len({digest, *(variant.digest() for variant in variants)}) == 1 + len(variants)


def test_the_digest_sees_what_is_drawn(monkeypatch):
    streets = Streets(SOURCE, "train", 10, SMALL)
    before = streets.digest()
    monkeypatch.setattr("msl.streets.samples.draw_scene", lambda brush: None)
    assert streets.digest() != before


def test_names_and_length():
    streets = Streets(TARGET, "train", 20)
    assert len(streets) == 20
    assert streets.name(12) == "streets_real/train/00012"


@pytest.mark.parametrize("index", [-1, 20, 1000])
def test_an_index_out_of_range_is_refused(index):
    streets = Streets(SOURCE, "train", 20)
    for method in (streets.sample, streets.name):
        with pytest.raises(IndexError, match=rf"{index}.*streets/train.*0 to 19"):
            method(index)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": (31, 64)}, r"\(31, 64\).*32"),
        ({"size": (64, 0)}, r"\(64, 0\).*32"),
        ({"count": 0}, "count = 0.*at least 1"),
        ({"count": -3}, "count = -3.*at least 1"),
        ({"seed": -1}, "seed = -1.*0 or more"),
    ],
)
def test_impossible_parameters_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        Streets(**{"style": SOURCE, "split": "train", "count": 5, **wrong})
