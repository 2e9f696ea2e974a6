"""The graph of a study: what is shared is one node, and a node has the fingerprint that its run will have."""

from cProfile import Profile

import own_data
import pytest
from click.testing import CliRunner
from tiny import SETTINGS, write_domains

from entrypoints import study as study_command
from msl.config import StudyConfig
from msl.data.titles import domain_title
from msl.errors import ConfigError
from msl.studies import Graph, Row, Study, find_study
from msl.studies.conduct import plan_text
from msl.studies.estimate import Estimates
from msl.studies.identity import Identities
from msl.studies.scales import find_scale
from msl.studies.states import standings


@pytest.fixture(autouse=True)
def _domains(tmp_path):
    write_domains(tmp_path)


def study(*rows, seeds=(0,)):
    return Study(name="tiny", rows=tuple(Row(recipe="streets", **row) for row in rows), settings=SETTINGS, seeds=seeds)


def test_what_rows_share_is_one_node():
    graph = Graph.of(study({"stage": "adapt", "twins": True}, {"stage": "target_solo", "seeds": (1,)}, seeds=(0, 1)))
    assert sorted(node.request.stage for node in graph) == ["adapt"] * 4 + ["pretrain"] * 2 + ["target_solo"]
    assert [len(root.children) for root in graph.roots()] == [2, 3]
    assert {node.request.settings.flat()["lambda_target"] for node in graph.declared} == {2.0, 0.0}


def test_a_declared_parent_is_the_one_that_others_need():
    by_stage = ("epoch_iters", "batch_size")  # of each stage: a parent has those of the recipe
    shared = {name: value for name, value in SETTINGS.items() if name not in by_stage}
    rows = Row(stage="adapt", recipe="streets"), Row(stage="pretrain", recipe="streets")
    graph = Graph.of(Study(name="tiny", rows=rows, settings=shared))
    assert len(graph) == 2
    assert len(graph.declared) == 2


def test_a_declared_parent_is_scored_and_placed_as_its_own_row_says():
    parent = {"stage": "pretrain", "settings": {"recalibrate": 2}, "cores": 2}
    shared = {name: value for name, value in SETTINGS.items() if name not in ("epoch_iters", "batch_size")}
    rows = Row(recipe="streets", stage="adapt"), Row(recipe="streets", **parent)
    for order in (rows, rows[::-1]):
        graph = Graph.of(Study(name="tiny", rows=order, settings=shared))
        (node,) = (node for node in graph if node.request.stage == "pretrain")
        assert (node.request.settings.flat()["recalibrate"], node.row.cores) == (2, 2)
        assert node.group == node.request.group_name(domain_title)


def test_rows_that_differ_in_their_scores_alone_are_refused():
    rows = {"stage": "adapt"}, {"stage": "adapt", "settings": {"recalibrate": 2}}
    with pytest.raises(ConfigError, match=r"two rows want adapt streets.* with recalibrate = None and 2\. No weights"):
        Graph.of(study(*rows))
    assert len(Graph.of(study(rows[0], rows[0])).declared) == 1


def test_styled_copies_and_decoders_are_nodes():
    graph = Graph.of(find_study("report", "smoke"))
    stages = [node.request.stage for node in graph]
    assert {"pretrain", "adapt", "target_solo", "joint_adain", "train_style", "stylize"} == set(stages)
    for node in graph:
        assert all(node in need.children for need in node.needs.values())
    joint = next(node for node in graph if node.request.stage == "joint_adain")
    assert set(joint.needs) == {"checkpoint", "decoder"}


@pytest.mark.parametrize("scale", ["camvid_gpu", "camvid", "smoke"])
def test_decoders_learn_from_the_domains_of_the_scale_also_in_place_of_the_published_one(scale):
    small = find_scale(scale)
    domains = {small.domain("gta5"), small.domain("cityscapes")}
    decoders = [node for node in Graph.of(find_study("report", scale)) if node.request.stage == "train_style"]
    for node in decoders:
        assert set(node.request.settings.flat()["content"].split(",")) <= domains
    by_recipe = {child.request.recipe.rpartition("/")[2]: node for node in decoders for child in node.children}
    assert by_recipe["joint_published"] is not by_recipe["joint_retrained"]  # a stand-in has the published weights


