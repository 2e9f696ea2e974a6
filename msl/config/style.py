"""Settings of the style stages: train_style, stylize and joint_adain."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from msl.config.group import Group
from msl.config.run import RunConfig, RuntimeConfig, StyleRuntimeConfig, UploadConfig
from msl.config.stage import StageConfig, refuse_too_many_processes
from msl.config.train import AdaptConfig
from msl.config.values import StyleWeights

StyleMethod = Literal["adain", "fourier", "colour"]


StyleTraining = Literal["frozen", "decoder", "end_to_end"]


_DOMAINS = r"^[^,\s]+(,[^,\s]+)*$"


class StyleImagesConfig(Group):
    """The images whose style is used."""

    style: str = Field(
        "streets_real",
        description="Style images: a folder, a folder in DATA_ROOT/styles, a domain's name or its YAML file.",
    )
    style_images: int | None = Field(
        None, ge=1, description="Use only this many style images, spread evenly over all of them; none = all."
    )


class EncoderConfig(Group):
    """The two halves of the style network."""

    encoder: str = Field(
        "imagenet",
        description="Encoder up to relu4_1: imagenet (torchvision's VGG-19), or the file of a VGG-16, of a VGG-19 or "
        "vgg_normalised.pth, in this folder or in data_root.",
    )
    decoder: str | None = Field(
        None,
        description="Weights of the decoder: a file or runs:/ID/checkpoints/last.pt. none = in train_style, a new "
        "decoder; in other stages, that of the newest finished train_style run that fits; if no run fits, train_style "
        "is run first.",
    )


class LearnedDecoderConfig(EncoderConfig):
    """The style network whose decoder is trained."""

    normalise_encoder: bool = Field(
        True,
        description="Scale the encoder of a new decoder so that each filter's mean response to the content is one. "
        "The style weights then mean the same with every encoder.",
    )


class StyleLossConfig(Group):
    """The losses of a decoder."""

    style_weight: float = Field(10.0, ge=0, description="Weight of the style loss.")
    content_weight: float = Field(1.0, ge=0, description="Weight of the content loss.")
    identity_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of the squared error of images that are decoded with their own style.",
    )
    style_lr: float = Field(1e-4, gt=0, description="Adam's learning rate for the decoder at step 0.")
    style_lr_decay: float = Field(5e-5, ge=0, description="d in lr(i) = lr / (1 + d i).")


class DecoderDataConfig(Group):
    """The images that a decoder is trained on."""

    content: str = Field(
        "streets,streets_real",
        pattern=_DOMAINS,
        description="Domains whose images the decoder learns to draw, with commas between.",
    )
    style_resize: int = Field(512, ge=32, description="Shorter side in pixels to which all images are resized.")
    style_crop: int = Field(256, ge=32, description="Side in pixels of the square that is cut out of each image.")
    style_batch_size: int = Field(8, ge=1, le=4096, description="Content images in one step, and as many style images.")

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.style_crop > self.style_resize:
            raise ValueError(f"style_crop = {self.style_crop} is larger than style_resize = {self.style_resize}")
        return self


class DecoderScheduleConfig(Group):
    """How long a decoder is trained."""

    style_iters: int = Field(160_000, ge=1, le=10**9, description="Iterations of training.")


class StyleMonitorConfig(UploadConfig):
    """How often a decoder's training is shown, saved and logged, in iterations."""

    preview_every: int = Field(
        5000, ge=1, description="Iterations between two sets of pictures; a checkpoint is saved with each."
    )
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
    runtime: StyleRuntimeConfig = StyleRuntimeConfig()

    @model_validator(mode="after")
    def _has_an_image_for_each_process(self) -> Self:
        refuse_too_many_processes(self.runtime.nproc, "style_batch_size", self.data.style_batch_size)
        return self


class LookConfig(StyleImagesConfig):
    """How the style is applied."""

    style_weights: StyleWeights | None = Field(
        None, description="Share of each style image in the mixture, with commas between; none = equal shares."
    )
    style_size: int | None = Field(
        None,
        ge=32,
        description="Shorter side in pixels to which content and style images are scaled for the network; the result "
        "is scaled back. Small images keep more detail if they are enlarged. none = not scaled.",
    )
    alpha: float = Field(
        1.0, ge=0, le=1, description="Share of the style: 0 = the content as it is; 1 = the full style."
    )


class MethodConfig(Group):
    """The method that styles an image."""

    method: StyleMethod = Field(
        "adain",
        description="adain = a network; fourier = low frequencies are swapped (FDA); colour = mean and covariance of "
        "the colours are matched.",
    )
    beta: float = Field(
        0.01, ge=0, lt=0.5, description="Half the side of the swapped square of frequencies, with method fourier."
    )
    preserve_colours: bool = Field(
        False, description="Give the style image the colours of the content first, so that only its texture is used."
    )


class CopyConfig(Group):
    """What to copy, and where to."""

    content: str = Field("streets", description="Domain to copy: a name or a YAML file.")
    split: str = Field("train,val", pattern=r"^\w+(,\w+)*$", description="Splits to copy, with commas between.")
    style_name: str | None = Field(
        None,
        pattern=r"^[\w.-]+$",
        description="The copy is named CONTENT_STYLENAME; none = the name of the style images.",
    )
    output: Path = Field(
        Path("styled"),
        description="Folder for copies; each copy gets its own folder there, named after the copy and its settings.",
    )
    image_format: Literal["png", "jpeg"] = Field("png", description="Format of the copy's images.")
    shuffle_styles: bool = Field(
        False, description="Style each image by one style image, chosen at random, instead of by their mixture."
    )
    style_seed: int = Field(0, ge=0, lt=2**31, description="Seed of that random choice.")


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
        description="What the decoder learns from: frozen = it does not learn; decoder = its own losses; end_to_end = "
        "the segmentation losses.",
    )
    quadrants: bool = Field(
        False,
        description="Train on random quarters of the images, each of size crop_size; evaluation uses whole images of "
        "twice that size.",
    )
    plateau_factor: float | None = Field(
        None, gt=0, lt=1, description="Multiply lr by this factor when the source loss stops falling; none = never."
    )
    plateau_patience: int = Field(
        3, ge=0, description="Epochs without a lower source loss that are tolerated before that."
    )


class JointAdainConfig(AdaptConfig):
    """Adaptation with both domains styled on the fly."""

    @property
    def quarters(self) -> bool:
        """Whether training uses quarters of images, each of size crop_size."""
        return self.joint.quadrants

    joint: JointConfig = JointConfig()
    look: LookConfig = LookConfig()
    network: EncoderConfig = EncoderConfig()
    losses: StyleLossConfig = StyleLossConfig()
