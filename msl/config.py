"""Settings of every stage, as frozen values.

A stage's settings are a few *groups* of fields. Field names are unique within a stage, so one name serves from the
command line (``--lambda_target``) through the code (``config.adaptation.lambda_target``) to the run store
(``cfg.lambda_target``). A field's description and bounds are the option's help and its error message.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from msl.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


def parse_dilations(text: str) -> tuple[int, ...]:
    """Whole numbers of ``"6,12,18,24"``.

    Raises:
        ValueError: it is spelled otherwise.
    """
    parts = text.split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise ValueError("dilations are whole numbers with commas between, such as 6,12,18,24")
    return tuple(map(int, parts))


def parse_scales(text: str) -> tuple[float, ...]:
    """Numbers of ``"0.75,1,1.25"``.

    Raises:
        ValueError: it is spelled otherwise.
    """
    try:
        return tuple(map(float, text.split(",")))
    except ValueError:
        raise ValueError("scales are numbers with commas between, such as 0.75,1,1.25") from None


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of ``"1280,720"``, as the original commands spell a size.

    Raises:
        ValueError: it is spelled otherwise.
    """
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise ValueError("a size is width,height in pixels, such as 1280,720")
    return int(parts[0]), int(parts[1])


Pixels = Annotated[int, Field(ge=16, le=16384)]
Size = Annotated[
    tuple[Pixels, Pixels],
    BeforeValidator(lambda value: parse_size(value) if isinstance(value, str) else value),
    PlainSerializer(lambda size: f"{size[0]},{size[1]}", return_type=str),
]

Dilations = Annotated[
    tuple[Annotated[int, Field(ge=1, le=256)], ...],
    Field(min_length=1),
    BeforeValidator(lambda value: parse_dilations(value) if isinstance(value, str) else value),
    PlainSerializer(lambda dilations: ",".join(map(str, dilations)), return_type=str),
]

Scales = Annotated[
    tuple[Annotated[float, Field(ge=0.25, le=4)], ...],
    Field(min_length=1),
    BeforeValidator(lambda value: parse_scales(value) if isinstance(value, str) else value),
    PlainSerializer(lambda scales: ",".join(str(scale).removesuffix(".0") for scale in scales), return_type=str),
]

Stride = Annotated[
    Literal[8, 16], BeforeValidator(lambda value: int(value) if isinstance(value, str) and value.isdigit() else value)
]
TargetMode = Literal["maxsquare", "IW_maxsquare", "entropy", "IW_entropy", "hard"]
Network = Literal["deeplabv2", "deeplabv3plus"]
Backbone = Literal["resnet101", "resnet50", "resnet18", "mobilenet_v2"]


class Group(BaseModel):
    """Fields that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class SourceConfig(Group):
    """The labelled domain, the classes, and what both domains' images go through."""

    source: str = Field("streets", description="Labelled domain: a name or a YAML file.")
    label_set: str | None = Field(None, description="Classes to predict; none = those of the source domain.")
    crop_size: Size = Field((256, 128), description="Width,height in pixels to which source images are resized.")
    random_mirror: bool = Field(True, description="Mirror training images with probability 0.5.")
    gaussian_blur: bool = Field(True, description="Blur training images with probability 0.5, sigma up to 1 pixel.")


class TargetConfig(Group):
    """The domain to adapt to. Its training labels are never read."""

    target: str | None = Field(
        "streets_real", description="Unlabelled domain: a name or a YAML file; none, in pretraining = not scored."
    )
    target_crop_size: Size | None = Field(None, description="crop_size of target images; none = the source's.")


