"""How property tests are run: the same examples every time, and no clock, which on a shared machine says nothing."""

from hypothesis import settings

settings.register_profile("msl", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("msl")
