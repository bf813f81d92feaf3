"""Imagery of any kind as a source of tiles: one picture, or several, each with a grid of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from index.sources.grid import TileGrid, default_stride_m
from index.sources.imagery import Imagery
from index.sources.orthophoto import LEAST_SHARE, LEAST_SHARE_OF_CELLS, Orthophoto
from index.sources.raster import Raster
from index.tiles import BadTile, Bounds, Piece, Tile, check_resolution, union
from models.cells import Cells
from models.errors import ImageryTooCoarse, SourceError
from models.geo import metres_per_degree

SHOWN = 3


class CutSource:
    """Tiles cut from imagery in any CRS, centres on a grid in metres, true north up.

    A tile never spans two pictures. Imagery finer than the output is averaged, values wider than eight bits are
    stretched (see colours.py), nodata inside a tile gets the tile's mean colour.

    Args:
        pictures: rasters and tile pyramids; their ids must differ.
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
        pictures: Sequence[Imagery],
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
        _check_ids(pictures)
        self._remarks = tuple(remarks)
        self._refused = list(refused)
        self._sheets = self._lay_out(pictures, size_px, captured)

    def _lay_out(self, pictures: Sequence[Imagery], size_px: int, captured: str | None) -> list[Orthophoto]:
        sheets, first = [], None
        for picture in pictures:
            try:
                check_resolution(picture.title, picture.ground_resolution_m, self.footprint_m, size_px)
            except ImageryTooCoarse as error:
                first = first or error
                self._refused.append(BadTile(picture.file, error.code, str(error)))
            else:
                sheets.append(self._sheet(picture, size_px, captured))
        if not sheets:
            raise first or SourceError("No imagery was given.")
        return sheets

    def _sheet(self, picture: Imagery, size_px: int, captured: str | None) -> Orthophoto:
        described_m = None if self._cells is None else self._cells.stride_m
        grid = TileGrid.over(picture.grid.bounds, self.footprint_m, self.stride_m, described_m)
        least = LEAST_SHARE if self._cells is None else LEAST_SHARE_OF_CELLS
        credit = picture.credit if isinstance(picture, Raster) else None
        return Orthophoto(picture, grid, self.footprint_m, size_px, captured or picture.captured, least, credit)

    @property
    def name(self) -> str:
        titles = [sheet.imagery.title for sheet in self._sheets]
        more = f" and {len(titles) - SHOWN} more" if len(titles) > SHOWN else ""
        return f"{', '.join(titles[:SHOWN])}{more}"

    @property
    def attribution(self) -> str:
        said = (sheet.imagery.attribution for sheet in self._sheets)
        return "; ".join(dict.fromkeys(text for text in said if text))

    @property
    def count(self) -> int:
        return len(self._refused) + sum(sheet.count for sheet in self._sheets)

    @property
    def bounds(self) -> Bounds:
        return union(sheet.imagery.grid.bounds for sheet in self._sheets)

    @property
    def notices(self) -> tuple[str, ...]:
        refused = [f"{bad.id} is left out: {bad.reason}" for bad in self._refused[:SHOWN]]
        narrow = filter(None, (self._notice(sheet.imagery) for sheet in self._sheets))
        return (*self._remarks, *refused, *narrow)

    def _notice(self, picture: Imagery) -> str | None:
        north_m, east_m = metres_per_degree(picture.grid.middle[0])
        bounds = picture.grid.bounds
        wide = bounds.width_deg * float(east_m)
        high = (bounds.north - bounds.south) * float(north_m)
        if min(wide, high) >= self.footprint_m:
            return None
        return (
            f"{picture.file} covers {wide:.0f} m x {high:.0f} m, less than a tile of {self.footprint_m:g} m; "
            "the rest of its tiles is filled with their mean colour."
        )

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for piece in self.pieces():
            yield from piece.make()

    def pieces(self) -> Iterator[Piece]:
        yield Piece(len(self._refused), lambda: self._refused)
        for sheet in self._sheets:
            yield from sheet.pieces()


def _check_ids(pictures: Sequence[Imagery]) -> None:
    seen: dict[str, str] = {}
    for picture in pictures:
        if picture.id in seen:
            raise SourceError(
                f"{seen[picture.id]} and {picture.file} have the same name, {picture.id}; tile ids are made of it. "
                "Rename one."
            )
        seen[picture.id] = picture.file
