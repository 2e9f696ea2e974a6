"""The report's claims as data: which groups a claim compares, by which metric, and what it says of the difference."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.claims.candidates import AUXILIARY, Role, Style
from analysis.seeds import ALIASES, DROP, FALL, LOSSES
from msl import schema

VISIBLE = 0.5  # points of a score that can be seen in the report's figures
EQUAL = 1.0  # points within which the report calls fwIoU and PA about equal
_MIOU_DROP = schema.final(DROP, schema.score(schema.TARGET, schema.MIOU))


@dataclass(frozen=True)
class Region:
    """Where a number lies according to a claim: between the bounds, or outside of them."""

    low: float = -math.inf
    high: float = math.inf
    outside: bool = False


HIGHER, LOWER = Region(low=0), Region(high=0)


@dataclass(frozen=True)
class Statement:
    """A claim about one number: a difference of two roles' means, or a mean or standard deviation of one role."""

    metric: str  # as `find_measure` takes it, or a trend's column of `with_trends`
    role: str
    reference: str | None  # the role that is subtracted
    region: Region
    reported: str  # the result of the report or the paper
    of_std: bool = False

    @property
    def unit(self) -> str:
        """Unit of the number."""
        trend, _, metric = self.metric.partition("/")
        return schema.unit(metric if trend in (FALL, DROP) else self.metric)


@dataclass(frozen=True)
class Claim:
    """A conclusion of the report."""

    id: str
    text: str
    roles: tuple[Role, ...]
    statements: tuple[Statement, ...]
    varies: frozenset[str] = frozenset()  # settings in which the roles may differ
    any_role: bool = False  # it is about each role by itself: those that were run decide

    @property
    def needs_target(self) -> bool:
        """Whether it is about adaptations, and not only about networks that were trained on the source."""
        return any("target_mode" in role.where for role in self.roles)


_OBJECTIVE = frozenset({"target_mode", "multi", "lambda_target", "target_crop_size", "iw_ratio"})
_OBJECTIVE |= {"lambda_seg", "threshold"}
_LENGTH = frozenset({"round_num", "epoch_each_round", "epoch_iters", "target_solo_epoch", "max_iters"})
_STYLE = frozenset({"style", "lambda_target", "target_crop_size", "crop_size"}) | _LENGTH
_NETWORK = frozenset({"network", "output_stride", "dilations", "target_crop_size", "batch_size", "epoch_iters", "lr"})
_NETWORK |= {
    "freeze_bn",
    "freeze_stem_bn",
    "backbone_lr_ratio",
    "head_lr_ratio",
}  # which the published code sets for V2
_V2 = {"network": "deeplabv2"}
_PLAIN: tuple[Style, ...] = ("plain",)


def _pretrain(name: str, multi: bool, styles: tuple[Style, ...] = _PLAIN) -> Role:
    return Role(name, "pretrain", styles, {**_V2, "multi": str(multi)})


def _adapt(name: str, mode: str, multi: bool, *styles: Style, stage: str = "adapt") -> Role:
    where = {**_V2, "target_mode": mode, "multi": str(multi)}
    return Role(name, stage, styles or _PLAIN, where)


def _trained(name: str, multi: bool) -> Role:
    return Role(name, "evaluate", where={**_V2, "multi": str(multi), "split": "train"})


SINGLE, MULTI = _pretrain("pretrain", False), _pretrain("pretrain multi", True)
MS = _adapt("MS", "maxsquare", False)
IW = _adapt("IW_MS", "IW_maxsquare", False)
MULTI_IW = _adapt("multi_MS_IW", "IW_maxsquare", True)
SOLO = _adapt("target_solo", "IW_maxsquare", True, stage="target_solo")
PUBLISHED = _adapt("styled", "IW_maxsquare", True, "published")
RETRAINED = _adapt("styled, retrained", "IW_maxsquare", True, "retrained")
ALPHA1 = _adapt("styled, alpha 1, weight 1", "IW_maxsquare", True, "alpha1_weight1")
DIRECT = _adapt("styled as the target", "IW_maxsquare", True, "direct")
STYLED_SINGLE = _pretrain("styled pretrain", False, AUXILIARY)
STYLED_MULTI = _pretrain("styled pretrain multi", True, AUXILIARY)
V3PLUS = Role("DeepLabV3+", "pretrain", AUXILIARY, {"network": "deeplabv3plus"})
V3PLUS_LR = Role("DeepLabV3+, other lr", "pretrain", AUXILIARY, {"network": "deeplabv3plus"}, other="lr")
_ADAPTED = (MS, IW, MULTI_IW)


def better(metric: str) -> Region:
    """Where the difference between a better role and a worse one lies."""
    return LOWER if schema.higher_is_better(ALIASES.get(metric, metric)) is False else HIGHER


def _differences(role: Role, reference: Role, values: Sequence[tuple[str, Region, str]]) -> tuple[Statement, ...]:
    return tuple(Statement(metric, role.name, reference.name, region, text) for metric, region, text in values)


