import math

import planted
import pytest

from analysis.seeds import Measure, comparability_notes, seed_groups
from msl import schema

MIOU = Measure("last", "target/mIoU")
SCORES = {"last/target/mIoU": (30.0, 31.0, 32.0), "last/target/mIoU_resized": (33.0, 34.0, 35.0)}


def noted(*rows, reference=None, measures=(MIOU,)):
    """Notes of the group `own` beside the plain one."""
    groups = seed_groups(planted.frame(*rows, reference or planted.group("plain", SCORES)))
    return comparability_notes(groups["own"], groups["plain"], measures)


def test_what_is_alike_needs_no_note():
    assert noted(planted.group("own", SCORES, target_mode="IW_maxsquare", lambda_target=0.2)) == []


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"dirty": "true"}, "uncommitted code in 3 of 3 runs"),
        ({"commit": "b" * 40}, "code bbbbbbbb, the baseline's aaaaaaaa"),
        ({"commit": ""}, "code not recorded"),
        ({"data": ("gta5_ambulance", "cityscapes")}, "source gta5_ambulance, the baseline's gta5"),
        ({"data": ("gta5", "crosscity_rio")}, "target crosscity_rio, the baseline's cityscapes"),
        ({"label_set": "synthia16"}, "label_set synthia16, the baseline's cityscapes19"),
        ({"eval_images": 100}, "eval_images 100, the baseline's None"),
        ({"eval_flip": True}, "eval_flip True, the baseline's False"),
        ({"split": "train"}, "split train, the baseline's val"),
        ({"resize_labels": True}, "resize_labels True, the baseline's False"),
        ({"threads": 2}, "threads 2, the baseline's None"),
        ({"round_num": 40}, "800 iterations of 1 images, the baseline's 100 of 1"),
        ({"batch_size": 4}, "100 iterations of 4 images, the baseline's 100 of 1"),
    ],
)
def test_each_way_to_differ_from_the_baseline(changes, note):
    assert noted(planted.group("own", SCORES, **changes)) == [note]


def test_a_digest_that_differs_and_one_of_another_split():
    rows = planted.group("own", SCORES)
    for run in rows:
        run[schema.DATA_SOURCE] = "gta5/train@eeeeeeeeeeee"
    expected = "gta5/train was other data: digest eeeeeeeeeeee, the baseline's aaaaaaaaaaaa"
    assert noted(rows) == [expected]
    pretrained = planted.group("own", SCORES, stage="pretrain", iter_stop=100)  # target tag: the scored split
    assert noted(pretrained) == []


def test_other_stages_have_other_budgets():
    group = planted.group("own", SCORES)
    pretrain = planted.group("plain", SCORES, stage="pretrain")
    assert noted(group, reference=pretrain) == ["a further 100 iterations of 1 images, the baseline's 80 of 1"]
    equal = planted.group("plain", SCORES, stage="pretrain", iter_stop=100)
    assert noted(group, reference=equal) == ["a further 100 iterations of 1 images, the baseline's 100 of 1"]


def test_seeds_that_are_more_than_seeds():
    rows = planted.group("own", SCORES)
    rows[1][schema.param("lr")] = "0.1"
    rows[2][schema.CODE_COMMIT] = "d" * 40
    rows[2][schema.DATA_TARGET] = "cityscapes/train@ffffffffffff"
    assert noted(rows) == [
        "its seeds ran different code: aaaaaaaa, dddddddd",
        "its seeds saw different target data: cityscapes/train@bbbbbbbbbbbb, cityscapes/train@ffffffffffff",
        "its seeds differ in lr: 0.00025, 0.1",
    ]


def test_a_resume_that_trained_on_is_no_seed_like_the_others():
    """As `Store.runs` gives it: the setting has its present value, and the tag says that a resume changed it."""
    rows = planted.group("own", SCORES, max_iters=40)
    rows[2] |= {schema.param("max_iters"): "80", schema.changed("max_iters"): "80"}
    notes = [
        "the iterations of its seeds differ: 40 (seed 0), 40 (seed 1), 80 (seed 2)",
        "a resume changed max_iters to 80 in 1 of 3 runs",
    ]
    assert noted(rows) == notes
    group = seed_groups(planted.frame(rows))["own"]
    assert math.isnan(group.iterations)
    assert group.iterations_by_run == [40, 40, 80]
    resumed = [run | {schema.param("max_iters"): "80", schema.changed("max_iters"): "80"} for run in rows]
    assert noted(resumed) == [
        "a resume changed max_iters to 80 in 3 of 3 runs",
        "80 iterations of 1 images, the baseline's 100 of 1",
    ]


def test_few_and_unfinished_runs():
    done = planted.group("own", SCORES, seeds=(0,))
    older = planted.group("own", SCORES, seeds=(0,))
    failed = planted.group("own", SCORES, seeds=(1, 2), status="FAILED")
    expected = ["2 unfinished left out", "1 older of the same seed left out", "a single seed: no spread, no interval"]
    assert noted(older + done + failed) == expected


def test_label_resolution_counts_where_labels_are_resized():
    group = planted.group("own", SCORES, target_crop_size="1280,640")
    plain = planted.group("plain", SCORES, target_crop_size="1024,512")
    assert noted(group, reference=plain) == []
    resized = Measure("last", "target/mIoU_resized")
    expected = ["target labels resized to 1280,640, the baseline's to 1024,512"]
    assert noted(group, reference=plain, measures=[MIOU, resized]) == expected


