"""Patterns match what Python's glob matches, name each sample once, and say what they leave aside."""

import glob
from pathlib import Path
from tempfile import TemporaryDirectory

import own_data
import properties  # noqa: F401  # how they are run
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from msl.data import open_domain
from msl.data.names import unique_names
from msl.data.patterns import Pattern
from msl.errors import ConfigError, DataError

NAMES = st.sampled_from(["a", "b", "ab", "a.png", "b.png", "ab.png", ".a", ".b.png", "a[b]", "img", "x.b.png", "*"])
WILD = ["*", "**", "?", "a*", "*.png", "[ab]", "[!a]*", "?b", ".*", "*b*", "[", "a[", "***", "img", "a", "[]]", "[*]"]
PATHS = st.lists(NAMES, min_size=1, max_size=4)
TREES = st.lists(PATHS, max_size=12)
PATTERNS = st.lists(st.sampled_from([*WILD, "a.png", "..", "."]), min_size=1, max_size=4)


def planted(root, tree):
    """Files at those places, where nothing else is."""
    for place in tree:
        path = root.joinpath(*place)
        if not any(parent.is_file() for parent in path.parents) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


def by_glob(pattern, root):
    paths = glob.glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207  # pathlib's has other rules
    return {(root / path).resolve() for path in paths if (root / path).is_file()}


def matched(pattern, root):
    return [match.path for match in Pattern.of(pattern).below(root).matches]


@given(tree=TREES, parts=PATTERNS, absolute=st.booleans())
@example(tree=[["a", "b", "a.png"]], parts=["**", "**"], absolute=False)
def test_it_is_pythons_glob(tree, parts, absolute):
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        planted(root / "top", tree)
        (root / "top").mkdir(exist_ok=True)
        pattern = "/".join(parts)
        if parts[-1] in (".", ".."):
            pattern += "/*"
        if absolute:
            pattern = f"{root}/top/{pattern}"
        paths = matched(pattern, root / "top")
        assert {path.resolve() for path in paths} == by_glob(pattern, root / "top")
        assert len(paths) == len(set(paths))
        assert paths == sorted(paths)


@given(tree=TREES, parts=PATTERNS.filter(lambda parts: not {".", ".."} & set(parts)))
def test_what_fits_is_what_is_matched(tree, parts):
    with TemporaryDirectory() as folder:
        root, pattern = Path(folder), Pattern.of("/".join(parts))
        planted(root, tree)
        files = [path for path in root.rglob("*") if path.is_file()]
        fitting = {path for path in files if pattern.fits(path.relative_to(root).parts)}
        assert fitting == set(matched("/".join(parts), root))


@given(tree=TREES, target=st.sampled_from(["a", "b", "img"]), parts=PATTERNS)
def test_links_are_followed(tree, target, parts):
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        planted(root, tree)
        (root / "far").mkdir()
        planted(root / "far", tree)
        (root / "link").symlink_to(root / "far" / target)  # perhaps to nothing
        pattern = "/".join([*parts, "*"])
        assert {path.resolve() for path in matched(pattern, root)} == by_glob(pattern, root)


def test_a_link_back_is_followed_once(tmp_path):
    planted(tmp_path, [["img", "a.png"], ["img", "day", "b.png"]])
    (tmp_path / "img/day/up").symlink_to(tmp_path / "img")
    (tmp_path / "img/self").symlink_to(tmp_path / "img")
    names = [path.relative_to(tmp_path).as_posix() for path in matched("img/**/*.png", tmp_path)]
    assert names == ["img/a.png", "img/day/b.png"]


