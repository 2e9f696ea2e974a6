"""The study of the report that msl follows: its experiments 1.1 to 3.3, with repeats and twins.

At scale full, every row is a recipe of the report, and takes about a day on a GPU. At scale smoke, the same rows run on
tiny generated streets in seconds each: stages, styled copies, decoders and needs are those of the report.
"""

from typing import Any

from msl.studies.declaration import Row, Study
from msl.studies.miniature import Miniature
from msl.tracking import work_folder

_SEEDS = (0, 1, 2)  # 1.6: repeats of one setting
_SOLO: dict[str, dict[str, Any]] = {
    "full": {"round_num": 20, "target_solo_epoch": 20},
    "smoke": {"round_num": 2, "target_solo_epoch": 1},
}
_V3PLUS: dict[str, Any] = {"network": "deeplabv3plus", "multi": False, "batch_size": 2}


def report(scale: str) -> Study:
    """The study at a scale, full or smoke."""
    if scale == "full":
        return Study(name="report", rows=_rows(scale), baseline="adapt paper/MS lambda_target=0.0")
    miniature = Miniature.in_folder(work_folder() / "studies" / "report_smoke_data")
    return Study(
        name="report_smoke",
        rows=_rows(scale),
        baseline="adapt smoke/MS lambda_target=0.0",
        scaled=miniature.of,
    )


def _rows(scale: str) -> tuple[Row, ...]:
    rows = (*_paper(scale), *_styled(), *_deeplabv3plus())
    return rows if scale == "smoke" else tuple(row.model_copy(update={"cards": 1, "memory_gb": 16}) for row in rows)


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


def _deeplabv3plus() -> list[Row]:
    """3.1 to 3.3: DeepLabV3+ on the styled copies of 2.4, at two learning rates, and an adaptation from the first."""
    return [
        _row("pretrain", "trans_alpha1wts1", **_V3PLUS),
        _row("pretrain", "trans_alpha1wts1", **_V3PLUS, lr=1e-3),
        _row("adapt", "trans_alpha1wts1", **_V3PLUS),
    ]


def _row(stage: str, recipe: str, seeds: tuple[int, ...] = (0,), twins: bool = False, **settings: Any) -> Row:
    return Row(stage=stage, recipe=f"paper/{recipe}", seeds=seeds, twins=twins, settings=settings)
