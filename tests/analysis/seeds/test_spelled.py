"""Names that were shortened when their runs began: tables can still tell their groups from each other."""

import planted

from analysis.seeds import find_seed_group, seed_groups
from msl.schema import spelled

LONG = "adapt A B crop_size=128,64"
ONE, TWO = f"{LONG} ~15b0421d", f"{LONG} ~9fa81bc1"


def test_groups_say_in_what_they_differ():
    settings = {"lr": "0.1", "width": "0.25"}
    names = spelled({ONE: {**settings, "lambda_target": "2.0"}, TWO: {**settings, "lambda_target": "0.0"}, "plain": {}})
    assert names == {ONE: f"{ONE} lambda_target=2.0", TWO: f"{TWO} lambda_target=0.0", "plain": "plain"}


def test_what_comparisons_are_about_comes_first_and_three_settings_suffice():
    names = spelled({ONE: {"a": "1", "b": "1", "c": "1", "lr": "1"}, TWO: {"a": "2", "b": "2", "c": "2", "lr": "2"}})
    assert names[TWO] == f"{TWO} lr=2 a=2 b=2"


def test_a_single_group_keeps_its_name():
    assert spelled({ONE: {"lr": "1"}, "plain ~15b0421d": {"lr": "2"}}) == {
        ONE: ONE,
        "plain ~15b0421d": "plain ~15b0421d",
    }


def test_a_group_is_found_by_what_its_name_had_no_room_for():
    scores = {"last/target/mIoU": [1.0, 2.0, 3.0]}
    runs = planted.frame(planted.group(ONE, scores, lambda_target=2.0), planted.group(TWO, scores, lambda_target=0.0))
    groups = seed_groups(runs)
    assert find_seed_group("lambda_target=0.0", groups).name == f"{TWO} lambda_target=0.0"
    assert find_seed_group(ONE, groups).name == f"{ONE} lambda_target=2.0"
