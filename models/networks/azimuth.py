"""Azimuth columns: both views described by what is seen along each direction of the compass.

A frozen convolutional stem, two transformer blocks and a projection of each image column. Rows know their elevation
(or distance), columns do not know their azimuth: rolling the photo rolls its description, and matching a photo with a
tile is a circular correlation whose best shift is the heading.

Source of the idea: DSM (Shi et al., CVPR 2020) for correlation over azimuth, SAFA (Shi et al., NeurIPS 2019) for the
polar view of a tile; the stem and the unit columns are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.lite0 import CHANNELS, STRIDE_PX, Lite0Stem
from models.networks.network import Network
from models.networks.transformer import Block


@dataclass(frozen=True, slots=True)
class AzimuthSize:
    """Shape of both encoders."""

    columns: int = 24
    channels: int = 32
    width: int = 128
    depth: int = 2
    heads: int = 4
    rows: int = 6
    margin_columns: int = 2

    @property
    def canvas_px(self) -> tuple[int, int]:
        """(height, width) of a full panorama, margins not counted."""
        return self.rows * STRIDE_PX, self.columns * STRIDE_PX


class ColumnHead(nn.Module):
    """Stem features (B, 112, rows, w) -> columns (B, w, E), all of one norm, unit over the whole row."""

    def __init__(self, size: AzimuthSize) -> None:
        super().__init__()
        self.norm_in = nn.BatchNorm2d(CHANNELS)
        self.reduce = nn.Conv2d(CHANNELS, size.width, 1)
        self.row_embed = nn.Parameter(torch.zeros(1, size.rows, 1, size.width))
        self.blocks = nn.ModuleList(Block(size.width, size.heads, 4) for _ in range(size.depth))
        self.norm = nn.LayerNorm(size.width, eps=1e-6)
        self.project = nn.Linear(size.rows * size.width, size.channels)
        nn.init.trunc_normal_(self.row_embed, std=0.02)

    def forward(self, features: Tensor) -> Tensor:
        x = self.reduce(self.norm_in(features)).permute(0, 2, 3, 1) + self.row_embed  # (B, rows, w, C)
        rows = x.shape[1]
        x = x.flatten(1, 2)  # (B, rows * w, C)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x).unflatten(1, (rows, -1)).transpose(1, 2).flatten(2)  # (B, w, rows * C)
        columns = F.normalize(self.project(x), dim=-1)
        return columns / columns.square().sum((1, 2), keepdim=True).sqrt()


class PolarResampling(nn.Module):
    """A north-up tile (B, 3, S, S) seen along rays from its centre: (B, 3, rows * 16, (W + 2 margin) * 16).

    Column x looks to azimuth (x + 0.5) / 16 columns clockwise from north, the margins continue around the circle; the
    top row is the rim of the tile, the bottom row its centre, as far things stand higher in a photo.
    """

    grid: Tensor

    def __init__(self, size: AzimuthSize) -> None:
        super().__init__()
        height, width = size.canvas_px
        margin = size.margin_columns * STRIDE_PX
        azimuth = 2 * math.pi * (torch.arange(-margin, width + margin, dtype=torch.float64) + 0.5) / width
        radius = 1 - (torch.arange(height, dtype=torch.float64) + 0.5) / height
        x = radius[:, None] * azimuth.sin()[None]
        y = -radius[:, None] * azimuth.cos()[None]
        self.register_buffer("grid", torch.stack([x, y], -1)[None].float(), persistent=False)

    def forward(self, tiles: Tensor) -> Tensor:
        grid = self.grid.expand(tiles.shape[0], -1, -1, -1)
        return F.grid_sample(tiles, grid, mode="bilinear", padding_mode="border", align_corners=False)


class AzimuthColumns(Network):
    """Ground and aerial encoders around one frozen stem."""

    def __init__(self, size: AzimuthSize | None = None, stem: Lite0Stem | None = None) -> None:
        super().__init__()
        self.size = size or AzimuthSize()
        self.stem = stem or Lite0Stem()
        self.polar = PolarResampling(self.size)
        self.ground_head = ColumnHead(self.size)
        self.aerial_head = ColumnHead(self.size)

    def ground_features(self, pixels: Tensor) -> Tensor:
        """Canvas cut-outs with margins (B, 3, H, (w + 2 margin) * 16) -> (B, 112, rows, w)."""
        margin = self.size.margin_columns
        features: Tensor = self.stem(pixels)
        return features[..., margin : features.shape[-1] - margin]

    def aerial_features(self, tiles: Tensor) -> Tensor:
        """Tiles (B, 3, S, S) -> (B, 112, rows, W)."""
        return self.ground_features(self.polar(tiles))

    def ground(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, (w + 2 margin) * 16) -> (B, w, E); the whole description of a photo has unit norm."""
        out: Tensor = self.ground_head(self.ground_features(pixels))
        return out

    def aerial(self, tiles: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, W, E)."""
        out: Tensor = self.aerial_head(self.aerial_features(tiles))
        return out
