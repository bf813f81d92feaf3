"""A tile described for any camera position in its inner part: features once, then rays from each position.

The stem's features of three strides become three maps, north up. From a camera position, rings of points are sampled:
near ones in the finest map, far ones in the coarsest, so that a point stands for about the same angle at any distance.
As the maps are north up but a photo is not, what is sampled is turned by a linear map that depends on the azimuth
(first and second harmonics: directions and orientations). Points on one ray become a column.

A grid of positions costs little more than one: most of the work is shared.

Where there are far rings, all of this is the middle half of a tile, and the whole of it, at half the resolution, gives
a fourth map for them: on open land what tells places apart stands far away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.lite0 import PYRAMID_CHANNELS, Lite0Stem
from models.networks.mixing import CircleBlock, HalfInstanceNorm, MapBlock, unit_columns

STRIDES_PX = (4, 8, 16)
HARMONICS = 2
REDUCED = (40, 48)
"""Channels of the stride 4 and 8 features before they are joined with the coarser map."""
NEAR_PART = 2
"""With far rings, the near maps show the middle of the tile, one part in so many of its side."""
FAR_SHRINK = 2
"""Pixels of the tile, a side, that are one of the picture for the far rings."""
FAR_LEVEL = 2
"""The far map comes from this level of the stem's pyramid, the coarsest."""
Maps = tuple[Tensor, ...]
"""Of stride 4, 8 and 16, and the far one where there is one: (B, C, n, n) each, around the tile's centre."""


@dataclass(frozen=True, slots=True)
class RaySize:
    """Shape of the aerial encoder and geometry of the tile.

    Attributes:
        tile_px, footprint_m: side of the tile.
        per_side, spacing_m: grid of camera positions that `aerial` describes, centred on the tile.
        rings_m: radii sampled in the maps of stride 4, 8 and 16.
        kept: cells of the stride 4, 8 and 16 features that are used, around the centre, a side.
        far_rings_m: radii sampled in the far map; none: there is no such map.
    """

    tile_px: int = 320
    footprint_m: float = 160.0
    per_side: int = 5
    spacing_m: float = 6.4
    channels: int = 64
    width: int = 192
    depth: int = 2
    rays: int = 2
    rings_m: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]] = (
        (3.0, 5.5, 8.5),
        (12.0, 17.0, 23.0),
        (31.0, 43.0, 58.0),
    )
    kept: tuple[int, int, int] = (28, 24, 20)
    far_rings_m: tuple[float, ...] = ()

    @property
    def radii_m(self) -> tuple[tuple[float, ...], ...]:
        """Radii of the rings in each map."""
        return (*self.rings_m, self.far_rings_m) if self.far_rings_m else self.rings_m

    @property
    def cell_m(self) -> tuple[float, ...]:
        """Ground length of a cell of each map."""
        pixel = self.footprint_m / self.tile_px
        return (*(stride * pixel for stride in STRIDES_PX), STRIDES_PX[FAR_LEVEL] * FAR_SHRINK * pixel)

    @property
    def far_cells(self) -> int:
        """Cells of the far map, a side."""
        return self.tile_px // FAR_SHRINK // STRIDES_PX[FAR_LEVEL]

    @property
    def seen(self) -> tuple[tuple[int, int], ...]:
        """Channels and side of each map that the stem gives, in the order in which they are packed."""
        near = tuple(zip(PYRAMID_CHANNELS, self.kept, strict=True))
        return (*near, (PYRAMID_CHANNELS[FAR_LEVEL], self.far_cells)) if self.far_rings_m else near

    @property
    def packed(self) -> tuple[tuple[int, int], ...]:
        """Channels of each of these maps, and the values of each in one tile."""
        return tuple((channels, side**2) for channels, side in self.seen)


