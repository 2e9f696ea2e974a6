import planted
import pytest

from analysis.comparison import ablation
from analysis.errors import AnalysisError
from analysis.seeds import INERT
from msl.config import AdaptConfig, EvaluateConfig, PretrainConfig, TargetSoloConfig

MIOU = "last/target/mIoU"


def group(name, mean, **settings):
    return planted.group(name, {MIOU: (mean - 1, mean, mean + 1)}, **settings)


def test_values_in_order_with_differences_to_the_first():
    runs = planted.frame(
        group("c", 33.0, lambda_target=10.0), group("a", 30.0, lambda_target=0.0), group("b", 32.0, lambda_target=2.0)
    )
    families = ablation(runs, "lambda_target", ["mIoU"])
    assert list(families) == [""]
    rows = families[""].rows
    assert [(r.label, r.deltas[0]) for r in rows] == [("0.0", 0.0), ("2.0", 2.0), ("10.0", 3.0)]


def test_only_what_agrees_in_all_else_is_compared():
    runs = planted.frame(
        *(group(f"{m} {v}", 30.0 + v, lambda_target=v, multi=m) for m in (True, False) for v in (0, 1)),
        group("alone", 50.0, lambda_target=3, threshold=0.5),
    )
    families = ablation(runs, "lambda_target", ["mIoU"])
    assert set(families) == {"multi=True", "multi=False"}
    assert {r.group.name for family in families.values() for r in family.rows}.isdisjoint({"alone"})


def test_settings_that_may_differ_along_with_it_are_told():
    runs = planted.frame(group("single", 30.0, lambda_target=0.1), group("multi", 31.0, lambda_target=0.09, multi=True))
    message = (
        "no two finished groups differ in multi alone; nearest: multi and single, which differ in lambda_target too"
    )
    with pytest.raises(AnalysisError, match=message):
        ablation(runs, "multi", ["mIoU"])
    (family,) = ablation(runs, "multi", ["mIoU"], but=["lambda_target"]).values()
    assert [r.label for r in family.rows] == ["False, lambda_target=0.1", "True, lambda_target=0.09"]


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("lamda_target", "no parameter 'lamda_target' in this store; nearest: lambda_target"),
        ("seed", "seed changes no weights, or makes the seed groups"),
        ("backbone", "differ in backbone alone; it is resnet101 in all of a stage"),
    ],
)
def test_nothing_to_ablate(parameter, message):
    runs = planted.frame(group("a", 30.0, lambda_target=0.1), group("b", 31.0, lambda_target=0.2))
    with pytest.raises(AnalysisError, match=message):
        ablation(runs, parameter, ["mIoU"])


def test_no_setting_on_which_weights_depend_is_taken_as_inert():
    decisive = {name for stage in (PretrainConfig, AdaptConfig, TargetSoloConfig) for name in of(stage)}
    assert INERT & decisive == {"seed", "checkpoint"}
    assert {name for _, name, _ in EvaluateConfig.fields()} >= INERT & {"eval_images", "panels"}


def of(stage):
    return {name for group, name, _ in stage.fields() if group not in stage.inert}
