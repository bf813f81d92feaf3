"""Sample4Geo: one ConvNeXt-B for both views.

Source: Deuser, Habel, Oswald, "Sample4Geo: Hard Negative Sampling For Cross-View Geo-Localisation", ICCV 2023; Liu et
al., "A ConvNet for the 2020s", CVPR 2022. Parameter names equal those of the published checkpoints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.network import Network

LAYER_NORM_EPS = 1e-6
INITIAL_TEMPERATURE = 0.07
INITIAL_GAMMA = 1e-6
MLP_RATIO = 4


@dataclass(frozen=True, slots=True)
class ConvNextSize:
    """Blocks and channels of the four stages; the defaults are ConvNeXt-B."""

    depths: tuple[int, ...] = (3, 3, 27, 3)
    widths: tuple[int, ...] = (128, 256, 512, 1024)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of images (B, C, H, W), or of (B, C, 1, 1)."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=LAYER_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, MLP_RATIO * width)
        self.fc2 = nn.Linear(MLP_RATIO * width, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class ConvNextBlock(nn.Module):
    """Depthwise 7 x 7, layer norm, MLP over channels, a learned scale for each channel, residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), INITIAL_GAMMA))
        self.conv_dw = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv_dw(x).permute(0, 2, 3, 1)  # (B, H, W, C)
        y = self.gamma * self.mlp(self.norm(y))
        out: Tensor = x + y.permute(0, 3, 1, 2)
        return out


class Stage(nn.Module):
    """Halve the image (the first stage does not), then blocks of one width."""

    def __init__(self, width_in: int, width: int, depth: int, *, halve: bool) -> None:
        super().__init__()
        halving = nn.Sequential(ChannelNorm(width_in), nn.Conv2d(width_in, width, 2, stride=2))
        self.downsample = halving if halve else nn.Identity()
        self.blocks = nn.Sequential(*(ConvNextBlock(width) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.blocks(self.downsample(x))
        return out


class Head(nn.Module):
    """Mean over the image, then layer norm: (B, C, H, W) -> (B, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(x.mean((2, 3), keepdim=True)).flatten(1)
        return out


class ConvNext(nn.Module):
    """Images (B, 3, H, W) of any size from 32 pixels a side -> (B, widths[-1])."""

    def __init__(self, size: ConvNextSize) -> None:
        super().__init__()
        widths = size.widths
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, stride=4), ChannelNorm(widths[0]))
        self.stages = nn.Sequential(
            *(
                Stage(widths[max(level - 1, 0)], widths[level], depth, halve=level > 0)
                for level, depth in enumerate(size.depths)
            )
        )
        self.head = Head(widths[-1])
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, pixels: Tensor) -> Tensor:
        out: Tensor = self.head(self.stages(self.stem(pixels)))
        return out


class Sample4Geo(Network):
    """Both views through one network; `logit_scale` is the logarithm of the inverse temperature it was trained with."""

    def __init__(self, size: ConvNextSize | None = None) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor(-math.log(INITIAL_TEMPERATURE)))
        self.model = ConvNext(size or ConvNextSize())

    def embed(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D) as the published network gives it, not normalised."""
        out: Tensor = self.model(pixels)
        return out

    def ground(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1, D), L2-normalised: one column, a plain vector."""
        return F.normalize(self.embed(pixels), dim=-1)[:, None]

    def aerial(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1, D), L2-normalised: the same network."""
        return self.ground(pixels)
