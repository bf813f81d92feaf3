"""GeoTIFFs and COGs as a source of tiles: one orthophoto, or several sheets of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from index.sources.grid import TileGrid, default_stride_m
from index.sources.orthophoto import LEAST_SHARE, LEAST_SHARE_OF_CELLS, Orthophoto
from index.sources.raster import Raster, read_raster
from index.tiles import BadTile, Bounds, Tile, check_resolution, union
from models.cells import Cells
from models.errors import SourceError
from models.geo import metres_per_degree

SHOWN = 3


class GeoTiffSource:
    """Tiles cut from GeoTIFFs in any CRS, centres on a grid in metres, true north up.

    Each file has a grid of its own; a tile never spans two files. Imagery finer than the output is averaged, values
    wider than eight bits are stretched (see colours.py), nodata inside a tile gets the tile's mean colour.

    Args:
        paths: the files; their names must differ.
        footprint_m: side of a tile on the ground.
        size_px: side of a tile in pixels, the input of the aerial encoder.
        stride_m: distance between neighbouring centres; when None that at which the cells of neighbouring tiles
            continue each other, or a quarter of the footprint where there are none.
        cells: camera positions that the model describes in each tile.
        captured: date of the imagery, ISO 8601.

    Raises:
        GeoreferenceInvalid: a file does not say where it lies.
        ImageryTooCoarse: a file's pixels are too large for the model.
        SourceError: a file cannot be read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        footprint_m: float,
        size_px: int,
        stride_m: float | None = None,
        cells: Cells | None = None,
        captured: str | None = None,
    ) -> None:
        self.footprint_m, self._cells = footprint_m, cells
        usual_m = default_stride_m(footprint_m) if cells is None else cells.stride_m
        self.stride_m = usual_m if stride_m is None else stride_m
        if not (footprint_m > 0 and self.stride_m > 0):
            raise SourceError(f"A tile of {footprint_m:g} m every {self.stride_m:g} m: both must be positive.")
        if len({path.stem for path in paths}) != len(paths):
            raise SourceError("Two GeoTIFFs have the same name; tile ids are made of it. Rename one.")
        self._sheets = [self._sheet(read_raster(path), size_px, captured) for path in paths]
        if not self._sheets:
            raise SourceError("No GeoTIFF was given.")

    def _sheet(self, raster: Raster, size_px: int, captured: str | None) -> Orthophoto:
        resolution_m = raster.ground_resolution_m
        check_resolution(str(raster.path), resolution_m, self.footprint_m, size_px)
        described_m = None if self._cells is None else self._cells.stride_m
        grid = TileGrid.over(raster.bounds, self.footprint_m, self.stride_m, described_m)
        least = LEAST_SHARE if self._cells is None else LEAST_SHARE_OF_CELLS
        return Orthophoto(raster, grid, resolution_m, self.footprint_m, size_px, captured, least)

    @property
    def name(self) -> str:
        titles = [sheet.raster.title for sheet in self._sheets]
        more = f" and {len(titles) - SHOWN} more" if len(titles) > SHOWN else ""
        return f"GeoTIFF {', '.join(titles[:SHOWN])}{more}"

    @property
    def attribution(self) -> str:
        return "; ".join(dict.fromkeys(sheet.raster.attribution for sheet in self._sheets if sheet.raster.attribution))

    @property
    def count(self) -> int:
        return sum(sheet.count for sheet in self._sheets)

    @property
    def bounds(self) -> Bounds:
        return union(sheet.raster.bounds for sheet in self._sheets)

    @property
    def notices(self) -> tuple[str, ...]:
        return tuple(filter(None, (self._notice(sheet.raster) for sheet in self._sheets)))

    def _notice(self, raster: Raster) -> str | None:
        north_m, east_m = metres_per_degree(raster.middle[0])
        wide = raster.bounds.width_deg * float(east_m)
        high = (raster.bounds.north - raster.bounds.south) * float(north_m)
        if min(wide, high) >= self.footprint_m:
            return None
        return (
            f"{raster.path.name} covers {wide:.0f} m x {high:.0f} m, less than a tile of {self.footprint_m:g} m; "
            "the rest of its tiles is filled with their mean colour."
        )

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for sheet in self._sheets:
            yield from sheet.tiles()
