"""A folder of ready-made tiles with a CSV as a source: the square in the middle of each is what gets indexed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from index.sampling import Patch, Placement, fill, make_patch, sample_row, seen_part
from index.sources.files import read_inside
from index.sources.tile_list import ListedTile, find_list, read_list
from index.tiles import BadTile, Bounds, Tile, check_resolution
from models.errors import ImageError, SourceError
from models.image import ImageLimits, decode_photo

ROUNDING, SPREAD = 0.999, 256


class FolderSource:
    """Tiles that lie in a folder, north up, listed in a CSV (see tile_list.py).

    Of a tile larger than the footprint the square in its middle is cut out; a smaller one is used whole, the rest of
    the square filled with its mean colour, and a notice says so.

    Args:
        path: the folder, or its CSV.
        footprint_m: side of the square of ground that the encoder sees.
        size_px: side of a tile in pixels, the input of the aerial encoder.

    Raises:
        SourceError: there is no list, or its header is wrong.
    """

    stride_m = None
    attribution = ""
    bounds: Bounds | None = None

    def __init__(self, path: Path, *, footprint_m: float, size_px: int) -> None:
        self._list = find_list(path)
        self._folder = self._list.parent.resolve()
        self._size_px = size_px
        self._narrow = 0
        self._limits = ImageLimits()
        self.footprint_m = footprint_m
        self.count = sum(1 for _ in read_list(self._list))

    @property
    def name(self) -> str:
        return f"tiles listed in {self._list.name}"

    @property
    def notices(self) -> tuple[str, ...]:
        if not self._narrow:
            return ()
        return (
            f"{self._narrow} tile(s) cover less than {self.footprint_m:g} m; the rest of them is filled with their "
            "mean colour. Choose a smaller --tile-m if most are like this.",
        )

    def __iter__(self) -> Iterator[Tile | BadTile]:
        self._narrow = 0
        for row in read_list(self._list):
            if isinstance(row, ListedTile):
                yield self._load(row)
            else:
                line, error = row
                yield BadTile(f"line {line}", error.code, str(error))

    def spread(self) -> Iterator[Tile | BadTile]:
        """Give some of the tiles, from all over the list."""
        step = max(1, self.count // SPREAD)
        for number, row in enumerate(read_list(self._list)):
            if number % step == 0 and isinstance(row, ListedTile):
                yield self._load(row)

    def _load(self, row: ListedTile) -> Tile | BadTile:
        try:
            check_resolution("The tile", row.ground_resolution_m, self.footprint_m, self._size_px)
            photo = decode_photo(
                read_inside(self._folder, row.file), long_side_px=self._limits.max_side_px, limits=self._limits
            )
        except (ImageError, SourceError) as error:
            return BadTile(row.id, error.code, str(error))
        height, width = photo.pixels.shape[:2]
        if min(height, width) * row.ground_resolution_m < self.footprint_m * ROUNDING:
            self._narrow += 1
        finer = max(1, int(self.footprint_m / self._size_px / row.ground_resolution_m))
        image = make_patch(photo.pixels, np.ones((height, width), dtype=np.bool_)).reduce(finer)
        patch = Patch(image, across=finer, down=finer)
        per_metre = 1.0 / row.ground_resolution_m
        place = Placement(width / 2, height / 2, per_metre, 0.0, 0.0, -per_metre)
        (square,) = sample_row(patch, place, [0], self.footprint_m, self._size_px)
        pixels, _ = fill(square)
        return Tile(
            id=row.id,
            lat=row.lat,
            lon=row.lon,
            pixels=pixels,
            footprint_m=self.footprint_m,
            ground_resolution_m=row.ground_resolution_m,
            captured=row.captured,
            source=self._list.name,
            attribution=row.attribution,
            seen=seen_part(square),
        )
