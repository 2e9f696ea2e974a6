"""The parts of a gain, from planted runs whose parts are known."""

import math
import re

import planted
import pytest

from analysis.comparison import Gap, attribution, attribution_table, dose, find_twin
from analysis.errors import AnalysisError
from analysis.figures import gains_plot
from analysis.seeds import find_measure, seed_groups
from analysis.tables import as_csv, as_text

MIOU = "last/target/mIoU"
PARENTS = [f"source only {seed}" for seed in range(3)]
STEPS = {"poly_power": 0.9}


def scores(start, *jitter):
    return {MIOU: [start + noise for noise in (jitter or (-1.0, 0.0, 1.0))]}


def groups(*more):
    return planted.frame(
        planted.group("source only", scores(30.0), stage="pretrain"),
        planted.group("bn", scores(34.0), stage="bn", parents=PARENTS, **BN),
        planted.group("twin", scores(36.0), parents=PARENTS, lambda_target=0, **STEPS),
        planted.group("MS", scores(36.5, -1.0, 0.0, 1.3), parents=PARENTS, **STEPS),
        *more,
    )


# Stage bn records no setting that only steps read.
BN = dict.fromkeys(("target_mode", "lambda_target", "iw_ratio", "round_num", "epoch_each_round", "epoch_iters"), "")


def test_the_parts_add_up():
    (part,) = attribution(groups())
    assert (part.group.name, part.twin.name) == ("MS", "twin")
    assert part.source_only.mean == 30.0
    assert (part.statistics.mean, part.steps.mean) == (4.0, 2.0)
    assert part.objective.mean == pytest.approx(0.6)
    assert part.total.mean == pytest.approx(part.statistics.mean + part.steps.mean + part.objective.mean)
    low, high = part.objective.interval().low, part.objective.interval().high
    half = 4.302653 * math.sqrt(3) / 10 / math.sqrt(3)  # t of 2 degrees of freedom; differences 0.5, 0.5, 0.8
    assert (low, high) == pytest.approx((0.6 - half, 0.6 + half), abs=1e-5)
    assert part.notes == ()


def test_the_table_says_each_part_with_its_interval():
    runs = groups(planted.group("IW", scores(35.0), parents=PARENTS, target_mode="IW_maxsquare", **STEPS))
    text = as_text(attribution_table(attribution(runs), find_measure("mIoU", runs)))
    lines = text.splitlines()
    assert "p of the objective by a paired t test, corrected by Holm for the rows" in lines[0]
    assert lines[2].split() == [
        *("group", "n", "source", "only", "statistics", "further", "steps", "objective", "p", "total", "dose")
    ]
    assert lines[4].startswith("MS ")
    assert "+4.00 [+4.00, +4.00]  +2.00 [+2.00, +2.00]  +0.60 [+0.17, +1.03]" in lines[4]
    assert "-1.00 [-1.00, -1.00]  <0.001" in lines[5]  # another objective has the same twin
    header, *rows = as_csv(attribution_table(attribution(runs), find_measure("mIoU", runs))).splitlines()
    assert "objective delta,objective low,objective high,objective p Holm" in header
    assert len(rows) == 2


def with_gap(runs, supervised):
    measure = find_measure("mIoU", runs)
    table = attribution_table(attribution(runs), measure, Gap(seed_groups(runs)[supervised], measure))
    return as_text(table).splitlines()


def test_how_much_of_the_gap_to_a_network_with_labels_is_closed():
    labelled = planted.group("labelled", scores(42.0), stage="pretrain")
    caption, _, head, _, row, *notes = with_gap(groups(labelled), "labelled")
    assert caption.endswith("of the gap: total / (labelled - source only), seed by seed, with Fieller's 95 % interval")
    assert head.split()[-4:] == ["dose", "of", "the", "gap"]
    assert row.endswith("55% [51%, 59%]")  # 6.6 of 12 [6.17, 7.03]
    assert not any(notes)