class ModelConfig(Group):
    """The segmentation network. `num_classes` follows from the label set and is no option."""

    network: Network = Field("deeplabv2", description="Segmentation network on top of the backbone.")
    backbone: Backbone = Field("mobilenet_v2", description="Feature extractor.")
    width: float = Field(1.0, gt=0, le=2, description="Channel multiplier; other than 1 with mobilenet_v2 only.")
    output_stride: Stride | None = Field(
        None, description="Pixels of the image to one of the last features; none = 8 (deeplabv2), 16 (deeplabv3plus)."
    )
    dilations: Dilations | None = Field(
        None,
        description="Dilations of the head's parallel 3x3 convolutions; none = 6,12,18,24 (deeplabv2), 6,12,18 "
        "(deeplabv3plus; twice that at output stride 8). Small images need less.",
    )
    preprocessing: Literal["imagenet_rgb", "caffe_bgr"] | None = Field(
        None,
        description="What the backbone's weights take; none = as they need. With caffe_bgr, strides and pooling lie "
        "as in Caffe's ResNet.",
    )
    bn_affine: bool | None = Field(
        None, description="BatchNorm of the backbone has a scale and a shift; none = as its weights have it."
    )
    multi: bool = Field(False, description="Second output on the last but one stage, for multi-level guidance.")
    weights: str = Field(
        "none", description="Start of the backbone: none, imagenet, or a state dict file in torchvision's naming."
    )
    num_classes: int = Field(19, ge=2, le=254, json_schema_extra={"option": False})

    @model_validator(mode="after")
    def _only_mobilenet_scales(self) -> Self:
        if self.width != 1 and self.backbone != "mobilenet_v2":
            raise ValueError(f"width = {self.width} needs backbone = mobilenet_v2, not {self.backbone}")
        return self

    @model_validator(mode="after")
    def _only_resnets_come_from_caffe(self) -> Self:
        if self.preprocessing == "caffe_bgr" and not self.backbone.startswith("resnet"):
            raise ValueError(f"preprocessing = caffe_bgr needs a ResNet, not backbone = {self.backbone}")
        return self

    def architecture(self) -> dict[str, Any]:
        """What the weights' shapes and meaning depend on, by option, with what is left open filled in."""
        v2 = self.network == "deeplabv2"
        stride = self.output_stride or (8 if v2 else 16)
        spread = (6, 12, 18, 24) if v2 else tuple(16 // stride * d for d in (6, 12, 18))
        own = {name: getattr(self, name) for name in ("network", "backbone", "width", "multi", "num_classes")}
        filled = {"output_stride": stride, "dilations": self.dilations or spread}
        from_weights = {"preprocessing": self.preprocessing or "imagenet_rgb", "bn_affine": self.bn_affine is not False}
        return {**own, **filled, **from_weights}


class OptimizerConfig(Group):
    """Stochastic gradient descent with the polynomial schedule."""

    batch_size: int = Field(1, ge=1, description="Images of each domain in one step.")
    lr: float = Field(2.5e-4, gt=0, description="Learning rate at step 0.")
    head_lr_ratio: float = Field(10.0, gt=0, description="Learning rate of the heads, as a multiple of lr.")
    backbone_lr_ratio: float = Field(
        1.0,
        gt=0,
        description="Learning rate of the backbone, as a multiple of lr; 3 = as in the published code, whose list of "
        "parameters holds the backbone's three times.",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="SGD momentum.")
    weight_decay: float = Field(5e-4, ge=0, description="SGD weight decay.")
    poly_power: float = Field(0.9, ge=0, description="p in lr(t) = lr (1 - t/T)^p.")
    freeze_bn: bool = Field(False, description="Keep BatchNorm in eval mode: no batch statistics, no running update.")
    freeze_stem_bn: bool = Field(
        False, description="Do not train scale and shift of the backbone's first BatchNorm, as in the published code."
    )


class ObjectiveConfig(Group):
    """What the source's and the target's objectives share."""

    lambda_seg: float = Field(0.1, ge=0, description="Weight of the second output's losses (with multi).")


class AdaptationConfig(Group):
    """The target objective."""

    target_mode: TargetMode = Field("maxsquare", description="Objective on unlabelled target images.")
    lambda_target: float = Field(0.1, ge=0, description="Weight of the target objective.")
    iw_ratio: float = Field(0.2, ge=0, le=1, description="Exponent r of the image-wise weights 1/(n^r S^(1-r)).")
    threshold: float = Field(0.95, ge=0, le=1, description="Least probability of a pixel that becomes a label.")


class TrainSchedule(Group, ABC):
    """How long training lasts, in iterations, given how many make an epoch."""

    epoch_iters: int | None = Field(None, ge=1, description="Iterations an epoch; none = one pass over the data.")

    @abstractmethod
    def horizon(self, epoch_iters: int) -> int:
        """Horizon T of the learning-rate schedule."""

    def stop(self, epoch_iters: int) -> int:
        """Iteration at which training stops."""
        return self.horizon(epoch_iters)


class PretrainSchedule(TrainSchedule):
    """How long pretraining lasts."""

    iter_max: int = Field(200_000, ge=1, description="Horizon T of the learning-rate schedule, in iterations.")
    iter_stop: int | None = Field(80_000, ge=1, description="Iteration at which training stops; none = iter_max.")

    @model_validator(mode="after")
    def _stops_within_the_horizon(self) -> Self:
        if self.iter_stop is not None and self.iter_stop > self.iter_max:
            raise ValueError(f"iter_stop = {self.iter_stop} lies behind iter_max = {self.iter_max}")
        return self

    def horizon(self, epoch_iters: int) -> int:
        """iter_max, whatever the epoch."""
        return self.iter_max

    def stop(self, epoch_iters: int) -> int:
        """iter_stop, or the horizon."""
        return self.iter_stop or self.iter_max


class AdaptSchedule(TrainSchedule):
    """How long adaptation lasts: round_num x epoch_each_round epochs."""

    round_num: int = Field(5, ge=1, description="Rounds of training.")
    epoch_each_round: int = Field(2, ge=1, description="Epochs in a round.")

    @property
    def epochs(self) -> int:
        """Epochs in all."""
        return self.round_num * self.epoch_each_round

    def horizon(self, epoch_iters: int) -> int:
        """All epochs."""
        return self.epochs * epoch_iters


class TargetSoloSchedule(AdaptSchedule):
    """Adaptation that goes on without the source."""

    round_num: int = Field(20, ge=1, description="Rounds of training.")
    target_solo_epoch: int = Field(20, ge=0, description="From this epoch on, counted from 0, only the target trains.")

    @model_validator(mode="after")
    def _reaches_the_solo(self) -> Self:
        if self.target_solo_epoch >= self.epochs:
            raise ValueError(
                f"target_solo_epoch = {self.target_solo_epoch} is never reached in {self.epochs} epochs: "
                "lower it or raise round_num"
            )
        return self


class RunConfig(Group):
    """What all stages of one experiment share."""

    seed: int = Field(0, ge=0, lt=2**31, description="Seed of initial weights, data order and augmentation.")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="Arithmetic of the network's passes.")
    max_iters: int | None = Field(
        None, ge=1, description="Stop after so many iterations, in this stage and in a parent that it starts."
    )


