"""An old generation as a quarry: its tiles and rows, to be taken over into a new one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.assembly import Assembly
from index.bundle import Model, open_index
from index.describer import Float16s
from index.gathering import Place
from index.geoparquet import read_digests
from index.imagery import ImageryWish
from index.manifest import IMAGERY, QUARANTINE, TILES, IndexManifest
from index.producer import NO_PIXELS
from index.publish import listed, read_quarantine
from index.table import NUMBERS
from index.tiles import BadTile, Tile
from index.workspace import BASE, Settings, begun_from

OF_A_GENERATION = {"generation", "created", "files", "sha256", "profile", "source", "imagery", "aliasing"}
"""What a manifest says of one generation alone; where tiles come from is in the table, tile by tile."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some rows of an array, read when they are asked for."""

    all_rows: Float16s
    numbers: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.numbers), *self.all_rows.shape[1:]

    def __getitem__(self, chosen: NDArray[np.int64]) -> Float16s:
        return self.all_rows[self.numbers[chosen]]


@dataclass(frozen=True, slots=True)
class Kept:
    """Some tiles of an old generation."""

    tiles: Sequence[Tile]
    digests: Sequence[str | None]
    all_rows: Float16s
    chosen: NDArray[np.int64]
    """Rows of `all_rows`, one a tile."""

    @property
    def rows(self) -> Chosen:
        return Chosen(self.all_rows, self.chosen)

    @property
    def places(self) -> dict[str, Place]:
        """Where the tiles are, by id; a tile without a digest is like none that comes."""
        return {
            tile.id: (digest or "", tile.lat, tile.lon) for tile, digest in zip(self.tiles, self.digests, strict=True)
        }


class Base:
    """The current generation of an index, verified; or the one that unfinished work began with.

    Its vectors stay in their file: what it takes of memory is its table.

    Args:
        root: the index folder.
        model: what new tiles are described by; None if there are none.

    Raises:
        BundleError: it cannot be trusted, or another model built it.
    """

    def __init__(self, root: Path, model: Model | None = None) -> None:
        begun = None if (number := begun_from(root)) is None else root / f"gen-{number}"
        index = open_index(begun if begun is not None and begun.is_dir() else root, model, load="map")
        self.folder = index.folder
        self.manifest: IndexManifest = index.manifest
        self.bad: list[BadTile] = read_quarantine(index.folder / QUARANTINE)
        table, footprint_m = index.tiles, index.manifest.footprint_m
        self._table = table
        self._rows = index.vectors
        self._digests = read_digests(index.folder / TILES)
        self._tiles = [
            Tile(identifier, lat, lon, NO_PIXELS, footprint_m, resolution_m, captured, source, credit)
            for identifier, lat, lon, resolution_m, captured, source, credit in zip(
                table.id,
                table.lat.tolist(),
                table.lon.tolist(),
                table.ground_resolution_m.tolist(),
                table.captured,
                table.source,
                table.attribution or [None] * len(table),
                strict=True,
            )
        ]
        self._number = {
            (tile.id, digest): row for row, (tile, digest) in enumerate(zip(self._tiles, self._digests, strict=True))
        }

    @property
    def settings(self) -> Settings:
        return {BASE: self.manifest.generation, "from": f"{self.manifest.title} {self.manifest.sha256}"}

    @property
    def imagery(self) -> ImageryWish | None:
        """What a next generation paints on; None if there are no pictures."""
        shown = self.manifest.imagery
        return None if shown is None else ImageryWish(self.folder / IMAGERY, shown.max_zoom)

    def __len__(self) -> int:
        return len(self._tiles)

    def row(self, identifier: str, digest: str) -> Float16s | None:
        """Give the row, (D,) or (C, D), of a tile whose pixels had this digest."""
        number = self._number.get((identifier, digest))
        return None if number is None else self._rows[number]

    def has(self, identifier: str, digest: str) -> bool:
        return (identifier, digest) in self._number

    def keep(self, wanted: Callable[[Tile], bool]) -> Kept:
        """Choose tiles."""
        chosen = [number for number, tile in enumerate(self._tiles) if wanted(tile)]
        return Kept(
            [self._tiles[number] for number in chosen],
            [self._digests[number] for number in chosen],
            self._rows,
            np.array(chosen, dtype=np.int64),
        )

    def is_same(self, assembly: Assembly, bad: Sequence[BadTile], manifest: IndexManifest) -> bool:
        """Whether a generation of this would hold what this one does: tiles, pixels, bad tiles and all that is said."""
        table, other = self._table, assembly.table
        return (
            len(self) == len(assembly)
            and None not in self._digests
            and list(self._digests) == list(assembly.digests)
            and list(table.id) == list(other.id)
            and all(np.array_equal(getattr(table, name), getattr(other, name)) for name in NUMBERS)
            and all(list(getattr(table, name)) == list(getattr(other, name)) for name in ("captured", "source"))
            and list(table.attribution or ()) == list(other.attribution or ())
            and sorted(listed(self.bad)) == sorted(listed(bad))
            and manifest.model_dump(exclude=OF_A_GENERATION) == self.manifest.model_dump(exclude=OF_A_GENERATION)
        )
