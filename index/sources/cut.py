"""Imagery of any kind as a source of tiles: pictures, and mosaics of pictures, all on one grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from index.sources.blocks import Cut
from index.sources.grid import TileGrid, default_stride_m
from index.sources.imagery import Imagery
from index.sources.mosaic import Mosaic
from index.sources.orthophoto import Orthophoto
from index.tiles import BadTile, Bounds, Piece, Tile, check_resolution, union
from models.cells import Cells
from models.errors import ImageryTooCoarse, SourceError
from models.geo import metres_per_degree

SHOWN, PARTS_SHOWN = 3, 8
LEAST_SHARE, LEAST_SHARE_OF_CELLS = 0.5, 0.2
"""Of a tile's imagery: cells near the edge of the imagery belong to tiles that mostly hang over it."""


class CutSource:
    """Tiles cut from imagery in any CRS, centres on a grid in metres, true north up.

    A tile spans the sheets of a mosaic, whatever their CRS, and never two pictures that were given apart. Imagery finer
    than the output is averaged, values wider than eight bits are stretched (see colours.py), nodata inside a tile gets
    the tile's mean colour.

    Args:
        pictures: rasters, tile pyramids and mosaics of them; the ids of all must differ.
        footprint_m: side of a tile on the ground.
        size_px: side of a tile in pixels, the input of the aerial encoder.
        stride_m: distance between neighbouring centres; when None that at which the cells of neighbouring tiles
            continue each other, or a quarter of the footprint where there are none.
        cells: camera positions that the model describes in each tile.
        captured: date of the imagery, ISO 8601; when None what each picture says.
        refused: pictures that could not be used; they are bad tiles.
        remarks: what the operator should know of how the pictures were chosen.

    Raises:
        ImageryTooCoarse: the pixels of the only picture, or of all, are too large for the model.
        SourceError: there is no picture, or two have one id.
    """

    def __init__(
        self,
        pictures: Sequence[Imagery | Mosaic],
        *,
        footprint_m: float,
        size_px: int,
        stride_m: float | None = None,
        cells: Cells | None = None,
        captured: str | None = None,
        refused: Sequence[BadTile] = (),
        remarks: Sequence[str] = (),
    ) -> None:
        self.footprint_m, self._cells = footprint_m, cells
        usual_m = default_stride_m(footprint_m) if cells is None else cells.stride_m
        self.stride_m = usual_m if stride_m is None else stride_m
        if not (footprint_m > 0 and self.stride_m > 0):
            raise SourceError(f"A tile of {footprint_m:g} m every {self.stride_m:g} m: both must be positive.")
        mosaics = [picture if isinstance(picture, Mosaic) else Mosaic.of([picture]) for picture in pictures]
        _check_ids([sheet for mosaic in mosaics for sheet in mosaic.sheets])
        self._remarks = tuple(remarks)
        self._refused = list(refused)
        self._mosaics = self._fine_enough(mosaics, size_px)
        owners = {sheet.attribution for mosaic in self._mosaics for sheet in mosaic.sheets}
        cut = Cut(footprint_m, size_px, captured, credited=len(owners) > 1)
        self._parts = [part for mosaic in self._mosaics for part in self._lay_out(mosaic, cut)]

    def _fine_enough(self, mosaics: Sequence[Mosaic], size_px: int) -> list[Mosaic]:
        found, first = [], None
        for mosaic in mosaics:
            usable = []
            for sheet in mosaic.sheets:
                try:
                    check_resolution(sheet.title, sheet.ground_resolution_m, self.footprint_m, size_px)
                except ImageryTooCoarse as error:
                    first = first or error
                    self._refused.append(BadTile(sheet.file, error.code, str(error)))
                else:
                    usable.append(sheet)
            if usable:
                found.append(mosaic if len(usable) == len(mosaic.sheets) else Mosaic.of(usable, mosaic.name))
        if not found:
            raise first or SourceError("No imagery was given.")
        return found

    def _lay_out(self, mosaic: Mosaic, cut: Cut) -> list[Orthophoto]:
        described_m = None if self._cells is None else self._cells.stride_m
        least = LEAST_SHARE if self._cells is None else LEAST_SHARE_OF_CELLS
        grids = TileGrid.over(mosaic.each_bounds(), self.footprint_m, self.stride_m, described_m)
        return [Orthophoto(mosaic, grid, cut, least) for grid in grids]

    @property
    def name(self) -> str:
        titles = [mosaic.title for mosaic in self._mosaics]
        more = f" and {len(titles) - SHOWN} more" if len(titles) > SHOWN else ""
        return f"{', '.join(titles[:SHOWN])}{more}"

    @property
    def attribution(self) -> str:
        said = (sheet.attribution for mosaic in self._mosaics for sheet in mosaic.sheets)
        return "; ".join(dict.fromkeys(text for text in said if text))

    @property
    def count(self) -> int:
        return len(self._refused) + sum(part.count for part in self._parts)

    @property
    def bounds(self) -> Bounds:
        return union(mosaic.bounds for mosaic in self._mosaics)

    @property
    def notices(self) -> tuple[str, ...]:
        refused = [f"{bad.id} is left out: {bad.reason}" for bad in self._refused[:SHOWN]]
        narrow = filter(None, (self._notice(mosaic) for mosaic in self._mosaics))
        return (*self._remarks, *refused, *narrow)

    def _notice(self, mosaic: Mosaic) -> str | None:
        bounds = mosaic.bounds
        north_m, east_m = metres_per_degree((bounds.south + bounds.north) / 2)
        wide = bounds.width_deg * float(east_m)
        high = (bounds.north - bounds.south) * float(north_m)
        if min(wide, high) >= self.footprint_m:
            return None
        return (
            f"{mosaic.name or mosaic.sheets[0].file} covers {wide:.0f} m x {high:.0f} m, less than a tile of "
            f"{self.footprint_m:g} m; the rest of its tiles is filled with their mean colour."
        )

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for piece in self.pieces():
            yield from piece.make()

    def spread(self) -> Iterator[Tile | BadTile]:
        """Give tiles from all over the imagery, of a few parts of it in turn; see Orthophoto."""
        parts = self._parts[:: max(1, len(self._parts) // PARTS_SHOWN)]
        yield from (tile for group in zip_longest(*(part.spread() for part in parts)) for tile in group if tile)

    def pieces(self) -> Iterator[Piece]:
        yield Piece(len(self._refused), lambda: self._refused)
        for part in self._parts:
            yield from part.pieces()


def _check_ids(pictures: Sequence[Imagery]) -> None:
    seen: dict[str, str] = {}
    for picture in pictures:
        if picture.id in seen:
            raise SourceError(
                f"{seen[picture.id]} and {picture.file} have the same name, {picture.id}; tile ids are made of it. "
                "Rename one."
            )
        seen[picture.id] = picture.file
