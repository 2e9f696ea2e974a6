"""The short form of ``tests/kills.py``: a killed training that is taken up is an undisturbed one in the end."""

import random

from kills import disturb, place, train_whole

SEEDS = (6, 9)  # in an evaluation and in uploads; 2 workers and 1


def test_a_killed_training_is_in_the_end_what_an_undisturbed_one_is(tmp_path):
    with place(tmp_path) as site:
        train_whole(site, "pretrain")
        for seed in SEEDS:
            assert disturb(site, "pretrain", f"pretrain {seed}", random.Random(seed), most_kills=2)
