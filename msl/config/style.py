"""Settings of the stages that deal in styles: train_style, stylize and joint_adain."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from msl.config.group import Group
from msl.config.run import RunConfig, RuntimeConfig
from msl.config.stage import StageConfig
from msl.config.train import AdaptConfig
from msl.config.values import StyleWeights

StyleMethod = Literal["adain", "fourier", "colour"]


StyleTraining = Literal["frozen", "decoder", "end_to_end"]


_DOMAINS = r"^[^,\s]+(,[^,\s]+)*$"


class StyleImagesConfig(Group):
    """Whose look is taken on."""

    style: str = Field(
        "streets_real",
        description="Style images: a folder, a folder below DATA_ROOT/styles, a domain's name or its YAML file.",
    )
    style_images: int | None = Field(
        None, ge=1, description="Take so many of the style images, spread evenly over them; none = all."
    )


class EncoderConfig(Group):
    """The network that sees."""

    encoder: str = Field(
        "imagenet",
        description="Encoder up to relu4_1: imagenet (torchvision's VGG-19), or a file of a VGG-16, a VGG-19 or "
        "vgg_normalised.pth, here or below data_root.",
    )
    decoder: str | None = Field(
        None,
        description="Weights of the decoder: a file or runs:/ID/checkpoints/last.pt. none = in train_style, a fresh "
        "one; elsewhere that of the newest finished train_style run that fits, or of one that is run first.",
    )


class LearnedDecoderConfig(EncoderConfig):
    """The network that sees, and one that learns to draw what it sees."""

    normalise_encoder: bool = Field(
        True,
        description="Scale the encoder of a fresh decoder so that each filter's mean response to the content is one: "
        "the style weights then mean the same with every encoder.",
    )


class StyleLossConfig(Group):
    """What a decoder learns by."""

    style_weight: float = Field(10.0, ge=0, description="Weight of the style loss.")
    content_weight: float = Field(1.0, ge=0, description="Weight of the content loss.")
    identity_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of the squared error of images that are decoded as they are, their style their own.",
    )
    style_lr: float = Field(1e-4, gt=0, description="Adam's learning rate for the decoder at step 0.")
    style_lr_decay: float = Field(5e-5, ge=0, description="d in lr(i) = lr / (1 + d i).")


class DecoderDataConfig(Group):
    """What a decoder learns from."""

    content: str = Field(
        "streets,streets_real", pattern=_DOMAINS, description="Domains whose images it learns to draw, commas between."
    )
    style_resize: int = Field(512, ge=32, description="Shorter side in pixels to which all images are resized.")
    style_crop: int = Field(256, ge=32, description="Side in pixels of the square that is cut out of each.")
    style_batch_size: int = Field(8, ge=1, description="Images of content, and as many of style, in one step.")

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.style_crop > self.style_resize:
            raise ValueError(f"style_crop = {self.style_crop} is larger than style_resize = {self.style_resize}")
        return self


class DecoderScheduleConfig(Group):
    """How long a decoder learns."""

    style_iters: int = Field(160_000, ge=1, description="Iterations of training.")


class StyleMonitorConfig(Group):
    """How often a decoder's training is looked at, in iterations."""

    preview_every: int = Field(5000, ge=1, description="Iterations between pictures and checkpoints.")
    previews: int = Field(3, ge=0, le=16, description="Content images of each domain in the pictures.")
    log_every: int = Field(20, ge=1, description="Iterations over which losses and speed are averaged and logged.")


class StyleStageConfig(StageConfig):
    """Base of the settings of a stage that scores nothing."""

    scoring = ()


class TrainStyleConfig(StyleStageConfig):
    """Training of an AdaIN decoder (Huang and Belongie, ICCV 2017)."""

    data: DecoderDataConfig = DecoderDataConfig()
    images: StyleImagesConfig = StyleImagesConfig()
    network: LearnedDecoderConfig = LearnedDecoderConfig()
    losses: StyleLossConfig = StyleLossConfig()
    schedule: DecoderScheduleConfig = DecoderScheduleConfig()
    run: RunConfig = RunConfig()
    monitor: StyleMonitorConfig = StyleMonitorConfig()
    runtime: RuntimeConfig = RuntimeConfig()


class LookConfig(StyleImagesConfig):
    """How a style is taken on."""

    style_weights: StyleWeights | None = Field(
        None, description="Share of each style image in the mixture, commas between; none = alike."
    )
    style_size: int | None = Field(
        None,
        ge=32,
        description="Shorter side in pixels to which content and style images are scaled for the network, the result "
        "back: small images keep more detail enlarged. none = as they are.",
    )
    alpha: float = Field(1.0, ge=0, le=1, description="Share of the style: 0 keeps the content, 1 takes on the style.")


class MethodConfig(Group):
    """By what an image is styled."""

    method: StyleMethod = Field(
        "adain",
        description="adain = a network; fourier = low frequencies swapped (FDA); colour = mean and covariance of the "
        "colours matched.",
    )
    beta: float = Field(
        0.01, ge=0, lt=0.5, description="Half the side of the swapped square of frequencies, with method fourier."
    )
    preserve_colours: bool = Field(
        False, description="Give the style image the content's colours first, so that its texture alone is taken on."
    )


class CopyConfig(Group):
    """What is copied, and where to."""

    content: str = Field("streets", description="Domain to copy in the style: a name or a YAML file.")
    split: str = Field("train,val", pattern=r"^\w+(,\w+)*$", description="Splits to copy, with commas between.")
    style_name: str | None = Field(
        None, pattern=r"^[\w.-]+$", description="The copy is called CONTENT_STYLENAME; none = the style images' name."
    )
    output: Path = Field(
        Path("styled"),
        description="Folder in which the copy gets a folder of its own, named after it and its settings.",
    )
    image_format: Literal["png", "jpeg"] = Field("png", description="Format of the copy's images.")
    shuffle_styles: bool = Field(
        False, description="Style each image by one style image, drawn at random, instead of by their mixture."
    )
    style_seed: int = Field(0, ge=0, lt=2**31, description="Seed of that draw.")


class StylizeConfig(StyleStageConfig):
    """A copy of a domain in another style."""

    copied: CopyConfig = CopyConfig()
    method: MethodConfig = MethodConfig()
    look: LookConfig = LookConfig()
    network: EncoderConfig = EncoderConfig()
    runtime: RuntimeConfig = RuntimeConfig()


class JointConfig(Group):
    """The style network in front of the segmentation network."""

    style_training: StyleTraining = Field(
        "frozen",
        description="What the decoder learns from: frozen = nothing; decoder = its own losses; end_to_end = the "
        "segmentation losses.",
    )
    quadrants: bool = Field(
        False,
        description="Train on random quarters of the images, each of crop_size; whole images are scored at twice "
        "that size.",
    )
    plateau_factor: float | None = Field(
        None, gt=0, lt=1, description="Multiply lr by this where the source loss has stopped falling; none = do not."
    )
    plateau_patience: int = Field(3, ge=0, description="Epochs without a lower source loss that are waited for.")


class JointAdainConfig(AdaptConfig):
    """Adaptation with both domains styled on the fly."""

    @property
    def quarters(self) -> bool:
        """Whether training sees quarters of images, each of crop_size."""
        return self.joint.quadrants

    joint: JointConfig = JointConfig()
    look: LookConfig = LookConfig()
    network: EncoderConfig = EncoderConfig()
    losses: StyleLossConfig = StyleLossConfig()
