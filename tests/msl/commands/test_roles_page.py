from conftest import REPOSITORY

from msl.commands.roles_page import page


def test_the_page_is_current():
    assert (REPOSITORY / "docs/roles.md").read_text() == page(), (
        "run: python -m msl.commands.roles_page > docs/roles.md"
    )
