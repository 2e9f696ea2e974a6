import pytest

from msl.tracking.closure import SourceTree

FILES = {
    "__init__.py": "",
    "schema.py": "NAME = 1\n",
    "losses/__init__.py": (
        "from house.losses.entropy import entropy\nfrom house.losses.supervised import cross_entropy\n"
    ),
    "losses/entropy.py": "def entropy(p):\n    return -p\n",
    "losses/supervised.py": (
        "from house import schema\nfrom house.numerics import bands\n\n\ndef cross_entropy(p):\n    return p\n"
    ),
    "numerics/__init__.py": "",
    "numerics/bands.py": "WIDTH = 2\n",
    "terms.py": (
        "from typing import TYPE_CHECKING\n\nfrom house.losses import cross_entropy\n\n"
        "if TYPE_CHECKING:\n    from house.scoring import Result\n"
    ),
    "scoring.py": "class Result:\n    pass\n",
    "lazy.py": "def f():\n    import house.numerics.bands\n    return house.numerics.bands\n",
}


@pytest.fixture
def house(tmp_path):
    for name, source in FILES.items():
        path = tmp_path / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return tmp_path / "house"


def test_a_name_leads_to_the_file_that_defines_it(house):
    """Neither the package's other names count, nor what is imported for types alone, nor rooms of mere values."""
    reached = SourceTree(house).reached(["house.terms"])
    assert reached == {"house.terms", "house.losses.supervised", "house.numerics.bands"}


def test_an_import_inside_a_function_counts(house):
    assert SourceTree(house).reached(["house.lazy"]) == {"house.lazy", "house.numerics.bands"}


@pytest.mark.parametrize(
    ("file", "source", "same"),
    [
        ("numerics/bands.py", "WIDTH = 3\n", False),
        ("numerics/bands.py", '"""Bands."""\n\n# pixels\nWIDTH = 2\n', True),
        ("losses/entropy.py", "def entropy(p):\n    return 0\n", True),
        ("losses/new.py", "X = 1\n", True),
        ("scoring.py", "class Result:\n    x = 1\n", True),
        ("schema.py", "NAME = 2\n", True),
        ("losses/supervised.py", FILES["losses/supervised.py"].replace("return p", "return 2 * p"), False),
        ("losses/supervised.py", FILES["losses/supervised.py"].replace("return p", '"""Mean."""\n    return p'), True),
    ],
)
def test_the_digest_is_of_the_code_that_runs(house, file, source, same):
    before = SourceTree(house).digest(["house.terms"])
    (house / file).write_text(source)
    assert (SourceTree(house).digest(["house.terms"]) == before) is same


def test_edits_during_a_run_change_nothing(house):
    tree = SourceTree(house)
    (house / "numerics/bands.py").write_text("WIDTH = 3\n")
    assert tree.digest(["house.terms"]) != SourceTree(house).digest(["house.terms"])
    (house / "numerics/bands.py").write_text(FILES["numerics/bands.py"])
    assert tree.digest(["house.terms"]) == SourceTree(house).digest(["house.terms"])
