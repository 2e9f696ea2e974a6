"""A style network in front of a segmentation network, and what its decoder learns while both train."""

from typing import Any

import torch
from torch import Tensor, nn

from msl.models import SegmentationNetwork
from msl.style import VGG, Decoder, Encoder, StyleStatistics, StyleTransfer, mixing_weights, unit_rgb
from msl.style_config import LookConfig, StyleLossConfig, StyleTraining
from msl.training.loop import Callback, State
from msl.training.optim import Inverse, adam, set_lr


class StyleFront(nn.Module):
    """Images in a fixed mixture of styles. It brings along all it needs: encoder, decoder, the styles' statistics."""

    mean: Tensor  # (1, C, 1, 1), of the mixture
    deviation: Tensor

    def __init__(self, transfer: StyleTransfer, alpha: float, learns: StyleTraining) -> None:
        """Set it up, without a style yet.

        Args:
            transfer: the style network.
            alpha: share of the style.
            learns: what its decoder learns from; only with end_to_end does a segmentation loss reach it.
        """
        super().__init__()
        self.transfer, self.alpha, self.learns = transfer, alpha, learns
        channels = transfer.encoder.vgg.channels[-1]
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("deviation", torch.ones(1, channels, 1, 1))
        transfer.decoder.requires_grad_(learns != "frozen")

    def take_on(self, styles: StyleStatistics, look: LookConfig) -> None:
        """Make this mixture of styles its own."""
        mean, deviation = styles.mixed(mixing_weights(look.style_weights, len(styles)))
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)

    def forward(self, image: Tensor) -> Tensor:
        """Images (N, 3, H, W), uint8 or RGB in [0, 1], to styled ones of the same size in [0, 1]."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.learns == "end_to_end"):
            content = unit_rgb(image, "image")
            return self.transfer.restyle(content, (self.mean, self.deviation), self.alpha).clamp(0, 1)

    def about(self) -> dict[str, Any]:
        """What a checkpoint says of it, enough to build it anew."""
        vgg = self.transfer.encoder.vgg
        return {
            "depths": list(vgg.depths),
            "channels": list(vgg.channels),
            "style_size": self.transfer.size,
            "alpha": self.alpha,
            "style_training": self.learns,
        }


def built_front(about: dict[str, Any]) -> StyleFront:
    """The front that gave `about`, without its weights."""
    vgg = VGG(tuple(about["depths"]), tuple(about["channels"]))
    return StyleFront(
        StyleTransfer(Encoder(vgg), Decoder(vgg), about["style_size"]), about["alpha"], about["style_training"]
    )


def put_in_front(model: SegmentationNetwork, front: StyleFront) -> None:
    """Let a network see styled images, in training and wherever else it is used."""
    model.preprocessing = nn.Sequential(front, model.preprocessing)


def front_of(model: SegmentationNetwork) -> StyleFront | None:
    """What `put_in_front` has put there."""
    first = model.preprocessing[0] if isinstance(model.preprocessing, nn.Sequential) else None
    return first if isinstance(first, StyleFront) else None


class TrainDecoder(Callback):
    """Steps the decoder's own optimizer after the network's, with the gradients that the terms have left in it."""

    def __init__(self, decoder: nn.Module, config: StyleLossConfig) -> None:
        self._optimizer, self._decay = adam(decoder, config), Inverse(config.style_lr_decay)

    def on_step(self, state: State) -> None:
        """One step of Adam."""
        set_lr(self._optimizer, self._decay.factor(state.step - 1))
        self._optimizer.step()
        self._optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Adam's moments; the weights are the model's."""
        return {"optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them up."""
        self._optimizer.load_state_dict(state["optimizer"])


class LowerOnPlateau(Callback):
    """Lowers the learning rate by a factor after epochs in which the source loss fell no more.

    It acts on top of the schedule: with poly_power = 0, alone.
    """

    _THRESHOLD = 1e-4  # a loss counts as lower by this share at least, as in torch's ReduceLROnPlateau

    def __init__(self, factor: float, patience: int) -> None:
        self._factor, self._patience = factor, patience
        self._sum, self._count = 0.0, 0
        self._best, self._waited = float("inf"), 0

    def on_step(self, state: State) -> None:
        """Add up; after an epoch, compare."""
        self._sum += state.parts["source"].item()
        self._count += 1
        if state.step % state.schedule.epoch_iters == 0:
            self._compare(self._sum / self._count, state.optimizer)
            self._sum, self._count = 0.0, 0

    def _compare(self, loss: float, optimizer: torch.optim.Optimizer) -> None:
        if loss < self._best * (1 - self._THRESHOLD):
            self._best, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited > self._patience:
            self._waited = 0
            for group in optimizer.param_groups:
                group["initial_lr"] *= self._factor  # kept in the optimizer's state, so a resumed training has it too

    def state_dict(self) -> dict[str, Any]:
        """The epoch under way, the best loss, and the epochs waited."""
        return {"sum": self._sum, "count": self._count, "best": self._best, "waited": self._waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with them."""
        self._sum, self._count = state["sum"], state["count"]
        self._best, self._waited = state["best"], state["waited"]
