"""The optimizer of the style decoder, beside that of the network."""

from typing import Any

from torch import nn

from msl.config import StyleLossConfig
from msl.training.loop import Callback, State
from msl.training.optimizers import set_lr
from msl.training.optimizers.decoder import adam
from msl.training.schedules import Inverse


class TrainDecoder(Callback):
    """Steps the decoder's optimizer after that of the network, with the gradients that the terms have computed."""

    def __init__(self, decoder: nn.Module, config: StyleLossConfig) -> None:
        self._optimizer, self._decay = adam(decoder, config), Inverse(config.style_lr_decay)

    def on_step(self, state: State) -> None:
        """One step of Adam."""
        set_lr(self._optimizer, self._decay.factor(state.step - 1))
        self._optimizer.step()
        self._optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Adam's moments; the weights are part of the model."""
        return {"optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them."""
        self._optimizer.load_state_dict(state["optimizer"])
