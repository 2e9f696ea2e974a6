"""Domains by name."""

from msl.config.catalog import DOMAINS
from msl.data import domain_names
from msl.data.layout import Layout
from msl.streets import STYLES


def test_every_domain_is_registered_under_its_own_name():
    assert domain_names() == list(DOMAINS)
    drawn = [name for name in DOMAINS if DOMAINS.load(name) is STYLES]
    assert drawn == list(STYLES)
    for name in set(DOMAINS) - set(drawn):
        layout = DOMAINS.load(name)
        assert isinstance(layout, Layout)
        assert layout.name == name