class StartConfig(Group):
    """Where adaptation starts."""

    checkpoint: str | None = Field(
        None,
        description="Weights to start from: a file or runs:/ID/checkpoints/last.pt; none = those of the newest "
        "finished parent run with fitting settings, or of one that is run first.",
    )


class ViewConfig(Group):
    """How often, and how, the network looks at an image."""

    eval_flip: bool = Field(False, description="Average the predictions for an image and its mirrored copy.")
    eval_scales: Scales = Field(
        (1.0,), description="Average the predictions at these multiples of the network's input size."
    )


class EvaluationConfig(ViewConfig):
    """How the network is scored and what is shown."""

    eval_images: int | None = Field(None, ge=1, description="Score at most so many images a domain; none = all.")
    resize_labels: bool = Field(
        False,
        description="Score against ground truth resized to the network's input, as the published code does, and not at "
        "its full resolution.",
    )
    panels: int = Field(4, ge=0, le=64, description="Images a domain in the panels of each evaluation.")


class MonitorConfig(Group):
    """How often training is looked at, in iterations."""

    eval_every: int | None = Field(None, ge=1, description="Iterations between evaluations; none = an epoch.")
    checkpoint_every: int | None = Field(
        None, ge=1, description="Iterations between checkpoints, besides the one after every evaluation."
    )
    log_every: int = Field(20, ge=1, description="Iterations over which losses and speed are averaged and logged.")


