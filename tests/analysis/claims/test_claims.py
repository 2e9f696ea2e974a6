import math
import re
from pathlib import Path

import numpy as np
import planted
import pytest

from analysis import open_store
from analysis.claims.candidates import DOMAINS, candidates, style_of
from analysis.claims.claims import CLAIMS, Region
from analysis.claims.table import claim_table
from analysis.claims.verdicts import decide, find_claims, judge
from analysis.errors import AnalysisError
from analysis.seeds import Interval, seed_groups, with_trends
from analysis.tables import as_csv, as_text
from msl.data.catalog import domain_names
from msl.recipes import find_recipe
from msl.studies import Graph, find_study

SEEDS = (-1.2, 0.0, 1.2)  # what a seed does to all groups alike, points
IW_MULTI = {"target_mode": "IW_maxsquare", "multi": True, "lambda_target": 0.09}
AUX = "ambulance"


def around(means, number):
    """A number a seed around each mean: what the seed does to all, and a little of the group's own."""
    wide = {metric: 0.01 if "loss" in metric or "drop" in metric else 1.0 for metric in means}
    both = [seed + 0.02 * math.sin(10 * number + i) for i, seed in enumerate(SEEDS)]
    return {metric: [mean + wide[metric] * noise for noise in both] for metric, mean in means.items()}


def target(miou, fwiou=77.8, pa=87.1, loss=-5.6e-2, source=63.0, fall=-0.5, drop=2.0):
    return {
        "last/target/mIoU": miou,
        "last/target/fwIoU": fwiou,
        "last/target/PA": pa,
        "last/source/mIoU": source,
        "last/loss/target": loss,
        "fall/loss/source": fall,
        "fall/loss/target": fall,
        "drop/target/mIoU": drop,
    }


def source(miou, pa):
    return {"last/source/mIoU": miou, "last/source/PA": pa}


def report(**changed):
    """The report's experiments as it found them; `changed` gives a group other means, or None to leave it out."""
    both = f"{AUX}_gta5pcity_retrain_alpha1stylewt1"
    experiments = {
        "single": ("pretrain", source(71, 94.9), {}, ""),
        "multi": ("pretrain", source(72, 95.0), {"multi": True}, ""),
        "ms": ("adapt", target(43.0), {}, ""),
        "iw": ("adapt", target(44.0), {"target_mode": "IW_maxsquare"}, ""),
        "multi_iw": ("adapt", target(45.0), IW_MULTI, ""),
        "solo": ("target_solo", target(44.9, pa=87.5, loss=-0.2), {**IW_MULTI, "round_num": 20}, ""),
        "styled_single": ("pretrain", source(65, 93.4), {}, AUX),
        "styled_multi": ("pretrain", source(66, 93.4), {"multi": True}, AUX),
        "styled": ("adapt", target(40.0, 77.9, 87.0), IW_MULTI, AUX),
        "retrained": ("adapt", target(40.2, 79.1, 87.7), IW_MULTI, f"{AUX}_retrain"),
        "alpha1": ("adapt", target(43.7, 80.98, 89.0), IW_MULTI, both),
        "direct": ("adapt", target(43.0, 78.9, 87.6), IW_MULTI, "cityscapes"),
        "v3": ("pretrain", source(67, 94.4), {"network": "deeplabv3plus"}, AUX),
        "v3_lr": ("pretrain", source(70, 95.5), {"network": "deeplabv3plus", "lr": 1e-3}, AUX),
    }
    rows = []
    for number, (name, (stage, means, settings, style)) in enumerate(experiments.items()):
        means = changed.get(name, means)
        if means is not None:
            suffix = f"_{style}" if style else ""
            data = f"gta5{suffix}", "cityscapes" + (suffix if style not in ("", "cityscapes") else "")
            rows.append(planted.group(name, around(means, number), stage=stage, data=data, **settings))
    for name in ("single", "multi"):
        if changed.get(name, True) is not None:
            scores = around({"source/mIoU": 77.0}, name == "multi")
            parents = [f"{name} {seed}" for seed in range(3)]
            rows.append(planted.group(f"evaluate {name}", scores, stage="evaluate", parents=parents, split="train"))
    return planted.frame(*rows)


def verdicts(runs, *ids):
    return {finding.claim.id: finding.verdict for finding in judge(runs, find_claims(ids))}


def test_a_store_in_which_the_report_is_true():
    assert verdicts(report()) == dict.fromkeys([f"C{number}" for number in range(1, 13)], "supported")


