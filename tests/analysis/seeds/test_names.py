import pytest

from analysis.errors import AnalysisError
from analysis.seeds import find_group, shared_note, short_names


def test_a_name_keeps_what_tells_it_from_the_others():
    names = ["adapt A B lr=0.1", "adapt A B lambda_target=0.0 lr=0.1"]
    assert short_names(names) == ["lr=0.1", "lambda_target=0.0 lr=0.1"]  # one word of each stays
    names.append("pretrain A B lr=0.1")
    assert short_names(names) == ["adapt A B", "adapt A B lambda_target=0.0", "pretrain A B"]
    assert shared_note(names) == "all groups: lr=0.1"


@pytest.mark.parametrize("names", [["pretrain streets", "adapt streets"], ["adapt A B", "adapt B A"], ["a"], []])
def test_short_names_are_never_the_same(names):
    assert len(set(short_names(names))) == len(names)


def test_the_recipe_stays_beside_different_stages():
    assert short_names(["pretrain streets", "adapt streets"]) == ["pretrain streets", "adapt streets"]
    assert shared_note(["pretrain streets", "adapt streets"]) == ""


def test_a_group_is_found_by_its_name_then_as_shown_then_by_a_part():
    names = ["adapt s", "adapt s multi=True", "evaluate pretrain s", "pretrain s"]
    groups = {name: name for name in names}
    assert find_group("adapt s", groups) == "adapt s"  # although two names begin so
    assert find_group("pretrain", groups) == "pretrain s"  # although two names contain it
    assert find_group("multi=True", groups) == "adapt s multi=True"
    shown = {f"adapt s lr=0.1{rest}": rest for rest in ("", " multi=True", " multi=True seed=1")}
    assert find_group("s", {"adapt s": 1, "adapt t": 2}) == 1  # as a table of the two shows it
    assert find_group("lr=0.1 multi=True", shown) == " multi=True"
    with pytest.raises(AnalysisError, match="'adapt' fits several groups: adapt s; adapt s multi=True"):
        find_group("adapt", groups)


def test_a_group_by_its_words_in_any_order_and_numbers_in_any_form():
    groups = {name: name for name in ("adapt a lr=0.0 multi=True", "adapt a lr=0.05 multi=True", "adapt b lr=0.05")}
    assert find_group("lr=0", groups) == "adapt a lr=0.0 multi=True"  # although two others contain it
    assert find_group("multi=True lr=5e-2", groups) == "adapt a lr=0.05 multi=True"
    assert find_group("b adapt", groups) == "adapt b lr=0.05"
    with pytest.raises(
        AnalysisError, match=r"'lr=0.05' fits several groups: adapt a lr=0.05 multi=True; adapt b lr=0.05\."
    ):
        find_group("lr=0.05", groups)
    with pytest.raises(AnalysisError, match="'adapt multi=True' fits several groups: adapt a lr=0.0 "):
        find_group("adapt multi=True", groups)


def test_a_table_shortens_names_without_the_groups_that_it_does_not_show():
    tabled = ["adapt A B lr=0.1", "adapt A B lambda_target=0.0 lr=0.1", "pretrain A lr=0.1"]
    groups = {name: name for name in ["validate A B", *tabled]}
    assert find_group("adapt A B", groups, tabled) == "adapt A B lr=0.1"
    with pytest.raises(AnalysisError, match="fits several groups"):
        find_group("adapt A B", groups)


def test_an_ambiguous_name_lists_ten():
    groups = {f"adapt a{place:02d}": place for place in range(25)}
    with pytest.raises(
        AnalysisError, match=r"'adapt' fits several groups: adapt a00; .*; adapt a09; and 15 more\. Give"
    ):
        find_group("adapt", groups)