class FilesConfig(Group):
    """Where data sets lie on the machine."""

    data_root: Path | None = Field(None, description="Folder that holds the data sets; none = $MSL_DATA.")


class DeviceConfig(Group):
    """What the network runs on."""

    device: str = Field("auto", description="One of auto, cpu, cuda, cuda:1, ….")
    threads: int | None = Field(None, ge=1, description="CPU threads of the network; none = all cores.")


class RuntimeConfig(FilesConfig, DeviceConfig):
    """The machine, and its copies of the data. What training makes of those, it knows by their digests."""

    skip_bad: bool = Field(False, description="Go on without samples that cannot be used, instead of refusing them.")
    num_workers: int = Field(1, ge=0, description="Data loading processes a domain; changes no result.")


class StageConfig(BaseModel):
    """Base of a stage's settings: groups of fields with names that are unique within the stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Groups that change how a stage runs and is watched, never the weights it ends with.
    inert: ClassVar[frozenset[str]] = frozenset({"evaluation", "monitor", "runtime"})
    # Settings that change what a score means, though not the weights.
    scoring: ClassVar[tuple[str, ...]] = ("eval_flip", "eval_scales", "resize_labels")

    @classmethod
    def fields(cls) -> Iterator[tuple[str, str, FieldInfo]]:
        """Every (group, name, field) of the stage, in order."""
        for group, holder in cls.model_fields.items():
            assert isinstance(holder.annotation, type)
            assert issubclass(holder.annotation, Group)
            for name, field in holder.annotation.model_fields.items():
                yield group, name, field

    @classmethod
    def options(cls) -> dict[str, FieldInfo]:
        """The fields that a user sets, by name."""
        return {name: field for _, name, field in cls.fields() if not _is_derived(field)}

    @classmethod
    def of(cls, **values: Any) -> Self:
        """The settings with these fields, given by their names alone, and the defaults of all others.

        Raises:
            ConfigError: a field is unknown, missing, or a value does not fit.
        """
        home = {name: group for group, name, _ in cls.fields()}
        groups: dict[str, dict[str, Any]] = {group: {} for group in cls.model_fields}
        for name, value in values.items():
            if name not in home:
                raise ConfigError(f"{name} is no setting of {cls.__name__}: it has {', '.join(home)}")
            groups[home[name]][name] = value
        return validated(cls, groups)

    def edit(self, **values: Any) -> Self:
        """A copy with fields changed; raises as `of` does."""
        current = {name: getattr(getattr(self, group), name) for group, name, _ in self.fields()}
        return self.of(**(current | values))

    def flat(self) -> dict[str, Any]:
        """Every setting by its name, in values that JSON can hold."""
        dumped = self.model_dump(mode="json")
        return {name: dumped[group][name] for group, name, _ in self.fields()}

    def decisive(self) -> dict[str, Any]:
        """The settings on which the trained weights depend."""
        flat = self.flat()
        return {name: flat[name] for group, name, _ in self.fields() if group not in self.inert}

    def comparable(self) -> dict[str, Any]:
        """The settings on which scores depend: those that decide the weights, and how these are scored."""
        flat = self.flat()
        return self.decisive() | {name: flat[name] for name in self.scoring}


class TrainConfig(StageConfig):
    """What every training stage has."""

    @property
    def quarters(self) -> bool:
        """Whether training sees quarters of images, each of crop_size."""
        return False

    source: SourceConfig = SourceConfig()
    target: TargetConfig = TargetConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    schedule: TrainSchedule
    run: RunConfig = RunConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    monitor: MonitorConfig = MonitorConfig()
    runtime: RuntimeConfig = RuntimeConfig()

    @model_validator(mode="after")
    def _normalises_over_more_than_one(self) -> Self:
        """The image's mean is one value a channel: BatchNorm needs it of two images to have a deviation."""
        pooled = self.model.network == "deeplabv3plus"
        if pooled and self.optimizer.batch_size == 1 and not self.optimizer.freeze_bn:
            raise ValueError(
                "batch_size = 1 with network = deeplabv3plus: BatchNorm behind its image pooling needs two images. "
                "Pass batch_size=2 or freeze_bn=true."
            )
        return self