def test_the_numbers_and_runs_behind_a_verdict():
    (finding,) = judge(report(), find_claims(["C9"]))
    assert {role: candidate.group.name for role, candidate in finding.groups.items()} == {
        "multi_MS_IW": "multi_iw",
        "styled, alpha 1, weight 1": "alpha1",
    }
    assert finding.context == ("gta5", "cityscapes", "resnet101")
    fwiou = finding.evidence[0]
    assert fwiou.value == pytest.approx(3.18, abs=0.02)
    assert fwiou.interval.low < 3.18 < fwiou.interval.high
    assert (fwiou.n, fwiou.run_ids) == (
        3,
        tuple(f"{name} {seed}" for name in ("alpha1", "multi_iw") for seed in range(3)),
    )
    assert "source gta5_ambulance_gta5pcity_retrain_alpha1stylewt1, the baseline's gta5" in fwiou.notes


@pytest.mark.parametrize(
    ("claim", "changed"),
    [
        ("C1", {"multi": source(70, 95)}),
        ("C2", {"iw": target(42.0)}),
        ("C3", {"ms": target(43, source=75)}),
        ("C5", {"solo": target(47.0, pa=87.5, loss=-0.2)}),
        ("C6", {"styled_single": source(73, 96)}),
        ("C7", {"styled": target(44.9)}),
        ("C8", {"retrained": target(40.2, 76.0, 87.7)}),
        ("C9", {"alpha1": target(46.0, 80.98, 89)}),
        ("C10", {"direct": target(44.5, 78.9, 87.6)}),
        ("C11", {"v3_lr": source(67.1, 94.4)}),
        ("C12", {"iw": target(44.0, drop=0.0)}),
        ("C12", {"iw": target(44.0, fall=0.3)}),
    ],
)
def test_a_store_in_which_a_claim_is_false(claim, changed):
    assert verdicts(report(**changed), claim) == {claim: "not supported"}


def test_a_short_table_has_one_row_for_all_that_was_not_run():
    findings = judge(report(single=None, direct=None, v3=None, v3_lr=None), find_claims())
    absent = [finding.claim.id for finding in findings if finding.verdict == "not run"]
    short, whole = (claim_table(findings, "last", is_short=is_short) for is_short in (True, False))
    *others, last = short.rows
    assert len(absent) > 1
    assert last[0].text == ", ".join(absent)
    assert len(others) == len(whole.rows) - len(absent)
    reasons = [short.notes[mark - 1] for mark in last[-1].marks]
    assert [reason.partition(":")[0] for reason in reasons] == absent
    assert all("no finished, comparable group" in reason for reason in reasons)


def test_seeds_that_hardly_differ_refute_that_repeats_do():
    runs = report()
    adapted = runs["msl.group"].isin(["ms", "iw", "multi_iw"])
    runs.loc[adapted, "last/target/mIoU"] = 40 + 0.01 * runs.loc[adapted, "cfg.seed"].astype(float)
    assert verdicts(runs, "C4") == {"C4": "not supported"}


@pytest.mark.parametrize("claim", ["C2", "C9", "C10"])
def test_noise_leaves_a_claim_undecided(claim):
    runs = report()
    for column in ("last/target/mIoU", "last/target/fwIoU", "last/target/PA"):
        runs[column] += np.random.default_rng(1).normal(0, 20, len(runs))
    (finding,) = judge(runs, find_claims([claim]))
    assert finding.verdict == "undecided"
    assert "interval crosses a bound" in {item.reason for item in finding.evidence}


def test_one_seed_leaves_every_claim_undecided():
    runs = report()
    findings = judge(runs[runs["cfg.seed"] == "0"], CLAIMS)
    assert {finding.verdict for finding in findings} == {"undecided"}
    assert {item.reason for finding in findings for item in finding.evidence} == {"too few seeds"}
    assert all(item.interval is None for finding in findings for item in finding.evidence)


def test_a_missing_experiment_is_named():
    runs = report(solo=None, iw=None)
    (solo,) = judge(runs, find_claims(["C5"]))
    assert (solo.verdict, solo.evidence[0].run_ids) == ("not run", ())
    assert solo.evidence[0].reason.startswith("no finished, comparable group: target_solo (stage target_solo, ")
    (order,) = judge(runs, find_claims(["C2"]))
    assert order.verdict == "not run"  # MS and multi_MS_IW alone decide neither statement
    assert verdicts(runs, "C3") == {"C3": "supported"}  # said of each objective by itself