def _improvements(role: Role, reference: Role, values: Mapping[str, str]) -> tuple[Statement, ...]:
    return _differences(role, reference, [(metric, better(metric), text) for metric, text in values.items()])


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "C1",
        "multi-level output adds about 1 point of source-test mIoU in pretraining, nothing on train",
        (SINGLE, MULTI, _trained("pretrain on train", False), _trained("pretrain multi on train", True)),
        (
            Statement("source/mIoU", MULTI.name, SINGLE.name, HIGHER, "+1"),
            Statement("source/mIoU", "pretrain multi on train", "pretrain on train", Region(-VISIBLE, VISIBLE), "0"),
        ),
        frozenset({"multi", "target_crop_size"}),
    ),
    Claim(
        "C2",
        "target mIoU: MS < IW_MS < multi_MS_IW",
        _ADAPTED,
        (
            *_improvements(IW, MS, {"mIoU": "+0.9 (paper)"}),
            *_improvements(MULTI_IW, IW, {"mIoU": "+1.2 (paper)"}),
        ),
        _OBJECTIVE,
    ),
    Claim(
        "C3",
        "adaptation lowers source mIoU",
        (SINGLE, MULTI, *_ADAPTED),
        (
            Statement("source/mIoU", MS.name, SINGLE.name, LOWER, "71 to 63"),
            Statement("source/mIoU", IW.name, SINGLE.name, LOWER, "71 to 63"),
            Statement("source/mIoU", MULTI_IW.name, MULTI.name, LOWER, "71 to 63"),
        ),
        _OBJECTIVE,
        any_role=True,
    ),
    Claim(
        "C4",
        "repeats of one setting differ visibly",
        _ADAPTED,
        tuple(Statement("mIoU", role.name, None, Region(low=VISIBLE), "visibly", of_std=True) for role in _ADAPTED),
        _OBJECTIVE,
        any_role=True,
    ),
    Claim(
        "C5",
        "target_solo lowers target loss and raises PA a little, but not mIoU",
        (MULTI_IW, SOLO),
        _differences(
            SOLO,
            MULTI_IW,
            [
                ("target_loss", LOWER, "lower"),
                ("PA", HIGHER, "a little"),
                ("mIoU", Region(high=VISIBLE), "no gain"),
            ],
        ),
        _LENGTH,
    ),
    Claim(
        "C6",
        "training on styled source costs about 1.5 PA and 6 mIoU",
        (SINGLE, MULTI, STYLED_SINGLE, STYLED_MULTI),
        tuple(
            statement
            for styled, plain in ((STYLED_SINGLE, SINGLE), (STYLED_MULTI, MULTI))
            for statement in _differences(styled, plain, [("source/PA", LOWER, "-1.5"), ("source/mIoU", LOWER, "-6")])
        ),
        _STYLE | {"multi"},
        any_role=True,
    ),
    Claim(
        "C7",
        "adapting on styled pairs (published decoder): mIoU clearly lower, fwIoU and PA about equal",
        (MULTI_IW, PUBLISHED),
        _differences(
            PUBLISHED,
            MULTI_IW,
            [
                ("mIoU", Region(high=-EQUAL), "clearly lower"),
                ("fwIoU", Region(-EQUAL, EQUAL), "about equal"),
                ("PA", Region(-EQUAL, EQUAL), "about equal"),
            ],
        ),
        _STYLE,
    ),
    Claim(
        "C8",
        "retraining the style net raises fwIoU and PA above the plain reproduction, mIoU stays below",
        (MULTI_IW, PUBLISHED, RETRAINED),
        (
            *_differences(
                RETRAINED, MULTI_IW, [("fwIoU", HIGHER, "+1.3"), ("PA", HIGHER, "+0.5"), ("mIoU", LOWER, "-4.5")]
            ),
            *_differences(RETRAINED, PUBLISHED, [("fwIoU", HIGHER, "higher"), ("PA", HIGHER, "higher")]),
        ),
        _STYLE,
    ),
    Claim(
        "C9",
        "decoder on both domains, alpha 1, style_weight 1: fwIoU and PA up, mIoU down a little",
        (MULTI_IW, ALPHA1),
        _differences(ALPHA1, MULTI_IW, [("fwIoU", HIGHER, "+3.19"), ("PA", HIGHER, "+1.88"), ("mIoU", LOWER, "-1")]),
        _STYLE,
    ),
    Claim(
        "C10",
        "the auxiliary domain beats styling the source directly as the target, on mIoU, fwIoU and PA",
        (DIRECT, ALPHA1),
        _improvements(ALPHA1, DIRECT, {"mIoU": "+0.7", "fwIoU": "+2.08", "PA": "+1.4"}),
        _STYLE,
    ),
    Claim(
        "C11",
        "DeepLabV3+ beats DeepLabV2 by about 2 mIoU on styled data; lr matters",
        (V3PLUS, V3PLUS_LR, STYLED_SINGLE),
        (
            *_improvements(V3PLUS, STYLED_SINGLE, {"source/mIoU": "+2", "source/PA": "+1"}),
            Statement("source/mIoU", V3PLUS_LR.name, V3PLUS.name, Region(-EQUAL, EQUAL, outside=True), "much"),
        ),
        _NETWORK,
    ),
    Claim(
        "C12",
        "training losses fall while target mIoU fluctuates: loss and metric disagree",
        _ADAPTED,
        tuple(
            Statement(metric, role.name, None, region, text)
            for role in _ADAPTED
            for metric, region, text in (
                *((schema.final(FALL, loss), LOWER, "falls") for loss in LOSSES),
                (_MIOU_DROP, Region(low=VISIBLE), "fluctuates"),
            )
        ),
        _OBJECTIVE,
        any_role=True,
    ),
)
