import shutil
from pathlib import Path

import data_factory as factory
import own_data
import yaml

from msl.data.titles import domain_title


def test_a_published_domain_has_its_name():
    assert domain_title("gta5") == "gta5"


def test_the_path_as_typed_does_not_matter(tmp_path):
    file = own_data.nested(tmp_path)
    title = domain_title(str(file))
    name, _, digest = title.partition("@")
    assert (name, len(digest)) == ("nested", 6)
    assert domain_title(file.name) == domain_title(f"./{file.name}") == domain_title(f"../{tmp_path.name}/{file.name}")
    assert domain_title(file.name) == title


def test_the_same_data_elsewhere_has_the_same_title(tmp_path):
    own_data.nested(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    file = tmp_path / "there/nested.yaml"
    description = yaml.safe_load(file.read_text())
    Path("far.yaml").write_text(yaml.safe_dump({**description, "root": str(tmp_path / "there")}))
    assert domain_title("here/nested.yaml") == domain_title("there/nested.yaml") == domain_title("far.yaml")


def test_other_data_of_the_same_name_has_another_title(tmp_path):
    paths = [own_data.nested(tmp_path / folder) for folder in ("a", "b", "c")]
    factory.save(factory.picture(99, (20, 10)), tmp_path / "b/images/0.png")  # of another size
    paths[2].write_text(paths[2].read_text() + "ids: train_ids\n")
    assert len({domain_title(str(path)) for path in paths}) == 3


def test_generated_domains_have_a_title_of_their_description():
    Path("a.yaml").write_text("name: s\nlayout: streets\nseed: 1\n")
    Path("b.yaml").write_text("name: s\nlayout: streets\nseed: 2\n")
    assert domain_title("a.yaml") != domain_title("b.yaml")
    assert domain_title("a.yaml").startswith("s@")