def test_part_of_a_claim_not_run_leaves_it_undecided():
    runs = report(v3_lr=None)
    (finding,) = judge(runs, find_claims(["C11"]))
    assert [item.verdict for item in finding.evidence] == ["supported", "supported", "not run"]
    assert finding.verdict == "undecided"


def test_a_weight_of_zero_is_no_objective():
    runs = report()
    runs.loc[runs["msl.group"] == "iw", "cfg.lambda_target"] = "0.0"
    assert verdicts(runs, "C2") == {"C2": "not run"}


def test_groups_that_differ_in_another_setting_are_not_compared():
    runs = report()
    runs.loc[runs["msl.group"] == "multi_iw", "cfg.lr"] = "0.1"
    assert verdicts(runs, "C9", "C5") == {"C9": "not run", "C5": "not run"}


def test_of_several_the_nearest_group_is_taken():
    strong = planted.group("strong", around(target(20.0), 0), **{**IW_MULTI, "lambda_target": 10.0})
    runs = planted.frame(report().to_dict("records"), strong)
    runs.loc[runs["msl.group"] == "multi_iw", "cfg.lambda_target"] = "0.1"
    (finding,) = judge(runs, find_claims(["C2"]))
    assert finding.groups["multi_MS_IW"].group.name == "multi_iw"


def test_each_pair_of_domains_is_a_case_of_its_own():
    other = report()
    other["msl.data.source"] = other["msl.data.source"].str.replace("gta5/", "synthia/")
    other["msl.group"], other["run_id"] = "other " + other["msl.group"], "other " + other["run_id"]
    other["last/source/mIoU"] *= -1
    findings = judge(planted.frame(report().to_dict("records"), other.to_dict("records")), find_claims(["C1"]))
    assert {finding.context[0]: finding.verdict for finding in findings} == {
        "gta5": "supported",
        "synthia": "not supported",
    }


@pytest.mark.parametrize(
    ("region", "interval", "verdict"),
    [
        (Region(low=0), Interval(0.1, 2), "supported"),
        (Region(low=0), Interval(-0.1, 2), "undecided"),
        (Region(low=0), Interval(-2, -0.1), "not supported"),
        (Region(low=0), Interval(0, 0), "not supported"),
        (Region(-1, 1), Interval(-0.5, 0.9), "supported"),
        (Region(-1, 1), Interval(0.5, 1.1), "undecided"),
        (Region(-1, 1), Interval(1.1, 2), "not supported"),
        (Region(-1, 1, outside=True), Interval(1.1, 2), "supported"),
        (Region(-1, 1, outside=True), Interval(-0.5, 0.9), "not supported"),
        (Region(-1, 1, outside=True), Interval(-1.5, 0.9), "undecided"),
        (Region(high=0), None, "undecided"),
    ],
)
def test_where_an_interval_lies_decides(region, interval, verdict):
    assert decide(region, interval) == verdict


@pytest.mark.parametrize(
    ("base", "name", "style"),
    [
        ("gta5", "gta5", "plain"),
        ("gta5", "gta5_ambulance", "published"),
        ("gta5", "gta5_ambulance_retrain", "retrained"),
        ("gta5", "gta5_ambulance_gta5pcity_retrain_alpha1stylewt1", "alpha1_weight1"),
        ("gta5", "gta5_ambulance_alpha1.0_weight1.0", "alpha1_weight1"),
        ("gta5", "gta5_ambulance_gta5pcity_retrain_alpha1wts1", "alpha1_weight1"),
        ("gta5", "gta5_ambulance_retrain_alpha1stylewt5", "variant"),
        ("gta5", "gta5_ambulance_alpha0p5wts10", "variant"),
        ("gta5", "gta5_ambulance_alpha1wts10", "variant"),
        ("gta5", "gta5_ambulance_alpha1wts1p5", "variant"),
        ("gta5", "gta5_cityscapes", "direct"),
        ("streets", "streets_streets_real", "direct"),
    ],
)
def test_styles_by_name(base, name, style):
    assert style_of(base, name) == style


def test_what_a_styled_domain_was_made_of():
    pairs = [("streets_ambulance", "streets_real_ambulance"), ("ring", "road"), ("ring_ambulance", "road_ambulance")]
    scores = {"last/target/mIoU": (1.0,)}
    groups = seed_groups(planted.frame(*(planted.group(a, scores, seeds=(0,), data=(a, b)) for a, b in pairs)))
    candidates_by_group = {candidate.group.name: candidate for candidate in candidates(groups.values())}
    bases = {name: (c.settings["source"], c.settings["target"]) for name, c in candidates_by_group.items()}
    assert bases == {
        "streets_ambulance": ("streets", "streets_real"),
        "ring": ("ring", "road"),
        "ring_ambulance": ("ring", "road"),
    }
    assert [candidates_by_group[name].style for name, _ in pairs] == ["published", "plain", "published"]


