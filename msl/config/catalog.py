"""Everything that a setting chooses by name, and the module that implements it.

To add a component, write its file and add its line here: docs/extending.md has the smallest whole example of each.
"""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from msl import schema
from msl.config.registry import Registry
from msl.config.values import parse_names, parse_normalisation

# Objectives on unlabelled target images: functions (logits, probabilities, settings) -> scalar.
TARGET_OBJECTIVES = Registry(
    "target_mode",
    {
        "maxsquare": "msl.training.objectives.max_square:maxsquare",
        "IW_maxsquare": "msl.training.objectives.max_square:iw_maxsquare",
        "entropy": "msl.training.objectives.entropy:entropy",
        "IW_entropy": "msl.training.objectives.entropy:iw_entropy",
        "hard": "msl.training.objectives.hard:hard",
    },
)
TargetMode = Annotated[str, AfterValidator(TARGET_OBJECTIVES.check), TARGET_OBJECTIVES]

# Optimizers: functions (network, settings) -> torch optimizer. `OnlyWith` marks the settings of one optimizer.
OPTIMIZERS = Registry(
    "optimizer",
    {
        "sgd": "msl.training.optimizers.sgd:sgd",
        "adamw": "msl.training.optimizers.adamw:adamw",
    },
)
OptimizerName = Annotated[str, AfterValidator(OPTIMIZERS.check), OPTIMIZERS]

# Segmentation networks: subclasses of `msl.models.SegmentationNetwork`.
NETWORKS = Registry(
    "network",
    {
        "deeplabv2": "msl.models.deeplabv2:DeepLabV2",
        "deeplabv3": "msl.models.deeplabv3:DeepLabV3",
        "deeplabv3plus": "msl.models.deeplabv3plus:DeepLabV3Plus",
    },
)
NetworkName = Annotated[str, AfterValidator(NETWORKS.check), NETWORKS]

# Scores: `msl.metrics.Metric`s, registered by their entries in the table `msl.schema.SCORES`.
METRICS = Registry("metric", {score.name: score.source for score in schema.SCORES})
EXTRA_METRICS = Registry("extra_metrics", {score.name: score.source for score in schema.SCORES if not score.always})


def _check_extra(name: str) -> str:
    if name in METRICS and name not in EXTRA_METRICS:
        raise ValueError(f"every evaluation computes {name}; leave it out")
    return EXTRA_METRICS.check(name)


ExtraMetrics = Annotated[
    tuple[Annotated[str, AfterValidator(_check_extra)], ...],
    Field(min_length=1),
    BeforeValidator(lambda value: parse_names(value) if isinstance(value, str) else value),
    PlainSerializer(",".join, return_type=str),
]

# What chooses a network without target labels: metrics that every evaluation logs, see the table `msl.schema.CRITERIA`.
CRITERIA = Registry("choose_by", dict.fromkeys(schema.CRITERION_METRICS, "msl.scoring.criteria:criteria"))
CriterionName = Annotated[
    str | None, AfterValidator(lambda name: None if name is None else CRITERIA.check(name)), CRITERIA
]

# Feature extractors: subclasses of `msl.models.backbones.Backbone`; see also `msl.config.abilities`.
BACKBONES = Registry(
    "backbone",
    {
        "resnet101": "msl.models.backbones.resnet:ResNet",
        "resnet50": "msl.models.backbones.resnet:ResNet",
        "resnet18": "msl.models.backbones.resnet:ResNet",
        "mobilenet_v2": "msl.models.backbones.mobilenet:MobileNetV2",
    },
    {"timm:NAME": "msl.models.backbones.timm:TimmBackbone"},
)
BackboneName = Annotated[str, AfterValidator(BACKBONES.check), BACKBONES]

# From RGB images to the input that a backbone's weights need: subclasses of `msl.models.preprocessing.Preprocessing`.
PREPROCESSINGS = Registry(
    "preprocessing",
    {
        "imagenet_rgb": "msl.models.preprocessing:ImageNetRGB",
        "caffe_bgr": "msl.models.preprocessing:CaffeBGR",
    },
    {"rgb:MEAN/DEVIATION": "msl.models.preprocessing:NormalisedRGB"},
)


def _check_preprocessing(name: str | None) -> str | None:
    if name is not None and ":" in PREPROCESSINGS.check(name):
        parse_normalisation(name)
    return name


PreprocessingName = Annotated[str | None, AfterValidator(_check_preprocessing), PREPROCESSINGS]


# Stages that `msl.runs.run` carries out: subclasses of `msl.stages.stage.Stage`.
STAGES = Registry(
    "stage",
    {
        "pretrain": "msl.stages.pretrain:Pretrain",
        "adapt": "msl.stages.adapt:Adapt",
        "bn": "msl.stages.bn:Bn",
        "target_solo": "msl.stages.target_solo:TargetSolo",
        "self_train": "msl.stages.self_train:SelfTrain",
        "joint_adain": "msl.stages.joint_adain:JointAdain",
        "train_style": "msl.stages.train_style:TrainStyle",
        "stylize": "msl.stages.stylize:Stylize",
    },
)

# Studies: functions from a scale, full, camvid_gpu, camvid or smoke, to a `msl.studies.Study`.
STUDIES = Registry("study", {"report": "msl.studies.of_the_report:report", "gains": "msl.studies.gains:gains"})

# What carries the runs of a study out: `msl.studies.executors.Executor`s.
EXECUTORS = Registry(
    "executor",
    {
        "local": "msl.studies.executors.local:Local",
        "slurm": "msl.studies.executors.slurm:Slurm",
        "ray": "msl.studies.executors.ray:Ray",
    },
)

# Domains with a name: published data sets, and the two domains that msl draws.
DOMAINS = Registry(
    "domain",
    {
        "streets": "msl.streets:STYLES",
        "streets_real": "msl.streets:STYLES",
        "streets_dusk": "msl.streets:STYLES",
        "camvid": "msl.data.camvid:CAMVID",
        "camvid_day": "msl.data.camvid:CAMVID_DAY",
        "camvid_dusk": "msl.data.camvid:CAMVID_DUSK",
        "cityscapes": "msl.data.cityscapes:CITYSCAPES",
        "gta5": "msl.data.gta5:GTA5",
        "synthia": "msl.data.synthia:SYNTHIA",
        "crosscity_rome": "msl.data.crosscity:ROME",
        "crosscity_rio": "msl.data.crosscity:RIO",
        "crosscity_tokyo": "msl.data.crosscity:TOKYO",
        "crosscity_taipei": "msl.data.crosscity:TAIPEI",
    },
)
