"""The optimizer of the style decoder, beside that of the network."""

from typing import Any

from torch import nn

from msl.config import StyleLossConfig
from msl.training.loop import Callback, State
from msl.training.optimizers import restore_optimizer, set_lr
from msl.training.optimizers.decoder import adam
from msl.training.schedules import Inverse


class TrainDecoder(Callback):
    """Steps the decoder's optimizer before that of the network, with the gradients that the terms have computed."""

    def __init__(self, decoder: nn.Module, config: StyleLossConfig) -> None:
        self._optimizer, self._decay = adam(decoder, config), Inverse(config.style_lr_decay)

    def on_gradients(self, state: State) -> None:
        """One step of Adam."""
        set_lr(self._optimizer, self._decay.factor(state.step))
        state.scaling.step(self._optimizer)
        self._optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Adam's moments; the weights are part of the model."""
        return {"optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them."""
        restore_optimizer(self._optimizer, state["optimizer"])
