"""What a build gathers while the tiles stream by: rows, table columns and the list of bad tiles."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from index.hilbert import hilbert_order
from index.producer import Prepared
from index.table import TileTable, make_table
from index.tiles import BadTile, Tile
from models.encoder import Encoder
from models.errors import EncoderNonFinite, NoTiles, TileBlank, TileDuplicate, TooManyBadTiles

RATIO_FROM = 100
SMALL_RATIO = 0.5
Float16s = NDArray[np.float16]


@dataclass(slots=True)
class Harvest:
    """The good tiles in the order they came (pixels are not kept), and the bad ones."""

    tiles: list[Tile] = field(default_factory=list)
    rows: list[Float16s] = field(default_factory=list)
    bad: list[BadTile] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    damaged: int = 0
    """Bad tiles that are not merely blank."""

    def admit(self, item: Prepared | BadTile) -> Prepared | None:
        """Take note of an item; give it back if it is to be embedded."""
        if isinstance(item, Prepared) and item.tile.id in self.ids:
            item = BadTile(item.tile.id, TileDuplicate.code, "Another tile has the same id.")
        if isinstance(item, BadTile):
            self._refuse(item)
            return None
        self.ids.add(item.tile.id)
        return item

    def _refuse(self, bad: BadTile) -> None:
        self.bad.append(bad)
        self.damaged += bad.code != TileBlank.code

    def embed(self, group: list[Prepared], describer: Describer) -> None:
        """Describe tiles; those whose description is not finite are bad."""
        rows = describer.describe([item.pixels for item in group])
        finite = np.asarray(np.isfinite(rows.reshape(len(rows), -1)).all(axis=1))
        self.rows.append(rows[finite])
        for item, good in zip(group, finite.tolist(), strict=True):
            if good:
                self.tiles.append(item.tile)
            else:
                self._refuse(BadTile(item.tile.id, EncoderNonFinite.code, "Its description is not finite."))

    def check(self, max_bad_ratio: float, expected: int = 0) -> None:
        """Raise TooManyBadTiles if too many are bad, even were all that is still expected good.

        Blank tiles do not count: water and nodata are no damage. Below 100 tiles half may be bad.
        """
        seen = max(len(self.tiles) + self.damaged, expected)
        allowed = max_bad_ratio if seen >= RATIO_FROM else max(SMALL_RATIO, max_bad_ratio)
        if self.damaged > allowed * seen:
            raise TooManyBadTiles(
                f"{self.damaged} of {seen} tiles are bad, more than {allowed:.1%}: {self._summary()} "
                "Mend the source, or allow more with --max-bad."
            )

    def check_some(self) -> None:
        if not self.tiles:
            raise NoTiles(f"The source gave no tile that can be indexed: {self._summary()}")

    def sorted(self, footprint_m: float) -> tuple[Float16s, TileTable]:
        """Give vectors, (N, D) or with cells (N, C, D), and table in Hilbert order."""
        lat = np.array([tile.lat for tile in self.tiles])
        lon = np.array([tile.lon for tile in self.tiles])
        order = hilbert_order(lat, lon)
        tiles = [self.tiles[row] for row in order]
        table = make_table(
            [tile.id for tile in tiles],
            lat[order],
            lon[order],
            footprint_m,
            np.array([tile.ground_resolution_m for tile in tiles]),
            [tile.captured for tile in tiles],
            [tile.source for tile in tiles],
        )
        return np.ascontiguousarray(np.concatenate(self.rows)[order]), table

    def _summary(self) -> str:
        """For example: 3 image_undecodable (first: a.png: The PNG image is damaged)."""
        if not self.bad:
            return "it is empty."
        counts = Counter(tile.code for tile in self.bad).most_common(3)
        kinds = ", ".join(f"{count} {code}" for code, count in counts)
        return f"{kinds} (first: {self.bad[0].id}: {self.bad[0].reason})"


@dataclass(frozen=True, slots=True)
class Describer:
    """An encoder run on several batches at once."""

    encoder: Encoder
    batch: int
    pool: Executor
    """As many runs at once as it has threads."""

    def describe(self, tiles: list[NDArray[np.float32]]) -> Float16s:
        """Describe inputs (3, S, S), in their order, as stored; rows that are not finite are left so."""
        runs = [np.stack(tiles[i : i + self.batch]) for i in range(0, len(tiles), self.batch)]
        return np.concatenate(list(self.pool.map(lambda pixels: _describe(pixels, self.encoder), runs)))


def _describe(pixels: NDArray[np.float32], encoder: Encoder) -> Float16s:
    """(N, 3, S, S) -> (N, D) or (N, C, D) as stored; a tile that the encoder refuses becomes NaN, alone."""
    cells, size = encoder.manifest.aerial.cells, encoder.manifest.embedding.size
    shape = (size,) if cells is None else (cells.count, size)
    try:
        with np.errstate(over="ignore"):
            return encoder.aerial(pixels).astype(np.float16).reshape(-1, *shape)
    except EncoderNonFinite:
        if len(pixels) == 1:
            return np.full((1, *shape), np.nan, dtype=np.float16)
        return np.concatenate([_describe(one[None], encoder) for one in pixels])
