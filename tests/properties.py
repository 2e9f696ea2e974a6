"""Settings of property tests: the same examples every time, and no time limit, which a busy machine would break."""

from hypothesis import settings

settings.register_profile("msl", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("msl")