class AerialRays(nn.Module):
    """Stem features of a tile -> columns (B, P, W, E) of P camera positions, unit over W * E.

    Args:
        size: shapes and geometry.
        columns, channels: W and E, shared with the ground encoder.
    """

    directions: Tensor
    harmonics: Tensor
    cells_m: Tensor

    def __init__(self, size: RaySize, columns: int, channels: int) -> None:
        super().__init__()
        self.size, self.columns = size, columns
        c = size.channels
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in PYRAMID_CHANNELS)
        self.reduce = nn.ModuleList(
            nn.Conv2d(n, out, 1) for n, out in zip(PYRAMID_CHANNELS, (*REDUCED, c), strict=True)
        )
        self.join = nn.ModuleList(nn.Conv2d(out + c, c, 1) for out in REDUCED)
        self.mix = nn.ModuleList(
            nn.Sequential(HalfInstanceNorm(), *(MapBlock(c) for _ in range(blocks))) for blocks in (1, 1, 2)
        )
        if size.far_rings_m:
            self.far = nn.Sequential(
                nn.BatchNorm2d(PYRAMID_CHANNELS[FAR_LEVEL]),
                nn.Conv2d(PYRAMID_CHANNELS[FAR_LEVEL], c, 1),
                HalfInstanceNorm(),
                MapBlock(c),
                MapBlock(c),
            )
        basis = 1 + 2 * HARMONICS
        rings = sum(len(level) for level in size.radii_m)
        self.steer = nn.ModuleList(nn.Linear(basis * c, c) for _ in range(rings))
        self.gather = nn.Linear(rings * size.rays * c, size.width)
        self.circle = nn.ModuleList(CircleBlock(size.width) for _ in range(size.depth))
        self.norm = nn.LayerNorm(size.width, eps=1e-6)
        self.project = nn.Linear(size.width, channels)
        azimuth = 2 * math.pi * (torch.arange(columns * size.rays, dtype=torch.float64) + 0.5) / (columns * size.rays)
        waves = [f(k * azimuth) for k in range(1, HARMONICS + 1) for f in (torch.cos, torch.sin)]
        self.register_buffer("directions", torch.stack([azimuth.sin(), -azimuth.cos()], -1).float(), persistent=False)
        self.register_buffer("harmonics", torch.stack([torch.ones_like(azimuth), *waves], -1).float(), persistent=False)
        self.register_buffer("cells_m", cell_offsets(size.per_side, size.spacing_m)[None], persistent=False)

    def look(self, stem: Lite0Stem, tiles: Tensor) -> Maps:
        """See tiles (B, 3, S, S) through the stem and keep the cells that any ray can reach."""
        if not self.size.far_rings_m:
            return self.crop(stem.pyramid(tiles))
        near_px = tiles.shape[-1] // NEAR_PART
        far = stem.pyramid(F.avg_pool2d(tiles, FAR_SHRINK))[FAR_LEVEL]
        return (*self.crop(stem.pyramid(_centre(tiles, near_px))), far)

    def crop(self, pyramid: Maps) -> Maps:
        """Keep the cells of each near level that any ray can reach."""
        return tuple(_centre(level, kept) for level, kept in zip(pyramid, self.size.kept, strict=True))

    def pack(self, levels: Maps) -> Tensor:
        """Features, as `look` gives them, as one row a tile, (B, K)."""
        return torch.cat([level.flatten(1) for level in levels], dim=1)

    def unpack(self, rows: Tensor) -> Maps:
        """What `pack` packed."""
        shapes = [(channels, side, side) for channels, side in self.size.seen]
        parts = torch.split(rows, [math.prod(shape) for shape in shapes], dim=1)
        return tuple(part.reshape(-1, *shape) for part, shape in zip(parts, shapes, strict=True))

    def maps(self, levels: Maps) -> Maps:
        """From coarse to fine, each near level joined with the one above it: (B, C, n, n) each."""
        levels = tuple(x.contiguous(memory_format=torch.channels_last) for x in levels)  # an eighth faster on a CPU
        near, far = levels[: len(STRIDES_PX)], levels[len(STRIDES_PX) :]
        reduced = [reduce(norm(x)) for reduce, norm, x in zip(self.reduce, self.norms, near, strict=True)]
        coarse = self.mix[2](reduced[2])
        middle = self.mix[1](self.join[1](torch.cat([reduced[1], _finer(coarse, self.size.kept[1])], dim=1)))
        fine = self.mix[0](self.join[0](torch.cat([reduced[0], _finer(middle, self.size.kept[0])], dim=1)))
        return (fine, middle, coarse, *(self.far(x) for x in far))

    def describe(self, maps: Maps, camera_m: Tensor) -> Tensor:
        """Look around from positions (B, P, 2), metres east and north of the tile's centre: (B, P, W, E)."""
        batch, positions = camera_m.shape[:2]
        x = self._turned(self._sampled(maps, camera_m)).permute(2, 0, 1, 3)  # (B * P, A, R, C)
        x = self.gather(F.gelu(x.reshape(batch * positions, self.columns, -1)))  # rays of a column side by side
        for block in self.circle:
            x = block(x)
        return unit_columns(self.project(self.norm(x))).reshape(batch, positions, self.columns, -1)

    def _sampled(self, maps: Maps, camera_m: Tensor) -> Tensor:
        """What the maps show along A azimuths on R rings around each position: (A, R, B * P, C)."""
        batch, positions = camera_m.shape[:2]
        centre = (camera_m * camera_m.new_tensor([1.0, -1.0]))[:, :, None]  # right and down, as pictures are stored
        seen = []
        cells_m = self.size.cell_m[: len(maps)]  # without far rings there is no far map
        for level, rings, cell in zip(maps, self.size.radii_m, cells_m, strict=True):
            away = (camera_m.new_tensor(rings)[:, None, None] * self.directions).flatten(0, 1)  # (R * A, 2)
            grid = (centre + away) / (level.shape[-1] * cell / 2)
            found = F.grid_sample(level, grid, mode="bilinear", padding_mode="border", align_corners=False)
            found = found.flatten(2).transpose(1, 2).contiguous()  # in two steps, several times as fast as in one
            found = found.reshape(batch * positions, len(rings), len(self.directions), -1)
            seen.append(found.permute(2, 1, 0, 3))
        return torch.cat(seen, dim=1)

    def _turned(self, seen: Tensor) -> Tensor:
        """Turn what lies at each azimuth by that azimuth, on every ring by its own map: (A, R, N, C) -> the same.

        The maps of an azimuth are made first: a fifth of the work of applying those of all harmonics.
        """
        azimuths, rings, _, c = seen.shape
        weight = torch.stack([turn.get_parameter("weight") for turn in self.steer]).reshape(rings, c, -1, c)
        bias = torch.stack([turn.get_parameter("bias") for turn in self.steer])
        by_azimuth = (self.harmonics @ weight.permute(2, 0, 3, 1).flatten(1)).reshape(-1, c, c)
        turned = torch.baddbmm(bias[:, None].repeat(azimuths, 1, 1), seen.flatten(0, 1), by_azimuth)
        return turned.reshape(seen.shape)


def cell_offsets(per_side: int, spacing_m: float) -> Tensor:
    """(per_side^2, 2) metres east and north of the centre, row-major from the north-west."""
    line = (torch.arange(per_side, dtype=torch.float32) - (per_side - 1) / 2) * spacing_m
    north, east = torch.meshgrid(-line, line, indexing="ij")
    return torch.stack([east.flatten(), north.flatten()], dim=1)


def _centre(level: Tensor, kept: int) -> Tensor:
    start = (level.shape[-1] - kept) // 2
    return level[..., start : start + kept, start : start + kept]


def _finer(level: Tensor, kept: int) -> Tensor:
    """Twice the resolution, cut to `kept` cells around the centre."""
    needed = min(level.shape[-1], kept // 2 + 2)  # a cell more on each side than is kept
    doubled = F.interpolate(_centre(level, needed), scale_factor=2.0, mode="bilinear", align_corners=False)
    return _centre(doubled, kept)
