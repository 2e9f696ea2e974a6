"""The alternatives for comparison: simple code, written directly from each definition."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as fn

IGNORE = 255


def iw_max_square(prob: Tensor, ratio: float = 0.2) -> Tensor:
    """A histogram an image on the CPU, and a mask over N·C·H·W."""
    classes = prob.shape[1]
    confidence, winner = prob.max(dim=1)
    weights = []
    for image in winner:
        count = torch.histc(image.cpu().float(), bins=classes, min=0, max=classes - 1)
        weight = 1 / (count**ratio * count.sum() ** (1 - ratio)).clamp(min=1)
        weights.append(weight.to(prob.device)[image])
    mask = (confidence != IGNORE).unsqueeze(1).expand_as(prob)
    return -(prob.square() * torch.stack(weights).unsqueeze(1))[mask].sum() / (len(prob) * classes)


class Pyramid(nn.ModuleList):
    """A head of parallel dilated convolutions, with their own backward passes."""

    def forward(self, features: Tensor) -> Tensor:
        """Features to logits."""
        return sum(convolution(features) for convolution in self)


class Loop:
    """The training loop of the loss's authors: one operation after the other, and every loss read in every step."""

    def __init__(self, network: nn.Module, lambda_target: float = 0.09, lambda_seg: float = 0.1) -> None:
        self.network, self.lambda_target, self.lambda_seg = network, lambda_target, lambda_seg
        self.optimizer = torch.optim.SGD(network.parameters(), lr=2.5e-4, momentum=0.9, weight_decay=5e-4)

    def step(self, source: Tensor, label: Tensor, target: Tensor) -> tuple[float, ...]:
        """Images (N, 3, H, W) and source labels (N, H, W); gives the losses."""
        self.optimizer.zero_grad()
        main, aux = self._logits(source)
        supervised = fn.cross_entropy(main, label.long(), ignore_index=IGNORE)
        supervised_aux = fn.cross_entropy(aux, label.long(), ignore_index=IGNORE)
        (supervised + self.lambda_seg * supervised_aux).backward()
        main, aux = self._logits(target)
        prob, prob_aux = main.softmax(dim=1), aux.softmax(dim=1)
        unsupervised = self.lambda_target * iw_max_square(prob)
        guided = self.lambda_seg * self.lambda_target * guidance_by_masks(prob.detach(), prob_aux.detach(), aux)
        (unsupervised + guided).backward()
        self.optimizer.step()
        return supervised.item(), supervised_aux.item(), unsupervised.item(), guided.item()

    def _logits(self, image: Tensor) -> tuple[Tensor, Tensor]:
        size = (image.shape[2], image.shape[3])
        main, aux = self.network.coarse(image)
        return tuple(fn.interpolate(x, size, mode="bilinear", align_corners=True) for x in (main, aux))


def guidance_by_masks(prob_main: Tensor, prob_aux: Tensor, logits_aux: Tensor, threshold: float = 0.95) -> Tensor:
    """Guidance and its cross entropy, with masks over N·C·H·W."""
    mean = (prob_main + prob_aux) / 2
    winner = mean == mean.amax(dim=1, keepdim=True)
    sure = ((prob_main > threshold) | (prob_aux > threshold)).any(dim=1, keepdim=True)
    mask = winner & sure
    return -logits_aux.log_softmax(dim=1)[mask].sum() / mask.sum().clamp(min=1)


def guidance_by_maxima(prob_main: Tensor, prob_aux: Tensor, logits_aux: Tensor, threshold: float = 0.95) -> Tensor:
    """Guidance and its cross entropy, with torch.max and PyTorch's own cross entropy."""
    label = ((prob_main + prob_aux) / 2).max(dim=1).indices
    sure = (prob_main.max(dim=1).values > threshold) | (prob_aux.max(dim=1).values > threshold)
    return fn.cross_entropy(logits_aux, torch.where(sure, label, IGNORE), ignore_index=IGNORE)


def confusion(prediction: NDArray[np.int64], label: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """The `fast_hist` of many evaluation scripts."""
    counted = (label >= 0) & (label < classes)
    cells = np.bincount(classes * label[counted].astype(int) + prediction[counted], minlength=classes**2)
    return cells.reshape(classes, classes)


def colours(label: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixel by pixel."""
    height, width = label.shape
    picture = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            picture[y, x] = palette[label[y, x]]
    return picture
