"""Azimuth columns: both views described by what is seen along each direction of the compass.

A photo is described column by column; rows know their elevation, columns do not know their azimuth, so rolling the
photo rolls its description, and matching a photo with a tile is a circular correlation whose best shift is the heading.
A tile is described for any camera position in its inner part, along rays from there (models/networks/rays.py).

Source of the idea: DSM (Shi et al., CVPR 2020) for correlation over azimuth; the stem, the unit columns and the rays
are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.networks.lite0 import PYRAMID_CHANNELS, STRIDE_PX, Lite0Stem
from models.networks.mixing import HalfInstanceNorm, unit_columns, unit_rows
from models.networks.network import Network
from models.networks.rays import AerialRays, RaySize
from models.networks.transformer import Block

FINE_CHANNELS = 32
"""Channels that the stride 8 features are reduced to; each column and row holds 2 x 2 of them."""
CONTEXT_COLUMNS = 1
"""Columns kept on each side of a photo for the first convolution of its head."""


@dataclass(frozen=True, slots=True)
class AzimuthSize:
    """Shape of the ground encoder, and of the columns that both share."""

    columns: int = 32
    channels: int = 24
    width: int = 128
    depth: int = 2
    heads: int = 4
    hidden: int = 192
    rows: int = 8
    margin_columns: int = 2
    weighted: bool = False
    """Whether a photo's columns may differ in norm: a wall of leaves then says less than a corner."""

    @property
    def canvas_px(self) -> tuple[int, int]:
        """(height, width) of a full panorama, margins not counted."""
        return self.rows * STRIDE_PX, self.columns * STRIDE_PX

    @property
    def front_size(self) -> int:
        """Values that the frozen stem gives for one column."""
        return sum(channels * values for channels, values in self.packed)

    @property
    def packed(self) -> tuple[tuple[int, int], ...]:
        """Channels of stride 16 and 8, in the order in which they are packed, and the values of each in one column."""
        _, fine, coarse = PYRAMID_CHANNELS
        return (coarse, self.rows), (fine, 4 * self.rows)


class GroundColumns(nn.Module):
    """Stem features of a canvas cut-out -> columns (B, w, E), unit over the whole row; of one norm unless weighted."""

    def __init__(self, size: AzimuthSize) -> None:
        super().__init__()
        self.size = size
        _, fine, coarse = PYRAMID_CHANNELS
        self.norm_fine, self.norm_coarse = nn.BatchNorm2d(fine), nn.BatchNorm2d(coarse)
        self.reduce_fine = nn.Conv2d(fine, FINE_CHANNELS, 1)
        self.reduce = nn.Conv2d(coarse + 4 * FINE_CHANNELS, size.width, 1)
        self.style = HalfInstanceNorm()
        self.near = nn.Conv2d(size.width, size.width, 3, padding=(1, 0), groups=size.width)
        self.row_embed = nn.Parameter(torch.zeros(1, size.rows, 1, size.width))
        self.blocks = nn.ModuleList(Block(size.width, size.heads, 3) for _ in range(size.depth))
        self.norm = nn.LayerNorm(size.width, eps=1e-6)
        self.project = nn.Sequential(
            nn.Linear(size.rows * size.width, size.hidden), nn.GELU(), nn.Linear(size.hidden, size.channels)
        )
        nn.init.trunc_normal_(self.row_embed, std=0.02)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """(B, 40, 2 rows, 2 (w + 2)) and (B, 112, rows, w + 2), one column of context on each side -> (B, w, E)."""
        detail = _side_by_side(self.reduce_fine(self.norm_fine(fine)))
        x = self.style(self.reduce(torch.cat([self.norm_coarse(coarse), detail], dim=1)))
        x = x[..., CONTEXT_COLUMNS:-CONTEXT_COLUMNS] + self.near(x)
        tokens = (x.permute(0, 2, 3, 1) + self.row_embed).flatten(1, 2)  # (B, rows * w, C)
        for block in self.blocks:
            tokens = block(tokens)
        stacked = self.norm(tokens).unflatten(1, (self.size.rows, -1)).transpose(1, 2).flatten(2)  # (B, w, rows * C)
        columns = self.project(stacked)
        return unit_rows(columns) if self.size.weighted else unit_columns(columns)