@pytest.mark.parametrize(
    ("labelled", "cell", "note"),
    [
        # Gains 6.5 and 6.8 of a gap of 12; t of one degree of freedom is 12.706.
        ({"seeds": (0, 2), "metrics": {MIOU: [41.0, 43.0]}}, "55% [40%, 71%]", "of the gap: over seeds 0, 2 only"),
        ({"seeds": (1,), "metrics": {MIOU: [42.0]}}, "54%", "no interval: too few seeds, or the gap itself may be 0"),
        ({"metrics": {MIOU: [20.0, 45.0, 40.0]}}, "132%", "no interval: too few seeds, or the gap itself may be 0"),
        ({"metrics": scores(25.0)}, "–", "labelled is not better than source only"),
        ({"metrics": scores(42.0), "data": ("gta5", "synthia")}, "–", "target cityscapes, that of labelled is synthia"),
        ({"seeds": (7, 8), "metrics": {MIOU: [41.0, 43.0]}}, "–", "no seed that both have"),
    ],
)
def test_what_a_gap_lacks_is_said(labelled, cell, note):
    runs = groups(planted.group("labelled", **labelled, stage="pretrain"))
    _, _, _, _, row, *notes = with_gap(runs, "labelled")
    assert re.sub(r" \[\d[, \d]*\]$", "", row).endswith(cell)
    assert note in "\n".join(notes)


def test_a_score_on_another_source_is_no_way_to_labels():
    source = "last/source/mIoU"
    runs = planted.frame(
        planted.group("source only", {source: [60.0, 61.0, 62.0]}, stage="pretrain"),
        planted.group("MS", {source: [59.0, 61.0, 60.0]}, parents=PARENTS, **STEPS),
        planted.group("labelled", {source: [40.0, 41.0, 42.0]}, stage="pretrain", data=("cityscapes", "cityscapes")),
    )
    gap = Gap(seed_groups(runs)["labelled"], find_measure("source/mIoU", runs))
    assert gap.obstacle(*attribution(runs, "source/mIoU")) == "source gta5, that of labelled is cityscapes"


def test_a_twin_agrees_in_everything_but_the_objective():
    everything = seed_groups(
        groups(
            planted.group("other lr", scores(1.0), parents=PARENTS, lambda_target=0, lr=1e-3),
            planted.group("longer", scores(1.0), parents=PARENTS, lambda_target=0, round_num=9),
            planted.group("multi", scores(1.0), parents=PARENTS, lambda_target=0, multi=True),
        )
    )
    assert find_twin(everything["MS"], list(everything.values())).name == "twin"
    assert find_twin(everything["MS"], [everything["other lr"], everything["longer"], everything["multi"]]) is None


def test_what_is_missing_is_said():
    alone = planted.frame(
        planted.group("source only", scores(30.0), stage="pretrain"),
        planted.group("MS", scores(36.5), parents=PARENTS),
    )
    (part,) = attribution(alone)
    assert math.isnan(part.objective.mean)
    assert part.notes[0].startswith("no finished twin")
    with pytest.raises(AnalysisError, match="no gain has parts to draw"):
        gains_plot([part], find_measure("mIoU", alone))
    figure = gains_plot([*attribution(groups()), part], find_measure("mIoU", alone))
    assert len(figure.axes[0].get_yticklabels()) == 1  # a row without parts would be empty
    without_bn = groups()
    (part,) = attribution(without_bn[without_bn["msl.stage"] != "bn"])
    assert (part.steps.mean, part.notes) == (
        6.0,
        ("no run of stage bn has its parent: further steps include the statistics",),
    )
    with pytest.raises(AnalysisError, match="no finished adaptation with an objective has its finished parent"):
        attribution(planted.frame(planted.group("MS", scores(36.5))))


def test_seeds_of_one_parent_give_the_statistics_once():
    one = ["source only 0"] * 3
    runs = planted.frame(
        planted.group("source only", {MIOU: [30.0]}, stage="pretrain", seeds=(0,)),
        planted.group("bn", {MIOU: [34.0]}, stage="bn", seeds=(0,), parents=one[:1], **BN),
        planted.group("twin", scores(36.0), parents=one, lambda_target=0),
        planted.group("MS", scores(37.0), parents=one),
    )
    (part,) = attribution(runs)
    assert (part.statistics.mean, part.statistics.interval()) == (4.0, None)
    assert part.steps.interval() is not None
    assert part.notes == ("its seeds share one parent: source only and statistics have no interval",)