@pytest.mark.parametrize(
    ("stage", "settings", "expected"),
    [
        ("pretrain", {}, 80),
        ("pretrain", {"iter_stop": "None"}, 200),
        ("pretrain", {"max_iters": 12}, 12),
        ("adapt", {}, 100),
        ("adapt", {"max_iters": "None"}, 100),
        ("adapt", {"max_iters": 7}, 7),
    ],
)
def test_iterations(stage, settings, expected):
    groups = seed_groups(planted.frame(planted.group("own", SCORES, stage=stage, **settings)))
    assert groups["own"].iterations == expected


def test_a_run_from_before_a_setting_did_what_the_setting_says_by_default():
    """An older run records no optimizer: it was trained by SGD, as those that say so."""
    older = planted.group("own", SCORES)
    newer = planted.group("plain", SCORES, optimizer="sgd", clip_norm="None")
    groups = seed_groups(planted.frame(older, newer))
    assert groups["own"].settings["optimizer"] == "sgd"
    assert groups["own"].settings == groups["plain"].settings
    other = planted.group("other", SCORES, optimizer="adamw")
    assert seed_groups(planted.frame(older, other))["own"].settings["optimizer"] == "sgd"


def test_a_target_without_labels_and_one_with_few_of_the_classes():
    unscored = planted.group("own", {"last/source/mIoU": (30.0, 31.0, 32.0)})
    assert noted(unscored) == ["the target was not scored: it has no labels or no split val"]
    classes = {f"last/target/IoU/{name}": (100.0, 100.0, 100.0) for name in ("road", "car")}
    assert noted(planted.group("own", SCORES | classes, num_classes=19)) == [
        "target scores over 2 of 19 classes: car, road"
    ]
    assert noted(planted.group("own", SCORES | classes, num_classes=3)) == []


HEADLINE = ("last/target/mIoU", "last/target/fwIoU", "best/target/mIoU")
UNSCORED = (
    "mIoU last, fwIoU last, mIoU best are no number in 1 of 3 runs, which their means leave out: not scored on target "
    "labels; `msl evaluate` scores a run's checkpoint, in a row of its own"
)


def headline(*values, **more):
    """Notes on scores of the target that all three measures have alike."""
    measures = [Measure(which, f"target/{name}") for which, _, name in map(schema.parse_metric, HEADLINE)]
    return noted(planted.group("own", dict.fromkeys(HEADLINE, values) | more), measures=measures)


def test_a_run_that_was_not_scored_on_target_labels_has_one_footnote():
    """Criteria and scores of the source are there all the same."""
    assert headline(math.nan, 31.0, 32.0) == [UNSCORED]
    criteria = {"last/target/criteria/entropy": (0.2, 0.3, 0.4), "last/source/mIoU": (60.0, 61.0, 62.0)}
    assert headline(math.nan, 31.0, 32.0, **criteria) == [UNSCORED]


def test_numbers_that_are_missing_in_a_run_with_other_scores_have_no_reason():
    pa = {"last/target/PA": (80.0, 81.0, 82.0)}
    assert headline(math.nan, 31.0, 32.0, **pa) == [UNSCORED.partition(":")[0]]
    assert headline(30.0, 31.0, 32.0) == []


def test_a_criterion_needs_no_labels():
    entropy = Measure("last", "target/criteria/entropy")
    scores = {"last/target/mIoU": (math.nan, 31.0, 32.0), entropy.key: (math.nan, 0.3, 0.4)}
    note = f"{entropy.heading} is no number in 1 of 3 runs, which its mean leaves out"
    assert noted(planted.group("own", scores), measures=[entropy]) == [note]


def test_numbers_that_are_missing_in_other_runs_have_footnotes_of_their_own():
    scores = {"last/target/mIoU": (math.nan, 31.0, 32.0), "last/target/PA": (80.0, 81.0, math.nan)}
    measures = [MIOU, Measure("last", "target/PA")]
    assert noted(planted.group("own", scores), measures=measures) == [
        f"{name} last is no number in 1 of 3 runs, which its mean leaves out" for name in ("mIoU", "PA")
    ]


def test_an_installed_version_stands_for_the_commit():
    rows = planted.group("own", SCORES, commit="")
    for run in rows:
        run[schema.CODE_VERSION] = "0.1.0+12345678"
    assert noted(rows) == ["code 0.1.0+12345678, the baseline's aaaaaaaa"]


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_an_infinite_seed_gets_its_footnote(value):
    note = "mIoU last is infinite in 1 of 3 runs, which its mean leaves out"
    assert note in noted(planted.group("own", {"last/target/mIoU": (30.0, value, 32.0)}))
    assert noted(planted.group("own", SCORES)) == []


def test_data_that_was_left_out_and_precision_are_told():
    rows = planted.group("own", SCORES)
    for row in rows:
        row[schema.DATA_SKIPPED] = "gta5/train 87"
    assert noted(rows) == ["samples left out: gta5/train 87, the baseline's none"]
    rows[0][schema.DATA_SKIPPED] = "gta5/train 3"
    assert "its seeds left out different samples: gta5/train 3; gta5/train 87" in noted(rows)
    precise = planted.group("plain", SCORES, precision="float32")
    coarse = planted.group("own", SCORES, precision="bfloat16")
    assert noted(coarse, reference=precise) == ["precision bfloat16, the baseline's float32"]


def test_runs_that_cannot_be_repeated_are_told():
    note = "deterministic=false in 3 of 3 runs: another run of a seed would differ"
    assert noted(planted.group("own", SCORES, deterministic="False")) == [note]
    assert noted(planted.group("own", SCORES, deterministic="True")) == []