def test_every_domain_with_a_name_is_known():
    assert set(domain_names()) == DOMAINS


def of_recipe(name, stage, style=""):
    """A run of a recipe's stage, on data of a style."""
    suffix = f"_{style}" if style else ""
    settings = getattr(find_recipe(name), stage).flat()
    data = f"gta5{suffix}", "cityscapes" + (suffix if style != "cityscapes" else "")
    means = {**source(70, 94), **target(44)}
    return planted.group(f"{stage} {name} {style}", {k: (v,) for k, v in means.items()}, stage, (0,), data, **settings)


@pytest.mark.parametrize("prefix", ["paper/", "gta5_cityscapes"])
def test_runs_of_the_recipes_are_recognised(prefix):
    """One run of each experiment, with the settings that its recipe resolves to: every claim has its groups."""
    ms, iw, multi, v3plus, v3plus_lr = {
        "paper/": ("paper/MS", "paper/IW_MS", "paper/multi_MS_IW", "paper/deeplabv3p", "paper/deeplabv3p_lr1e-3"),
        "gta5_cityscapes": (*(f"gta5_cityscapes{end}" for end in ("", "_iw", "_iw_multi", "_deeplabv3p")), None),
    }[prefix]
    styles = (AUX, f"{AUX}_retrain", f"{AUX}_gta5pcity_retrain_alpha1stylewt1", "cityscapes")
    runs = planted.frame(
        *(of_recipe(name, "pretrain") for name in (ms, multi)),
        *(of_recipe(name, "adapt") for name in (ms, iw, multi)),
        of_recipe(multi, "target_solo"),
        *(of_recipe(name, "pretrain", AUX) for name in (ms, multi, v3plus, v3plus_lr) if name),
        *(of_recipe(multi, "adapt", style) for style in styles),
    )
    missing = {
        finding.claim.id: [item.statement.role for item in finding.evidence if item.verdict == "not run"]
        for finding in judge(runs, CLAIMS)
    }
    on_train = {"C1": ["pretrain multi on train"]}
    without_lr = {} if v3plus_lr else {"C11": ["DeepLabV3+, other lr"]}
    assert {claim: names for claim, names in missing.items() if names} == on_train | without_lr


def of_node(node):
    """A run of a study's node."""
    settings = node.request.settings.flat()
    data = tuple(Path(settings[role]).stem if settings.get(role) else "" for role in ("source", "target"))
    means = {**source(70, 94), **target(44)}
    parents = [f"{need.key} 0" for need in node.needs.values()]
    values = {k: (v,) for k, v in means.items()}
    return planted.group(node.key, values, node.request.stage, (0,), data, parents=parents or None, **settings)


@pytest.mark.parametrize("scale", ["full", "camvid_gpu", "camvid", "smoke"])
def test_the_study_of_the_report_has_the_groups_of_every_claim(scale):
    stages = ("pretrain", "adapt", "target_solo")
    nodes = [node for node in Graph.of(find_study("report", scale)) if node.request.stage in stages]
    recipes = {node.key: node.request.recipe.partition("/")[2] for node in nodes}
    findings = {finding.claim.id: finding for finding in judge(planted.frame(*map(of_node, nodes)), CLAIMS)}
    missing = [
        (name, item.statement.role)
        for name, finding in findings.items()
        for item in finding.evidence
        if item.verdict == "not run"
    ]
    assert missing == [("C1", "pretrain multi on train")]  # `evaluate -P split=train` scores it
    ours = {name: [recipes[c.group.name] for c in finding.groups.values()] for name, finding in findings.items()}
    assert ours["C6"] == ["MS", "multi_MS_IW", "trans", "trans_multi"]
    assert ours["C7"] == ["multi_MS_IW", "trans_multi"]
    assert ours["C8"] == ["multi_MS_IW", "trans_multi", "trans_retrain"]
    assert ours["C9"] == ["multi_MS_IW", "trans_alpha1wts1"]
    assert ours["C10"] == ["no_auxiliary", "trans_alpha1wts1"]
    assert ours["C11"] == ["trans_deeplabv3p", "trans_deeplabv3p", "trans_alpha1wts1"]


