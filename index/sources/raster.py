"""One GeoTIFF as eight-bit RGB: where it lies, which bands are its colours, where it has imagery."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from numpy.typing import ArrayLike
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window

from index.sampling import Patch, Placement, make_patch
from index.sources.colours import Colours, choose_colours
from index.tiles import Bounds, fold_lon
from models.errors import GeoreferenceInvalid, SourceError
from models.geo import Floats, offset, wrap_lon

EDGE_POINTS = 23
COPYRIGHT, COPYRIGHT_LIMIT = "TIFFTAG_COPYRIGHT", 2000


@dataclass(frozen=True, slots=True)
class Raster:
    """What is known of a GeoTIFF without holding it open."""

    path: Path
    width: int
    height: int
    transform: Affine
    """Column and row (pixel edges at whole numbers) to x and y of the CRS; may be rotated."""
    crs: pyproj.CRS
    colours: Colours
    attribution: str
    _from_wgs84: pyproj.Transformer = field(repr=False)

    @property
    def title(self) -> str:
        """For example: ortho.tif (EPSG:25833, 0.2 m/px)."""
        code = self.crs.to_authority()
        return f"{self.path.name} ({':'.join(code) if code else self.crs.name}, {self.ground_resolution_m:.3g} m/px)"

    @property
    def middle(self) -> tuple[float, float]:
        """Lat and lon of the middle."""
        lat, lon = self.position(self.width / 2, self.height / 2)
        return float(lat), float(lon)

    @property
    def ground_resolution_m(self) -> float:
        """Metres per pixel in the middle: the side of a square as large as the pixel on the ground."""
        lat, lon = self.middle
        at = Placement(*self.placements(np.array([lat]), np.array([lon]), 10.0)[0])
        return 1.0 / math.sqrt(abs(at.column_east * at.row_north - at.column_north * at.row_east))

    @property
    def bounds(self) -> Bounds:
        """The box around the imagery's edge, sampled at 23 points a side as GDAL does."""
        along = np.linspace(0.0, 1.0, EDGE_POINTS)
        none, full = np.zeros(EDGE_POINTS), np.ones(EDGE_POINTS)
        column = np.concatenate([along, along, none, full]) * self.width
        row = np.concatenate([none, full, along, along]) * self.height
        lat, lon = self.position(column, row)
        _, middle = self.middle
        with np.errstate(invalid="ignore"):
            lon = middle + wrap_lon(lon - middle)
        west, east = fold_lon([lon.min(), lon.max()])
        return Bounds(float(west), float(lat.min()), float(east), float(lat.max()))

    def position(self, column: ArrayLike, row: ArrayLike) -> tuple[Floats, Floats]:
        """Give lat and lon of places in the pixel grid."""
        at, column, row = self.transform, np.asarray(column), np.asarray(row)
        x, y = at.a * column + at.b * row + at.c, at.d * column + at.e * row + at.f
        lon, lat = self._from_wgs84.transform(x, y, direction=pyproj.enums.TransformDirection.INVERSE)
        return np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)

    def pixel(self, lat: ArrayLike, lon: ArrayLike) -> tuple[Floats, Floats]:
        """Give column and row of positions; not finite where the CRS has no place for them."""
        x, y = self._from_wgs84.transform(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
        if self.crs.is_geographic:
            middle = self.transform.a * self.width / 2 + self.transform.b * self.height / 2 + self.transform.c
            x = middle + wrap_lon(x - middle)
        at = ~self.transform
        return at.a * x + at.b * y + at.c, at.d * x + at.e * y + at.f

    def placements(self, lat: Floats, lon: Floats, reach_m: float) -> Floats:
        """Say how the ground around N centres lies in the pixel grid, by differences over `reach_m` each way.

        True north, not grid north: the neighbours are found on the ellipsoid and then projected.

        Returns:
            (N, 6), the fields of Placement; not finite where the CRS has no place for a centre.
        """
        east = np.array([0.0, 1.0, -1.0, 0.0, 0.0])[:, None] * reach_m
        north = np.array([0.0, 0.0, 0.0, 1.0, -1.0])[:, None] * reach_m
        column, row = self.pixel(*offset(lat, lon, east, north))
        with np.errstate(invalid="ignore"):
            eastward = (column[1] - column[2]) / (2 * reach_m), (row[1] - row[2]) / (2 * reach_m)
            northward = (column[3] - column[4]) / (2 * reach_m), (row[3] - row[4]) / (2 * reach_m)
        return np.stack([column[0], row[0], *eastward, *northward], axis=1)

    def read(self, dataset: DatasetReader, window: Window, across: int, down: int) -> Patch:
        """Read a window, `across` x `down` pixels averaged into one.

        Raises:
            RasterioError: the file is damaged there.
        """
        shape = (math.ceil(window.height / down), math.ceil(window.width / across))
        how = Resampling.nearest if self.colours.palette is not None else Resampling.average
        bands = self.colours.bands
        values = dataset.read(bands, window=window, out_shape=(len(bands), *shape), resampling=how)
        valid = dataset.dataset_mask(window=window, out_shape=shape) > 0
        rgb, finite = self.colours.to_rgb(values)
        return Patch(
            make_patch(rgb, valid & finite),
            left=window.col_off,
            top=window.row_off,
            across=window.width / shape[1],
            down=window.height / shape[0],
        )


@contextmanager
def open_dataset(path: Path) -> Iterator[DatasetReader]:
    """Open a TIFF, and nothing else that GDAL would also open.

    Raises:
        SourceError: it is none, or damaged.
    """
    if not path.is_file():
        raise SourceError(f"{path} is not a file.")
    try:
        dataset = rasterio.open(path.resolve(), driver="GTiff")
    except RasterioError as error:
        raise SourceError(f"{path} is not a GeoTIFF that can be read: {error}") from error
    with dataset:
        yield dataset


def read_raster(path: Path) -> Raster:
    """Find out what a GeoTIFF is.

    Raises:
        GeoreferenceInvalid: it does not say where on Earth it lies.
        SourceError: it cannot be read, or has no colours.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with open_dataset(path) as dataset:
            crs, transformer = _georeference(path, dataset)
            raster = Raster(
                path=path,
                width=dataset.width,
                height=dataset.height,
                transform=dataset.transform,
                crs=crs,
                colours=choose_colours(path, dataset),
                attribution=str(dataset.tags().get(COPYRIGHT, ""))[:COPYRIGHT_LIMIT],
                _from_wgs84=transformer,
            )
    _check_position(raster)
    return raster


def _georeference(path: Path, dataset: DatasetReader) -> tuple[pyproj.CRS, pyproj.Transformer]:
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
        crs = pyproj.CRS.from_wkt(dataset.crs.to_wkt()).to_2d()
        return crs, pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise GeoreferenceInvalid(
            f"{path}: its coordinate reference system cannot be converted to WGS84 ({str(error)[:200]}). "
            "Warp it to one that can, for example with `gdalwarp -t_srs EPSG:25833`."
        ) from error


def _check_position(raster: Raster) -> None:
    box = raster.bounds
    lat, lon = raster.middle
    column, row = raster.pixel(lat, lon)
    there_and_back = math.hypot(column - raster.width / 2, row - raster.height / 2)
    if not (np.isfinite(box).all() and -90 < box.south < box.north < 90 and there_and_back < 0.5):
        raise GeoreferenceInvalid(
            f"{raster.path} lies nowhere on Earth by its georeference: {raster.crs.name}, bounds {tuple(box)}. "
            "Its coordinate reference system is probably the wrong one: correct it with `gdal_edit.py -a_srs`."
        )
