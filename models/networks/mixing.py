"""Small layers that both sides of the azimuth-column network are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NORM_EPS = 1e-3


class HalfInstanceNorm(nn.Module):
    """Normalise the first half of the channels (B, C, h, w) over each picture, leave the others as they are.

    What is the same all over a picture, such as the light, the season and the camera, is taken out of one half and kept
    in the other.

    Source: Pan et al., IBN-Net (ECCV 2018), IBN-a, without an affine part.
    """

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[1] // 2
        first, rest = x[:, :half], x[:, half:]
        centred = first - first.mean((2, 3), keepdim=True)
        spread = centred.square().mean((2, 3), keepdim=True)
        return torch.cat([centred * torch.rsqrt(spread + NORM_EPS), rest], dim=1)


class MapBlock(nn.Module):
    """Depthwise 3 x 3 and a pointwise MLP on a map (B, C, h, w), added to it.

    Source: Liu et al., ConvNeXt (CVPR 2022), with one group norm and half its width.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm = nn.GroupNorm(1, channels)
        self.widen = nn.Conv2d(channels, 2 * channels, 1)
        self.narrow = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.narrow(F.gelu(self.widen(self.norm(self.depthwise(x)))))
        return out


class CircleBlock(nn.Module):
    """The same around a circle of columns (B, W, C): a depthwise window that knows no seam."""

    def __init__(self, channels: int, window: int = 5) -> None:
        super().__init__()
        self.reach = window // 2
        self.depthwise = nn.Conv1d(channels, channels, window, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.widen = nn.Linear(channels, 2 * channels)
        self.narrow = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = x.transpose(1, 2)
        y = self.depthwise(torch.cat([y[..., -self.reach :], y, y[..., : self.reach]], dim=-1)).transpose(1, 2)
        out: Tensor = x + self.narrow(F.gelu(self.widen(self.norm(y))))
        return out


def unit_columns(columns: Tensor) -> Tensor:
    """(B, w, E) -> columns of one norm each, unit over all w * E of a row."""
    return unit_rows(F.normalize(columns, dim=-1))  # divided by their number, it would be frozen in an export


def unit_rows(columns: Tensor) -> Tensor:
    """(B, w, E) -> the same, unit over all w * E of a row; each column keeps its share of the norm."""
    return columns / columns.square().sum((1, 2), keepdim=True).sqrt()