@pytest.mark.parametrize("name", ["report", "gains"])
def test_every_scale_has_the_same_rows(name):
    def rows(scale):
        nodes = Graph.of(find_study(name, scale))
        return {(node.request.stage, node.request.recipe.rpartition("/")[2]) for node in nodes}

    # No published decoder fits: `trans` trains one in its place, which is also that of `trans_alpha0p5wts10`.
    assert rows("full") - rows("camvid") <= {("train_style", "trans_alpha0p5wts10")}
    assert rows("camvid") - rows("full") <= {("train_style", "trans")}


@pytest.mark.parametrize("scale", ["full", "camvid_gpu", "camvid", "smoke"])
def test_declared_pretrainings_are_the_parents(scale):
    graph = Graph.of(find_study("report", scale))
    declared = {node.key for node in graph.declared}
    for node in graph:
        if node.request.recipe.endswith("trans_deeplabv3p") and node.request.stage == "adapt":
            assert node.needs["checkpoint"].key in declared


@pytest.mark.parametrize("scale", ["full", "camvid_gpu", "camvid", "smoke"])
def test_gains_can_be_taken_apart(scale):
    graph = Graph.of(find_study("gains", scale))
    for parent in graph.roots():
        children = [(node.request.stage, node.request.settings.flat()) for node in parent.children]
        weights = {values["lambda_target"] for stage, values in children if stage == "adapt"}
        mixed = {values["lambda_mixed"] for stage, values in children if stage == "self_train"}
        if not children:  # the oracle
            settings = parent.request.settings.flat()
            assert settings["source"] == settings["target"]
            continue
        assert "bn" in {stage for stage, _ in children}
        assert 0 in weights
        assert max(weights) > 0
        assert mixed in (set(), {0.0, 1.0})


@pytest.mark.parametrize(("scale", "lengths"), [("full", 1), ("camvid_gpu", 2), ("camvid", 2), ("smoke", 1)])
def test_each_length_of_self_training_has_its_twin(scale, lengths):
    weights_of = {}
    for node in Graph.of(find_study("gains", scale)):
        if node.request.stage == "self_train":
            values = node.request.settings.flat()
            steps = values["epoch_iters"] * values["epoch_each_round"] * values["round_num"]
            weights_of.setdefault((values["seed"], steps), set()).add(values["lambda_mixed"])
    assert all(weights == {0.0, 1.0} for weights in weights_of.values())
    shortest, *longer = sorted({steps for _, steps in weights_of})
    assert longer == [3 * shortest] * (lengths - 1)


def doses(scale):
    """By recipe: weight times sum of the learning rates, which is lr · T / 1.9 on the polynomial schedule."""
    for node in Graph.of(find_study("gains", scale)):
        values = node.request.settings.flat()
        if node.request.stage == "adapt" and values["lambda_target"]:
            steps = values["epoch_iters"] * values["epoch_each_round"] * values["round_num"]
            yield node.request.recipe.partition("/")[2], values["lambda_target"] * values["lr"] * steps / 1.9


@pytest.mark.parametrize("scale", ["camvid_gpu", "camvid"])
def test_adaptations_of_small_scales_have_the_dose_of_the_papers_multi(scale):
    paper = dict(doses("full"))["multi_MS_IW"]
    assert round(paper, 2) == 0.35
    small = [dose for _, dose in doses(scale)]
    assert small == pytest.approx([paper] * len(small), rel=0.03)
    assert small


def test_identities_differ_where_results_do():
    graph, identities = Graph.of(study({"stage": "adapt", "twins": True}, seeds=(0, 1))), Identities(None)
    identities.identify_all(graph)
    assert len({node.fingerprint for node in graph}) == len(graph) == 6
    assert not identities.missing


def test_missing_data_is_said_and_not_raised():
    graph = Graph.of(study({"stage": "pretrain", "settings": {"source": "gta5", "data_root": "nowhere"}}))
    identities = Identities(None)
    identities.identify_all(graph)
    (text,) = identities.missing.values()
    assert "nowhere" in text


def calls_of_a_plan(repeats):
    """How many functions are called to plan three runs a seed: the same number on every machine."""
    profile = Profile()
    profile.enable()
    graph, identities = (
        Graph.of(study({"stage": "adapt", "twins": True}, seeds=tuple(range(repeats)))),
        Identities(None),
    )
    identities.identify_all(graph)
    known = standings(None, graph)
    assert Estimates().total_s(graph, 2) is None
    profile.disable()
    assert len(graph) == len(known) == 3 * repeats
    return sum(entry.callcount for entry in profile.getstats())


