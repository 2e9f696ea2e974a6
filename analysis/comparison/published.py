"""Published numbers to compare with: of the paper, of the report that msl reproduces, and of later methods."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.seeds import SeedGroup
from msl import schema

_PAPER = "Chen, Xue and Cai, ICCV 2019, arXiv:1909.13589"
_PAPER_NOTE = (
    f"{_PAPER}: one run, best checkpoint by target labels, ground truth resized to the network's input; "
    "weights that had also seen COCO"
)
_REPORT = "the report that msl reproduces"
_REPORT_NOTE = f"{_REPORT}: one run, best values of its curves; differences are to its own best reproduction"
_LATER = "mIoU as published by its authors, DeepLabV2 with ResNet-101 unless newer; for scale, not for comparison"


@dataclass(frozen=True)
class Published:
    """A row of somebody else's table."""

    method: str
    source: str  # domain
    target: str  # domain
    label_set: str
    scores: Mapping[str, float]  # by the name of `analysis.seeds.find_measure`; percent, or a loss
    note: str  # where it is from, and by which protocol
    differences: Mapping[str, float] = field(default_factory=dict)  # as printed beside the scores

    @property
    def benchmark(self) -> str:
        """The domains, as one name."""
        return f"{self.source}_{self.target}"


def _gta5(method: str, miou: float, note: str = _PAPER_NOTE) -> Published:
    return Published(method, "gta5", "cityscapes", "cityscapes19", {"mIoU": miou}, note)


def _report(
    method: str, values: tuple[float, float, float, float, float], differences: Mapping[str, float]
) -> Published:
    names = ("mIoU", "fwIoU", "PA", "target_loss", "train_loss")
    scores = dict(zip(names, values, strict=True))
    return Published(f"report: {method}", "gta5", "cityscapes", "cityscapes19", scores, _REPORT_NOTE, differences)


def _crosscity(city: str, scores: tuple[float, float, float]) -> list[Published]:
    methods = ("paper: source only", "paper: MS", "paper: MS+IW")
    return [
        Published(method, "cityscapes", f"crosscity_{city}", "crosscity13", {"mIoU": score}, _PAPER_NOTE)
        for method, score in zip(methods, scores, strict=True)
    ]


PUBLISHED: tuple[Published, ...] = (
    _gta5("paper: source only", 36.9),
    _gta5("paper: MinEnt", 42.2),
    _gta5("paper: MS", 44.3),
    _gta5("paper: MS+IW", 45.2),
    _gta5("paper: MS+IW+Multi", 46.4),
    _report("best reproduction of the paper", (44.7, 77.8, 87.12, -5.6e-3, 0.12), {}),
    _report(
        "auxiliary domain, alpha 1, style_weight 1",
        (43.7, 80.98, 89.0, -6.15e-3, 0.102),
        {"mIoU": -1.0, "fwIoU": 3.19, "PA": 1.88},
    ),
    _report("no auxiliary domain", (43.0, 78.9, 87.6, -5.96e-3, 0.12), {"mIoU": -1.7, "fwIoU": 1.1, "PA": 0.48}),
    _gta5("AdvEnt", 43.8, _LATER),
    _gta5("FDA", 50.5, _LATER),
    _gta5("ProDA", 57.5, _LATER),
    _gta5("DAFormer", 68.3, _LATER),
    _gta5("HRDA", 73.8, _LATER),
    _gta5("MIC", 75.9, _LATER),
    Published("paper: MS+IW+Multi", "synthia", "cityscapes", "synthia16", {"mIoU": 41.4, "mIoU_13": 48.2}, _PAPER_NOTE),
    Published("paper: MS+IW+Multi", "synthia", "cityscapes", "synthia13", {"mIoU": 48.2}, _PAPER_NOTE),
    *_crosscity("rome", (51.0, 53.9, 54.5)),
    *_crosscity("rio", (48.9, 52.0, 53.3)),
    *_crosscity("tokyo", (47.8, 49.7, 50.5)),
    *_crosscity("taipei", (46.3, 49.8, 50.6)),
)


def published_rows(source: str, target: str, label_set: str | None = None) -> list[Published]:
    """The published rows for a pair of domains, in the order of the papers; of one label set if it is named."""
    rows = [row for row in PUBLISHED if (row.source, row.target) == (source, target)]
    return [row for row in rows if label_set in (None, row.label_set)]


def published_beside(group: SeedGroup) -> list[Published]:
    """The published rows for a group's domains and classes."""
    source, target = map(group.domain, schema.DOMAINS)
    return published_rows(source, target, group.settings.get("label_set"))
