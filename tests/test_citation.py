import yaml
from conftest import REPOSITORY

import msl


def test_the_citation_names_the_paper_and_this_version():
    cited = yaml.safe_load((REPOSITORY / "docs/CITATION.cff").read_text())
    assert (cited["cff-version"], cited["version"]) == ("1.2.0", msl.__version__)
    assert {"message", "title", "authors"} <= cited.keys()
    paper = cited["preferred-citation"]
    assert paper["title"] == "Domain Adaptation for Semantic Segmentation with Maximum Squares Loss"
    assert [author["family-names"] for author in paper["authors"]] == ["Chen", "Xue", "Cai"]