def test_a_plan_of_a_thousand_runs_takes_seconds():
    list(plan_text(study({"stage": "adapt"}), StudyConfig(name="tiny")))  # everything is imported
    calls = calls_of_a_plan(334)
    assert calls < 10_000 * 1002  # 7.7 million take five seconds of a slow processor
    assert calls < 10.5 * calls_of_a_plan(33)  # 334 / 33 = 10.1


def test_a_plan_makes_nothing(tmp_path):
    first, second, *tree = plan_text(study({"stage": "adapt", "twins": True}), StudyConfig(name="tiny"))
    assert first == "study tiny"
    assert second.startswith("3 runs: 0 done, 3 to do; not estimated")
    assert [line[:3] for line in tree] == ["· p", "├─ ", "└─ "]
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.yaml", "tiny_real.yaml"}


def test_without_a_recipe_the_settings_fit_the_data(tmp_path):
    source, target = map(str, own_data.two_domains(tmp_path))
    shared = {"source": source, "target": target, "weights": "none"}
    graph = Graph.of(Study(name="own", rows=(Row(stage="adapt", twins=True),), settings=shared))
    assert sorted(node.request.stage for node in graph) == ["adapt", "adapt", "pretrain"]
    assert {node.request.settings.flat()["crop_size"] for node in graph} == {"64,32"}
    assert {node.request.settings.flat()["lambda_target"] for node in graph.declared} == {0.0, 0.1}


def test_a_row_that_is_wrong_is_named_with_its_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("rows:\n- {stage: adapt, recipe: [streets]}\n")
    with pytest.raises(ConfigError, match=r"study mine.yaml: .*recipe"):
        find_study("mine.yaml")


def test_a_baseline_that_is_no_group_of_the_plan_is_refused_before_anything_is_trained(tmp_path):
    settings = "{source: tiny.yaml, target: tiny_real.yaml, crop_size: '64,32', target_crop_size: '64,32', width: 0.25}"
    rows = "- {stage: adapt, recipe: streets, twins: true}"
    for baseline, exit_code in (("lambda_target=0.0", 0), ("lamda_target=0.0", 1)):
        (tmp_path / "mine.yaml").write_text(f"baseline: {baseline}\nsettings: {settings}\nrows:\n{rows}\n")
        result = CliRunner().invoke(study_command.main, ["--name", "mine.yaml", "--dry_run", "true"])
        assert result.exit_code == exit_code, result.output
    assert "study mine: baseline = 'lamda_target=0.0' is the name of no group of its plan" in result.output
    assert "lambda_target=0.0" in result.output.partition("Choose one of: ")[2]


def test_names_that_were_shortened_say_in_what_they_differ(tmp_path):
    settings = "{source: tiny.yaml, target: tiny_real.yaml, crop_size: '64,32', target_crop_size: '64,32', width: 0.25}"
    rows = "- {stage: adapt, recipe: streets, twins: true, seeds: [0, 1]}"
    (tmp_path / "mine.yaml").write_text(f"settings: {settings}\nrows:\n{rows}\n")
    result = CliRunner().invoke(study_command.main, ["--name", "mine.yaml", "--dry_run", "true"])
    assert result.exit_code == 0, result.output
    adapted = [line for line in result.output.splitlines() if "adapt streets" in line]
    assert [line.partition("lambda_target=")[2].split()[0] for line in adapted] == ["2.0", "0.0"] * 2
    assert all(" ~" in line and f"seed={i // 2}" in line for i, line in enumerate(adapted))


def test_a_yaml_file(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "seeds: [3]\nsettings: {source: tiny.yaml}\nrows:\n- {stage: pretrain, recipe: streets}\n"
    )
    graph = Graph.of(find_study("mine.yaml"))
    (node,) = graph
    assert graph.title(node) == f"{node.group} seed=3"
    assert node.group.startswith("pretrain streets source=tiny@")
    assert node.request.overrides == {"source": "tiny.yaml", "seed": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("rows: []", "rows"),
        ("rows:\n- {stage: adept, recipe: streets}", "stage = 'adept'.*did you mean adapt"),
        ("rows:\n- {stage: adapt, recipe: streats}", "Did you mean streets"),
        ("rows:\n- {stage: adapt, recipe: streets, seed: 1}", "seed.*unknown key"),
        ("- 1", "rows:"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, content, message):
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(ConfigError, match=message):
        Graph.of(find_study("mine.yaml"))


def test_an_unknown_study_is_refused():
    with pytest.raises(ConfigError, match="did you mean report"):
        find_study("raport")
