"""Several trained networks of azimuth columns that answer as one, around the stem that they share.

A photo's and a tile's columns of all members side by side have the mean of the members' similarities as their inner
product. One linear map a side then brings them down to fewer channels, so that an index grows no larger: the pair of
maps that keeps the products of photos and tiles best, for columns as both sides really give them.

A tile may also be looked at turned by quarters of a circle, which a network finds as easy but describes a little
differently: the mean of what it says, turned back, errs less. That costs time where tiles are described, and none where
photos are searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.networks.azimuth import AzimuthColumns
from models.networks.mixing import unit_columns, unit_rows
from models.networks.network import Network

Floats = NDArray[np.float64]
FULL_CIRCLE = 4
"""Quarters."""
FLOOR = 1e-6
"""Directions in which a side varies less than this share of its most are left as they are rather than blown up."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Linear maps (E, M), one a side, from M channels to E."""

    ground: Floats
    aerial: Floats


def narrow(ground: NDArray[np.floating], aerial: NDArray[np.floating], channels: int) -> Narrowing:
    """Find the maps P and Q to `channels` for which (P g) . (Q a) is closest to g . a.

    Args:
        ground, aerial: (n, M) and (m, M), columns as the two sides give them; every one may meet every other.
        channels: E, at most M.

    Returns:
        The maps with the least mean square of the error over all pairs. With second moments G of the photos and A of
        the tiles that is the best approximation of G^1/2 A^1/2 of rank E: a singular value decomposition (Eckart and
        Young, 1936).

    Raises:
        ValueError: more channels than there are.
    """
    if channels > ground.shape[1]:
        raise ValueError(f"{channels} channels asked for, and there are {ground.shape[1]}")
    (root_g, back_g), (root_a, back_a) = (_roots(side.astype(np.float64)) for side in (ground, aerial))
    left, kept, right = np.linalg.svd(root_g @ root_a)
    share = np.sqrt(kept[:channels])[:, None]
    return Narrowing(share * (left[:, :channels].T @ back_g), share * (right[:channels] @ back_a))


def _roots(columns: Floats) -> tuple[Floats, Floats]:
    """Square root of the second moments (M, M), and its inverse."""
    values, vectors = np.linalg.eigh(columns.T @ columns / len(columns))
    roots = np.sqrt(np.maximum(values, values[-1] * FLOOR))
    return (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T


class JoinedColumns(Network):
    """The heads of several networks around the stem of the first.

    Args:
        members: of one shape, whose stems hold the same weights, as frozen ones do.
        quarters: clockwise quarter turns, in 0 ... 3, at which every member looks at a tile.
        narrowing: to the channels of the description; None: those of all members side by side.

    Attributes:
        wide: channels of all members side by side.

    Raises:
        ValueError: the members' stems differ, or the columns do not divide into quarters.
    """

    def __init__(
        self, members: Sequence[AzimuthColumns], narrowing: Narrowing | None = None, quarters: Sequence[int] = (0,)
    ) -> None:
        super().__init__()
        first = members[0]
        for member in members[1:]:
            _refuse_other_stem(first, member)
            member.stem = first.stem  # one, however many look through it
        if any(quarters) and first.size.columns % FULL_CIRCLE:
            raise ValueError(f"{first.size.columns} columns do not divide into quarters")
        self.members, self.quarters = nn.ModuleList(members), tuple(quarters)
        self.weighted = first.size.weighted
        self.wide = first.size.channels * len(members)
        maps = narrowing or Narrowing(np.eye(self.wide), np.eye(self.wide))
        self.narrow_ground, self.narrow_aerial = _linear(maps.ground), _linear(maps.aerial)

    def ground(self, pixels: Tensor) -> Tensor:
        seen = self._first.seen(pixels)
        columns = self.narrow_ground(torch.cat([member.ground_head(*seen) for member in self._all], dim=2))
        return unit_rows(columns) if self.weighted else unit_columns(columns)

    def aerial(self, tiles: Tensor) -> Tensor:
        looks = [self._turned_back(self._side_by_side(_clockwise(tiles, turn)), turn) for turn in self.quarters]
        columns = self.narrow_aerial(torch.stack(looks).mean(dim=0))
        return unit_columns(columns.flatten(0, 1)).reshape(columns.shape)

    def _side_by_side(self, tiles: Tensor) -> Tensor:
        """Describe tiles by all members: (B, P, W, M)."""
        heads = [member.aerial_head for member in self._all]
        looked = heads[0].look(self._first.stem, tiles)
        cells_m = heads[0].cells_m.expand(tiles.shape[0], -1, -1)
        return torch.cat([head.describe(head.maps(looked), cells_m) for head in heads], dim=3)

    def _turned_back(self, columns: Tensor, turn: int) -> Tensor:
        """Give the cells and columns (B, P, W, M) of tiles that were turned their place among those of the others."""
        if turn == 0:
            return columns
        side = self._first.aerial_head.size.per_side
        cells = torch.arange(side * side).reshape(1, 1, side, side)
        place = _clockwise(cells, turn).flatten().argsort()
        return columns[:, place].roll(-turn * columns.shape[2] // FULL_CIRCLE, dims=2)

    @property
    def _all(self) -> list[AzimuthColumns]:
        return list(self.members)  # type: ignore[arg-type]

    @property
    def _first(self) -> AzimuthColumns:
        return self._all[0]


def _clockwise(pictures: Tensor, turn: int) -> Tensor:
    """Turn pictures (B, C, S, S) by quarters; `torch.rot90` cannot be exported."""
    if turn % 2:
        pictures = pictures.transpose(2, 3)
    flipped = {0: [], 1: [3], 2: [2, 3], 3: [2]}[turn]
    return pictures.flip(flipped) if flipped else pictures


def _refuse_other_stem(first: AzimuthColumns, other: AzimuthColumns) -> None:
    """Raise ValueError unless both look through the same stem."""
    ours, theirs = first.stem.state_dict(), other.stem.state_dict()
    if ours.keys() != theirs.keys() or not all(torch.equal(ours[name], theirs[name]) for name in ours):
        raise ValueError("their stems differ, so their heads cannot share one")


def _linear(weight: Floats) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data = torch.from_numpy(weight).float()
    return layer