def test_a_twin_of_another_parent_is_no_pair():
    runs = groups()
    runs.loc[(runs["msl.group"] == "twin") & (runs["cfg.seed"] == "2"), "msl.parent"] = "another"
    (part,) = attribution(runs)
    assert part.objective.group.n == 2
    assert part.notes == (
        "no twin from the same parent for seed 2",
        "its numbers are over different seeds, so they do not add up",
    )
    assert (part.seeds["objective"], part.seeds["total"]) == (("0", "1"), ("0", "1", "2"))


def mixed():
    """Seed 0's parent was not scored on the target; seed 1 has no run of bn and no twin."""
    parents = PARENTS[:2]
    return planted.frame(
        planted.group("source only", {MIOU: [math.nan, 14.43]}, stage="pretrain", seeds=(0, 1)),
        planted.group("bn", {MIOU: [10.0]}, stage="bn", seeds=(0,), parents=parents[:1], **BN),
        planted.group("twin", {MIOU: [9.33]}, seeds=(0,), parents=parents[:1], lambda_target=0),
        planted.group("MS", {MIOU: [10.3, 8.77]}, seeds=(0, 1), parents=parents),
    )


def test_numbers_of_different_seeds_are_told_apart():
    runs = mixed()
    (part,) = attribution(runs)
    assert part.source_only.mean == 14.43
    assert math.isnan(part.statistics.mean)
    assert (part.steps.mean, part.objective.mean) == pytest.approx((-0.67, 0.97))
    assert part.total.mean == pytest.approx(-5.66)
    assert part.seeds == {
        "source only": ("1",),
        "statistics": (),
        "further steps": ("0",),
        "objective": ("0",),
        "total": ("1",),
    }
    _, _, _, _, row, _, *notes = as_text(attribution_table([part], find_measure("mIoU", runs))).splitlines()
    cells = ["MS [1,2,3]", "2", "14.43 [4]", "–", "-0.67 [5]", "+0.97 [5]", "-5.66 [4]"]  # no p of one seed
    assert re.split(r" {2,}", row)[:-1] == cells
    assert notes == [
        "[1] no twin from the same parent for seed 1",
        "[2] no seed has both a run of stage bn and its parent scored",
        "[3] its numbers are over different seeds, so they do not add up",
        "[4] source only, total: over seed 1 only",
        "[5] further steps, objective: over seed 0 only",
    ]


def test_the_seeds_that_are_scored_in_all_runs_add_up():
    """Seed 2's adaptation and twin were not scored on the target: every part is over seeds 0 and 1."""
    runs = groups()
    runs.loc[runs["cfg.seed"] == "2", MIOU] = math.nan
    (part,) = attribution(runs)
    assert part.total.mean == pytest.approx(part.statistics.mean + part.steps.mean + part.objective.mean)
    assert part.notes == ()
    text = as_text(attribution_table([part], find_measure("mIoU", runs)))
    expected = "source only, statistics, further steps, objective, total: over seeds 0, 1 only"
    assert text.splitlines()[-1] == f"[1] {expected}"


def test_a_parent_that_some_seeds_share_counts_once():
    runs = groups()
    runs.loc[(runs["msl.stage"] == "adapt") & (runs["cfg.seed"] == "1"), "msl.parent"] = PARENTS[0]
    (part,) = attribution(runs)
    assert part.source_only.mean == 30.0  # of 29 and 31
    assert part.notes == ("some of its seeds share a parent, which source only and statistics count once",)


def test_dose():
    runs = groups(planted.group("no power", scores(1.0), parents=PARENTS))
    group = seed_groups(runs)["MS"]  # λ 0.1, lr 2.5e-4, 100 iterations
    assert dose(group) == pytest.approx(0.1 * 2.5e-4 * sum((1 - t / 100) ** 0.9 for t in range(100)))
    assert dose(group) == pytest.approx(0.1 * 2.5e-4 * 100 / 1.9, rel=0.02)