def test_suffixes_are_matched_in_any_case_and_names_are_not(tmp_path):
    planted(tmp_path, [["a.jpg"], ["b.JPG"], ["c.Jpg"], ["A.png"], ["d.jpeg"]])
    listing = Pattern.of("*.jpg").below(tmp_path)
    assert [match.path.name for match in listing.matches] == ["a.jpg", "b.JPG", "c.Jpg"]
    assert [match.as_spelled for match in listing.matches] == [True, False, False]
    assert [path.name for path in listing.beside] == ["A.png", "d.jpeg"]
    assert matched("a*.png", tmp_path) == []


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("img/*.{jpg,png}", r"\{jpg,png\} has no meaning in a pattern: write \* or"),
        ("img/", r"'img/' is a folder: name the files in it, such as img/\*.png"),
        ("", r"'' is a folder"),
    ],
)
def test_what_a_pattern_cannot_say_is_refused(pattern, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Pattern.of(pattern)
    path = own_data.domain(tmp_path, "own", {"train": {"images": pattern}})
    with pytest.raises(ConfigError, match=f"own.yaml: .*{message}"):
        open_domain(str(path), labelled=False)


@given(paths=st.lists(PATHS.map("/".join), unique=True))
@example(paths=["a.png", "a.jpg", "a.png.jpg", "a.png.jpg.png", "a"])
def test_names_are_unique_and_stable(paths):
    names = unique_names(paths)
    assert len(set(names)) == len(paths)
    assert all(path in (name, f"{name}.{path.rpartition('.')[2]}") for name, path in zip(names, paths, strict=True))
    assert unique_names(paths[::-1]) == names[::-1]


def test_nested_folders_are_all_found(tmp_path):
    domain = open_domain(str(own_data.nested(tmp_path)))
    assert len(domain) == 10
    report = domain.inspect()
    assert (report.problems, [note for note in report.notes if "pattern" in note]) == ([], [])
    assert [domain.samples.name(i) for i in (0, 4, 6)] == ["images/0", "images/bremen/4", "images/day/koeln/6"]
    for i in range(10):  # each with its own label
        number = int(domain.samples.name(i).rpartition("/")[2])
        expected = own_data.stripes([0, 1, 13], number)
        assert (domain[i].label.numpy() == expected).all()


def test_what_lies_beside_a_pattern_is_counted(tmp_path):
    path = own_data.nested(tmp_path, "images/*/*.png", "labels/*/*.png")
    domain = open_domain(str(path))
    assert len(domain) == 4
    (note,) = [note for note in domain.inspect().notes if "beside" in note]
    assert note == "2 files (0.png, 1.png) beside images/*/*.png match no pattern and are left out"


def test_what_lies_in_deeper_folders_than_a_pattern_is_counted(tmp_path):
    path = own_data.nested(tmp_path, "images/*.png", "labels/*.png")
    domain = open_domain(str(path))
    (note,) = [note for note in domain.inspect().notes if "below" in note]
    expected = f"{10 - len(domain)} files (2.png, 3.png, 4.png, …) in folders below images/*.png match no pattern"
    assert note == f"{expected} and are left out: ** enters them"


def test_other_patterns_of_the_domain_leave_nothing_beside(tmp_path):
    for name in ("a_left.png", "b_left.png", "a_mask.png", "b_mask.png", "c_val.png"):
        own_data.save(own_data.picture(0), tmp_path / "all" / name)
    splits = {"train": {"images": "all/*_left.png", "labels": "all/*_mask.png"}, "val": {"images": "all/*_val.png"}}
    path = own_data.domain(tmp_path, "own", splits)
    assert open_domain(str(path), labelled=False).inspect().notes == []


def test_two_spellings_of_a_suffix_are_used_and_mentioned(tmp_path):
    domain = open_domain(str(own_data.two_spellings(tmp_path)))
    report = domain.inspect()
    assert (len(domain), report.problems) == (6, [])
    note = "3 files (1.JPG, 3.JPG, 5.JPG) match img/*.jpg except for capital letters in the suffix, and are used"
    assert note in report.notes
    for label in (tmp_path / "lab").iterdir():
        label.rename(label.with_suffix(".PNG"))
    assert open_domain(str(tmp_path / "two_spellings.yaml")).inspect().problems == []


def test_files_that_differ_by_suffix_are_samples_of_their_own(tmp_path):
    domain = open_domain(str(own_data.one_stem_two_files(tmp_path)))
    assert [domain[i].name for i in range(4)] == ["img/0.jpg", "img/0.png", "img/1.jpg", "img/1.png"]
    assert domain.inspect().problems == []
    assert set(domain[0].label.unique().tolist()) == {0, 1, 13}
    assert set(domain[1].label.unique().tolist()) == {2, 8, 10}


@pytest.mark.parametrize("spelling", ["{root}/img/*.png", "./img/*.png", "img/../img/*.png", "img//*.png"])
def test_a_path_may_be_spelled_otherwise(tmp_path, spelling):
    own_data.save(own_data.picture(0), tmp_path / "img/a.png")
    own_data.save(own_data.stripes([7]).astype("uint8")[:24, :40], tmp_path / "lab/a.png")
    splits = {"train": {"images": spelling.format(root=tmp_path), "labels": f"{tmp_path}/./lab/*.png"}}
    domain = open_domain(str(own_data.domain(tmp_path, "own", splits)))
    assert domain[0].name == "img/a"
    assert domain.inspect().problems == []


def test_files_outside_the_root_are_named_from_the_first_folder_that_varies(tmp_path):
    (tmp_path / "yaml").mkdir()
    own_data.save(own_data.picture(0), tmp_path / "far/mon/a.png")
    path = own_data.domain(tmp_path / "yaml", "own", {"train": {"images": f"{tmp_path}/far/*/*.png"}})
    assert open_domain(str(path), labelled=False)[0].name == "mon/a"
    path = own_data.domain(tmp_path / "yaml", "own", {"train": {"images": "../far/*/*.png"}})
    assert open_domain(str(path), labelled=False)[0].name == "far/mon/a"


def test_question_marks_and_brackets_fill_labels(tmp_path):
    for camera in "ab":
        own_data.save(own_data.picture(0), tmp_path / f"cam_{camera}/1_x.png")
        own_data.save(own_data.stripes([7]).astype("uint8")[:24, :40], tmp_path / f"lab/{camera}/1/x.png")
    splits = {"train": {"images": "cam_[ab]/?_*.png", "labels": "lab/*/?/*.png"}}
    domain = open_domain(str(own_data.domain(tmp_path, "own", splits)))
    assert (len(domain), domain.inspect().problems) == (2, [])


def test_one_label_of_several_images_is_mentioned(tmp_path):
    for i in range(2):
        own_data.save(own_data.picture(i), tmp_path / f"img/{i}/a.png")
    own_data.save(own_data.stripes([7]).astype("uint8")[:24, :40], tmp_path / "lab/a.png")
    path = own_data.domain(tmp_path, "own", {"train": {"images": "img/*/*.png", "labels": "lab/*.png"}})
    assert "several images have the same label: 1 file (a.png)" in open_domain(str(path)).inspect().notes


def test_a_share_of_train_is_held_out_by_name(tmp_path):
    for i in range(40):
        own_data.save(own_data.picture(i, (4, 4)), tmp_path / f"img/{i}.png")
    splits = {"train": {"images": "img/*.png"}, "val": 0.25, "test": 0.1}
    path = own_data.domain(tmp_path, "own", splits)

    def names(split):
        domain = open_domain(str(path), split=split, labelled=False)
        return {domain.samples.name(i) for i in range(len(domain))}

    train, val, test = map(names, ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (28, 9, 3)
    assert train | val | test == {f"img/{i}" for i in range(40)}
    own_data.save(own_data.picture(40, (4, 4)), tmp_path / "img/40.png")  # another image moves none
    assert names("val") - {"img/40"} == val
    assert names("train") - {"img/40"} == train


def test_shares_that_leave_nothing_are_refused(tmp_path):
    own_data.save(own_data.picture(0, (4, 4)), tmp_path / "img/0.png")
    images = {"images": "img/*.png"}
    path = own_data.domain(tmp_path, "own", {"train": images, "val": 0.001})
    with pytest.raises(DataError, match=r"the shares \(val: 0.001\) leave none of 1 images for 'val': change them"):
        open_domain(str(path), split="val", labelled=False)
    for splits, message in (
        ({"train": images, "val": 0.5, "test": 0.5}, r"leave no image for train"),
        ({"val": 0.5}, "a share is taken from train: write a pattern for train"),
        ({"train": images, "val": 1.5}, "val = 1.5: input should be less than 1"),
    ):
        own_data.domain(tmp_path, "own", splits)
        with pytest.raises(ConfigError, match=message):
            open_domain(str(path), labelled=False)
