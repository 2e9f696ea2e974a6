"""From Python as from the command line: a recipe is chosen, and mistakes are told before a run is opened."""

import pytest

import msl
from msl.errors import ConfigError


@pytest.mark.usefixtures("store")
def test_domains_choose_the_recipe(tmp_path):
    with pytest.raises(ConfigError, match="source = gta5 without a target"):
        msl.run("adapt", source="gta5")
    with pytest.raises(ConfigError, match="domain 'gta6' is unknown"):
        msl.run("validate", source="gta6")
