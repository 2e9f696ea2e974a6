"""The study of the report that msl follows: its experiments 1.1 to 3.3, with repeats and twins.

At scale full, every row is a recipe of the report, and takes about a day on a GPU. At the scales camvid_gpu and camvid,
the same rows run on photographs, minutes each on a GPU or a CPU. At scale smoke, they run on tiny generated streets in
seconds. Stages, styled copies, decoders and needs are always those of the report.
"""

from typing import Any

from msl.studies.declaration import Row, Study
from msl.studies.scales import study_at

_SEEDS = (0, 1, 2)  # 1.6: repeats of one setting
_SOLO: dict[str, dict[str, Any]] = {
    "full": {"round_num": 20, "target_solo_epoch": 20},
    "camvid_gpu": {"round_num": 8},
    "camvid": {"round_num": 8},
    "smoke": {"round_num": 2, "target_solo_epoch": 1},
}
# 3.2: learning rate; on CamVid also four times the first.
_FASTER = {"full": 1e-3, "camvid_gpu": 2e-2, "camvid": 2e-2, "smoke": 1e-3}


def report(scale: str) -> Study:
    """The study at a scale: full, camvid_gpu, camvid or smoke."""
    rows = (*_paper(scale), *_styled(), *_deeplabv3plus(scale))
    return study_at(scale, "report", rows, "adapt paper/MS lambda_target=0.0")


def _paper(scale: str) -> list[Row]:
    """1.1 to 1.7: the paper's experiments."""
    plain = [_row("pretrain", name) for name in ("MS", "multi_MS_IW")]
    adapted = [_row("adapt", name, seeds=_SEEDS, twins=True) for name in ("MS", "IW_MS", "multi_MS_IW")]
    return [*plain, *adapted, _row("target_solo", "multi_MS_IW", **_SOLO[scale])]


def _styled() -> list[Row]:
    """2.1 to 2.6: styled copies, and styles on the fly."""
    pretrained = [_row("pretrain", name) for name in ("trans", "trans_multi")]
    styles = ("alpha1wts1", "alpha1wts5", "alpha1wts0p5", "alpha0p5wts10")
    names = ["trans", "trans_multi", "trans_retrain", *(f"trans_{style}" for style in styles), "no_auxiliary"]
    joint = [f"joint_{variant}" for variant in ("published", "retrained", "decoder", "end_to_end")]
    return [
        *pretrained,
        *(_row("adapt", name) for name in names),
        *(_row("joint_adain", name) for name in joint),
    ]


def _deeplabv3plus(scale: str) -> list[Row]:
    """3.1 to 3.3: DeepLabV3+ on the styled copies of 2.4, at two learning rates, and an adaptation from the first.

    The first row is what it is compared with, DeepLabV2 on the same copies and with one output, too.
    """
    name = "trans_deeplabv3p"
    return [
        _row("pretrain", "trans_alpha1wts1", multi=False),
        _row("pretrain", name),
        _row("pretrain", name, lr=_FASTER[scale]),
        _row("adapt", name),
    ]


def _row(stage: str, recipe: str, seeds: tuple[int, ...] = (0,), twins: bool = False, **settings: Any) -> Row:
    return Row(stage=stage, recipe=f"paper/{recipe}", seeds=seeds, twins=twins, settings=settings)