def _side_by_side(x: Tensor) -> Tensor:
    """Put the 2 x 2 pixels under each one of half the size into its channels: (B, C, 2 h, 2 w) -> (B, 4 C, h, w).

    The order is that of `torch.pixel_unshuffle`, whose export freezes the width.
    """
    corners = [x[..., down::2, right::2] for down in (0, 1) for right in (0, 1)]
    return torch.stack(corners, dim=2).flatten(1, 2)


def by_rows(front: NDArray[Any], rows: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """View packed columns (w, K), as `AzimuthColumns.ground_front` makes them, by the rows of the canvas.

    Returns:
        Stride 16 features (w, 112, rows) and stride 8 features (w, 40, rows, 4), which share memory with `front`.
    """
    _, fine, coarse = PYRAMID_CHANNELS
    low, high = front[:, : coarse * rows], front[:, coarse * rows :]
    return low.reshape(-1, coarse, rows), high.reshape(-1, fine, rows, 4)


class AzimuthColumns(Network):
    """Ground and aerial encoders around one frozen stem.

    What the stem gives can be kept: `ground_front` and `aerial_front` pack it into rows of numbers that
    `ground_rest` and `aerial_rest` take.
    """

    def __init__(
        self, size: AzimuthSize | None = None, rays: RaySize | None = None, stem: Lite0Stem | None = None
    ) -> None:
        super().__init__()
        self.size = size or AzimuthSize()
        self.stem = stem or Lite0Stem()
        self.ground_head = GroundColumns(self.size)
        self.aerial_head = AerialRays(rays or RaySize(), self.size.columns, self.size.channels)

    def ground_front(self, pixels: Tensor) -> Tensor:
        """Canvas cut-outs with margins (B, 3, H, (w + 2 margin) * 16) -> (B, w + 2, front_size)."""
        fine, coarse = self.seen(pixels)
        blocks = torch.unflatten(fine, 3, (-1, 2)).permute(0, 3, 1, 2, 4)  # (B, w + 2, 40, 2 rows, 2)
        return torch.cat([coarse.permute(0, 3, 1, 2).flatten(2), blocks.flatten(2)], dim=2)

    def seen(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Stem features of stride 8 and 16 without the margins that only the stem needs."""
        _, fine, coarse = self.stem.pyramid(pixels)
        spare = self.size.margin_columns - CONTEXT_COLUMNS
        return fine[..., 2 * spare : fine.shape[-1] - 2 * spare], coarse[..., spare : coarse.shape[-1] - spare]

    def ground_rest(self, front: Tensor) -> Tensor:
        """(B, w + 2, front_size) -> (B, w, E)."""
        _, fine, coarse = PYRAMID_CHANNELS
        rows = self.size.rows
        low, high = torch.split(front, [coarse * rows, 4 * fine * rows], dim=2)
        maps = torch.unflatten(low, 2, (coarse, rows)).permute(0, 2, 3, 1)
        detail = torch.unflatten(high, 2, (fine, 2 * rows, 2)).permute(0, 2, 3, 1, 4).flatten(3)
        out: Tensor = self.ground_head(detail, maps)
        return out

    def aerial_front(self, tiles: Tensor) -> Tensor:
        """Tiles (B, 3, S, S) -> (B, K)."""
        return self.aerial_head.pack(self.aerial_head.look(self.stem, tiles))

    def aerial_rest(self, front: Tensor, camera_m: Tensor) -> Tensor:
        """(B, K) and camera positions (B, P, 2), metres east and north of the tile's centre -> (B, P, W, E)."""
        return self.aerial_head.describe(self.aerial_head.maps(self.aerial_head.unpack(front)), camera_m)

    def ground(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, (w + 2 margin) * 16) -> (B, w, E); the whole description of a photo has unit norm."""
        out: Tensor = self.ground_head(*self.seen(pixels))
        return out

    def aerial(self, tiles: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, cells, W, E), one unit description for each camera position of the grid."""
        head = self.aerial_head
        maps = head.maps(head.look(self.stem, tiles))
        return head.describe(maps, head.cells_m.expand(tiles.shape[0], -1, -1))
