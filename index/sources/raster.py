"""One GeoTIFF, COG or VRT mosaic as eight-bit RGB: where it lies, which bands are its colours, where it has imagery."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import Interleaving, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from index.sampling import Patch, make_patch
from index.sources.colours import Colours, choose_colours
from index.sources.files import check_regular
from index.sources.imagery import Reading
from index.sources.pixel_grid import PixelGrid
from index.sources.spans import Span, spans
from index.sources.vrt import VRT, check_pieces
from models.errors import GeoreferenceInvalid, SourceError, TileUnreadable
from models.geo import Floats

DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", VRT: "VRT"}
COPYRIGHT, COPYRIGHT_LIMIT = "TIFFTAG_COPYRIGHT", 2000
ACQUIRED, WRITTEN = "ACQUISITIONDATETIME", "TIFFTAG_DATETIME"
BLOCK_LIMIT_BYTES, BANDS_LOOKED_AT = 1 << 29, 16
TIFF_DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)(?:[ T].*)?")


@dataclass(frozen=True, slots=True)
class Raster:
    """What is known of a file without holding it open; an `Imagery`."""

    id: str
    path: Path
    grid: PixelGrid
    colours: Colours
    attribution: str
    captured: str | None
    credit: str | None = None
    """What a catalogue says of this picture alone."""

    @property
    def file(self) -> str:
        return self.path.name

    @property
    def title(self) -> str:
        return f"{self.file} ({self.grid.code}, {self.ground_resolution_m:.3g} m/px)"

    @property
    def ground_resolution_m(self) -> float:
        return self.grid.ground_resolution_m

    @property
    def filled(self) -> float:
        return 1.0

    def covers(self, column: Floats, row: Floats) -> NDArray[np.bool_]:
        return (column >= 0) & (column <= self.grid.width) & (row >= 0) & (row <= self.grid.height)

    def somewhere(self, first: float, second: float) -> tuple[float, float]:
        return first * self.grid.width, second * self.grid.height

    def touches(self, left: float, top: float, right: float, bottom: float) -> bool:  # noqa: ARG002
        return True

    def reduction(self, most: int) -> int:
        return most

    @contextmanager
    def open(self) -> Iterator[RasterReader]:
        with open_dataset(self.path) as dataset:
            yield RasterReader(self, dataset)

    def described(self, identifier: str, attribution: str, captured: str | None) -> Raster:
        """Give the same raster with what a catalogue says of it; the file's own word fills in."""
        return replace(
            self,
            id=identifier,
            attribution=attribution or self.attribution,
            captured=captured or self.captured,
            credit=attribution or None,
        )


@dataclass(frozen=True, slots=True)
class RasterReader:
    raster: Raster
    dataset: DatasetReader

    def read(self, window: Window, across: int, down: int) -> Reading:
        phase_across, phase_down = self.raster.grid.phase(across, down)
        columns = spans(window.col_off, window.col_off + window.width, across, phase_across)
        rows = spans(window.row_off, window.row_off + window.height, down, phase_down)
        canvas = Image.new("RGBa", (sum(span.cells for span in columns), sum(span.cells for span in rows)))
        try:
            for row, column in product(rows, columns):
                at = (column.cell - columns[0].cell, row.cell - rows[0].cell)
                canvas.paste(self._read(column, row), at)
        except RasterioError as error:
            raise TileUnreadable(f"{self.raster.file} is damaged there: {error}") from error
        left, top = columns[0].cell * across - phase_across, rows[0].cell * down - phase_down
        return Reading(Patch(canvas, left=left, top=top, across=across, down=down))

    def _read(self, column: Span, row: Span) -> Image.Image:
        window = Window(column.start, row.start, column.stop - column.start, row.stop - row.start)
        shape, colours = (row.cells, column.cells), self.raster.colours
        how = Resampling.nearest if colours.palette is not None else Resampling.average
        values = self.dataset.read(colours.bands, window=window, out_shape=(len(colours.bands), *shape), resampling=how)
        valid = self.dataset.dataset_mask(window=window, out_shape=shape) > 0
        rgb, finite = colours.to_rgb(values)
        return make_patch(rgb, valid & finite)


