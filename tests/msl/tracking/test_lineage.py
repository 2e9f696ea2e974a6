import pytest

from msl.tracking.lineage import fingerprint

MODULES = ["msl.losses.supervised"]


def test_a_fingerprint_is_of_everything_that_decides():
    settings, inputs = {"lr": 0.1, "seed": 0}, {"source": "ab"}
    print_ = fingerprint("adapt", settings, inputs, MODULES)
    assert len(print_) == 16
    assert print_ == fingerprint("adapt", dict(reversed(settings.items())), inputs, MODULES)
    others = [
        ("pretrain", settings, inputs, MODULES),
        ("adapt", settings | {"lr": 0.2}, inputs, MODULES),
        ("adapt", settings, {}, MODULES),
        ("adapt", settings, inputs, [*MODULES, "msl.losses.entropy"]),
    ]
    assert print_ not in {fingerprint(*other) for other in others}


def test_a_setting_that_nobody_uses_changes_nothing():
    plain = fingerprint("adapt", {"lr": 0.1}, {}, MODULES)
    assert plain == fingerprint("adapt", {"lr": 0.1, "clip_norm": None}, {}, MODULES)
    assert plain != fingerprint("adapt", {"lr": 0.1, "clip_norm": 1.0}, {}, MODULES)


def test_a_module_that_does_not_exist_is_no_code():
    with pytest.raises(ModuleNotFoundError, match="msl has no module msl.losses.absent"):
        fingerprint("adapt", {}, {}, ["msl.losses.absent"])