class PretrainConfig(TrainConfig):
    """Supervised training on the source. The target is only scored."""

    inert = TrainConfig.inert | {"target"}

    schedule: PretrainSchedule = PretrainSchedule()


class AdaptConfig(TrainConfig):
    """Training on the source and the target together."""

    adaptation: AdaptationConfig = AdaptationConfig()
    schedule: AdaptSchedule = AdaptSchedule()
    start: StartConfig = StartConfig()


class TargetSoloConfig(AdaptConfig):
    """Adaptation that ends on the target alone."""

    schedule: TargetSoloSchedule = TargetSoloSchedule()


class ScoredConfig(Group):
    """What is scored."""

    checkpoint: str = Field(description="Weights to score: a file or runs:/ID/checkpoints/best.pt.")
    source: str | None = Field("trained", description="Domain scored as source/…; trained = the one trained on.")
    target: str | None = Field("trained", description="Domain scored as target/…; none = not scored.")
    split: str = Field("val", description="Split of both domains.")
    crop_size: Size | None = Field(None, description="Width,height of the network's input; none = as trained.")
    target_crop_size: Size | None = Field(None, description="The same for target images; none = as trained.")
    export: Path | None = Field(
        None,
        description="Folder on this machine for every prediction at full resolution, as PNG of Cityscapes' labelIds; "
        "none = not written.",
    )


class EvaluateConfig(StageConfig):
    """Scores of a checkpoint."""

    scored: ScoredConfig
    evaluation: EvaluationConfig = EvaluationConfig()
    runtime: RuntimeConfig = RuntimeConfig()


class ExaminedConfig(Group):
    """What is checked: of each domain every sample that a training would read."""

    source: str | None = Field("streets", description="Domain to check with its labels; none = no source.")
    target: str | None = Field("streets_real", description="Domain to check as targets are read: train has no labels.")
    split: str = Field("train,val", pattern=r"^\w+(,\w+)*$", description="Splits to check, with commas between.")
    label_set: str | None = Field(
        None, description="Classes to read labels in; none = the source's, without one the target's."
    )


class ValidateConfig(StageConfig):
    """A check of data without a training."""

    examined: ExaminedConfig = ExaminedConfig()
    files: FilesConfig = FilesConfig()


class InputConfig(ViewConfig):
    """What the network gets to see of an image."""

    crop_size: Size | None = Field(
        None, description="Width,height of the network's input; none = that of target images in its training."
    )


class PredictedConfig(Group):
    """What is predicted, and what of it is written."""

    checkpoint: str = Field(
        description="Network to predict with: a file, runs:/ID/checkpoints/last.pt, runs:/ID for its best checkpoint, "
        "or models:/NAME@ALIAS."
    )
    images: Path = Field(description="An image, or a folder of images or video frames, with its subfolders.")
    output: Path = Field(description="Folder for what is written: labels, overlays, predictions.csv.")
    ids: Literal["labelIds", "trainIds"] = Field(
        "labelIds",
        description="Numbers in the label PNGs: Cityscapes' labelIds, where it has the classes, or the network's own, "
        "0 for its first class.",
    )
    overlay: float | None = Field(
        0.5, gt=0, le=1, description="Opacity of the classes' colours over the image; none = no overlays."
    )
    confidence: Literal["mean", "map"] | None = Field(
        "mean",
        description="Probability of the predicted class: an image's mean in predictions.csv; map = as PNG too, 255 for "
        "1; none = not computed.",
    )