def test_claims_are_the_reports():
    assert [claim.id for claim in CLAIMS] == [f"C{number}" for number in range(1, 13)]
    for claim in CLAIMS:
        names = [role.name for role in claim.roles]
        assert {s.role for s in claim.statements} | {s.reference for s in claim.statements} <= {*names, None}
    with pytest.raises(AnalysisError, match="no claim 'C21' in this store; nearest: C1, C2"):
        find_claims(["C21"])


def without_target(**adaptation):
    """A pretraining without a target, that nobody asked to be a parent, and an adaptation to cityscapes."""
    pretrain = planted.group("alone", around(source(71, 94.9), 0), "pretrain", data=("gta5", ""), target="None")
    for run in pretrain:
        del run["msl.data.target"]
    return planted.frame(pretrain, planted.group("ms", around(target(43.0), 1), **adaptation))


def test_a_pretraining_without_a_target_is_no_case_of_adaptation():
    (finding,) = judge(without_target(parents=[f"other {seed}" for seed in range(3)]), find_claims(["C3"]))
    assert (finding.verdict, finding.context) == ("not run", ("gta5", "cityscapes", "resnet101"))
    assert [candidate.group.name for candidate in finding.groups.values()] == ["ms"]


def test_a_parent_without_a_target_is_compared_with_what_started_from_it():
    (finding,) = judge(without_target(parents=[f"alone {seed}" for seed in range(3)]), find_claims(["C3"]))
    assert (finding.verdict, finding.context) == ("supported", ("gta5", "cityscapes", "resnet101"))
    assert [candidate.group.name for candidate in finding.groups.values()] == ["alone", "ms"]


def test_a_claim_about_the_source_needs_no_target():
    runs = without_target().to_dict("records")
    multi = planted.group("multi", around(source(72, 95), 1), "pretrain", data=("gta5", ""), target="None", multi=True)
    for run in multi:
        del run["msl.data.target"]
    findings = judge(planted.frame(runs, multi), find_claims(["C1", "C3"]))
    assert [(finding.claim.id, finding.context[1]) for finding in findings] == [("C1", "None"), ("C3", "cityscapes")]
    assert "gta5, resnet101" in as_text(claim_table(findings, "last"))


def test_the_table():
    findings = judge(report(solo=None), find_claims(["C5", "C9"]))
    text = as_text(claim_table(findings, "last"))
    assert re.search(r"^C5 target_solo .* not run \[1\]$", text, re.MULTILINE)
    assert re.search(
        r"^\s\sstyled, alpha 1, weight 1 − multi_MS_IW: fwIoU .*> 0 +\+3.19 +\+3.1\d \[", text, re.MULTILINE
    )
    rows = as_csv(claim_table(findings, "last")).splitlines()
    assert len(rows) == 1 + 1 + 4
    assert "alpha1 0 alpha1 1 alpha1 2 multi_iw 0 multi_iw 1 multi_iw 2" in rows[3]


def test_from_a_real_store(store, add_run):
    """MS below IW in every seed; losses fall and target mIoU fluctuates."""
    for mode, base in (("maxsquare", 40.0), ("IW_maxsquare", 42.0)):
        for seed in range(3):
            falling = [(10 * i, 2.0 - 0.1 * i, 1000 + i) for i in range(1, 7)]
            scores = [(12 * i, base + seed + (2.0 if i % 2 else 0.0), 1000 + i) for i in range(5)]
            losses = {"loss/source": falling, "loss/target": [(s, v - 2.0, t) for s, v, t in falling]}
            metrics = {"last/target/mIoU": base + seed + seed * base / 1000, "target/mIoU": scores, **losses}
            settings = {"multi": False, "lambda_target": 0.1, "source": "gta5", "target": "cityscapes"}
            add_run(mode, seed, metrics, target_mode=mode, **settings)
    opened = open_store(store)
    order, repeats, trends = judge(with_trends(opened, opened.runs()), find_claims(["C2", "C4", "C12"]))
    assert [item.verdict for item in order.evidence] == ["supported", "not run"]
    assert order.evidence[0].value == pytest.approx(2.002)
    assert repeats.evidence[0].value == pytest.approx(1.04)
    assert trends.verdict == "supported"
    assert [item.value for item in trends.evidence[:3]] == pytest.approx([-0.4, -0.4, 2.0])
    assert all(math.isnan(item.value) for item in trends.evidence[6:])