@contextmanager
def open_dataset(path: Path) -> Iterator[DatasetReader]:
    """Open a TIFF or VRT by its suffix, and nothing else that GDAL would also open.

    Raises:
        PathUnsafe: a VRT's pieces are not files on this machine.
        SourceError: it is none, or damaged.
    """
    check_regular(path)
    if path.is_dir():
        raise SourceError(f"{path} is not a file.")
    driver = DRIVERS.get(path.suffix.lower(), "GTiff")
    if driver == "VRT":
        check_pieces(path)
    try:
        dataset = rasterio.open(path.resolve(), driver=driver)
    except RasterioError as error:
        kind = "VRT" if driver == "VRT" else "GeoTIFF"
        raise SourceError(f"{path} is not a {kind} that can be read: {error}") from error
    with dataset:
        _check_blocks(path, dataset)
        yield dataset


def _check_blocks(path: Path, dataset: DatasetReader) -> None:
    """Refuse what can only be read whole: its least part, however well it is packed, is unpacked in memory."""
    most = 0
    for (height, width), kind in zip(dataset.block_shapes[:BANDS_LOOKED_AT], dataset.dtypes, strict=False):
        bands = dataset.count if dataset.interleaving == Interleaving.pixel else 1
        most = max(most, height * width * np.dtype(kind).itemsize * bands)
    if most > BLOCK_LIMIT_BYTES:
        raise SourceError(
            f"{path} is kept in blocks of {most:,} bytes; at most {BLOCK_LIMIT_BYTES:,} are unpacked at once. Write it "
            "again in small ones, for example with `gdal_translate -co TILED=YES`."
        )


def read_raster(path: Path) -> Raster:
    """Find out what a GeoTIFF or VRT is.

    Raises:
        GeoreferenceInvalid: it does not say where on Earth it lies.
        SourceError: it cannot be read, or has no colours.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with open_dataset(path) as dataset:
            grid = PixelGrid.of(str(path), dataset.width, dataset.height, dataset.transform, _crs(path, dataset))
            return Raster(
                id=path.stem,
                path=path,
                grid=grid,
                colours=choose_colours(path, dataset),
                attribution=str(dataset.tags().get(COPYRIGHT, ""))[:COPYRIGHT_LIMIT],
                captured=_captured(dataset),
            )


def _captured(dataset: DatasetReader) -> str | None:
    """When it was acquired; else when the file says that it was made."""
    found = TIFF_DATE.fullmatch(
        str(dataset.tags(ns="IMAGERY").get(ACQUIRED) or dataset.tags().get(WRITTEN) or "").strip()
    )
    return None if found is None or found[1] < "1800" else "-".join(found.groups())


@lru_cache(maxsize=64)
def _parsed(wkt: str) -> pyproj.CRS:
    """One object for all sheets of a country: each takes some 30 kB."""
    return pyproj.CRS.from_wkt(wkt).to_2d()


def _crs(path: Path, dataset: DatasetReader) -> pyproj.CRS:
    if dataset.crs is None:
        raise GeoreferenceInvalid(
            f"{path} names no coordinate reference system. If you know it, write it into the file, "
            "for example with `gdal_edit.py -a_srs EPSG:25833 FILE`."
        )
    if dataset.transform.is_identity or dataset.transform.is_degenerate:
        raise GeoreferenceInvalid(
            f"{path} has a coordinate reference system but no position in it. Warp it with `gdalwarp` if it has "
            "ground control points, or give it its corners with `gdal_edit.py -a_ullr`."
        )
    try:
        return _parsed(dataset.crs.to_wkt())
    except pyproj.exceptions.ProjError as error:
        raise GeoreferenceInvalid(
            f"{path}: its coordinate reference system cannot be understood ({str(error)[:200]}). "
            "Warp it to another, for example with `gdalwarp -t_srs EPSG:25833`."
        ) from error