class PredictConfig(StageConfig):
    """Predictions of a checkpoint for images without labels."""

    predicted: PredictedConfig
    input: InputConfig = InputConfig()
    device: DeviceConfig = DeviceConfig()


class PackagedConfig(Group):
    """What becomes an MLflow model, and under which name."""

    checkpoint: str = Field(
        description="Network to package: runs:/ID for its best checkpoint, runs:/ID/checkpoints/last.pt, or a file."
    )
    name: str | None = Field(
        None,
        pattern=r"^[^/:]+$",
        description="Registered model of which it becomes the next version; none = logged to its run, not registered.",
    )
    alias: str | None = Field(
        None,
        pattern=r"^[A-Za-z][\w-]*$",
        description="Alias that this version takes over, such as champion; none = it gets none.",
    )
    license: str | None = Field(
        None, description="License of the weights; none = left to the terms of the data they were trained on."
    )

    @model_validator(mode="after")
    def _only_versions_have_aliases(self) -> Self:
        if self.alias is not None and self.name is None:
            raise ValueError(f"alias = {self.alias} needs a registered model: pass name")
        return self

    @model_validator(mode="after")
    def _aliases_are_no_versions(self) -> Self:
        if self.alias == "latest" or re.fullmatch(r"v\d+", self.alias or ""):
            raise ValueError(f"alias = {self.alias} is reserved by MLflow: choose another")
        return self


class PackageConfig(StageConfig):
    """A checkpoint as an MLflow model."""

    packaged: PackagedConfig
    input: InputConfig = InputConfig()


class ReportConfig(Group):
    """A report on an experiment."""

    experiment: str = Field(description="Name of the experiment.")
    baseline: str = Field(description="Group to compare with: its name, or a part that no other has.")
    output: str = Field("report.html", description="File to write; ends in .html, or in .md for Markdown.")
    log: bool = Field(False, description="Keep the report as an artifact of a run of its own, too.")


class RequestConfig(Group):
    """How a stage is asked for: what is no setting of the training itself."""

    recipe: str = Field("streets", description="Set of defaults to start from; every other option overrides it.")
    group: str | None = Field(
        None, description="Name shared by runs that differ only by seed; none = from the settings."
    )
    resume: str | None = Field(None, description="ID of an unfinished run to go on with, in the same run.")
    dry_run: bool = Field(False, description="Print the resolved settings and stop.")


def validated(model: type[M], values: Mapping[str, Any]) -> M:
    """`model` made of `values`.

    Raises:
        ConfigError: names every field that does not fit, its value and what the field means.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError("; ".join(_explained(model, detail) for detail in error.errors())) from None


def _explained(model: type[BaseModel], detail: ErrorDetails) -> str:
    """``lambda_target = -1: input should be greater than or equal to 0 (Weight of the target objective.)``."""
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error" and isinstance(detail["input"], Mapping | BaseModel):
        return message  # a rule between fields names its own values
    field = _field_at(model, detail["loc"])
    meaning = f" ({field.description})" if field is not None and field.description else ""
    name = next((str(part) for part in reversed(detail["loc"]) if isinstance(part, str)), model.__name__)
    return f"{name} = {detail['input']!r}: {message[0].lower()}{message[1:]}{meaning}"


def _field_at(model: type[BaseModel], path: tuple[int | str, ...]) -> FieldInfo | None:
    field = None
    for part in path:
        field = model.model_fields.get(str(part), field)
        if field is not None and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            model = field.annotation
    return field


def _is_derived(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and extra.get("option") is False
