"""Imagery and indexes made by code, so that every test knows its answer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

from index.bundle import Index
from index.hilbert import hilbert_order
from index.manifest import IndexManifest
from index.probes import make_probes
from index.sources.cut import CutSource
from index.sources.grid import TileGrid
from index.sources.raster import read_raster
from index.table import make_table
from index.tiles import BadTile, Bounds, Tile
from models.bundle import Embedding
from models.cells import Cells
from models.encoder import FakeEncoder
from models.geo import enu_m, offset

LAT, LON = 50.0, 10.0
FOOTPRINT_M = 64.0
LEVELS_PER_M = 3.0
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Noise:
    """A source of `count` tiles of noise on a grid of 16 m, 20 to a row; those in `bad` cannot be read."""

    count: int = 60
    bad: tuple[int, ...] = ()
    blank: tuple[int, ...] = ()
    ids: str = "t{}"
    name: str = "noise"
    attribution: str = "Nobody"
    footprint_m: float = FOOTPRINT_M
    stride_m: float | None = 16.0
    bounds: Bounds | None = None
    notices: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for number in range(self.count):
            if number in self.bad:
                yield BadTile(f"t{number}", "io_error", "It was eaten by mice.")
            else:
                yield self._tile(number)

    def _tile(self, number: int) -> Tile:
        lat, lon = offset(LAT, LON, number % 20 * 16.0, number // 20 * 16.0)
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        if number in self.blank:
            pixels[:] = 77
        return Tile(self.ids.format(number), float(lat), float(lon), pixels, FOOTPRINT_M, 0.5, "2025-06", self.name)


class FailingEncoder(FakeEncoder):
    """Breaks after a number of runs."""

    def __init__(self, runs: int) -> None:
        super().__init__()
        self._left = runs

    def aerial(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("power cut")
        return super().aerial(pixels)


def make_index(
    vectors: NDArray[np.float32],
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    columns: int = 1,
    cells: Cells | None = None,
) -> Index:
    """An index in memory; its rows are the given ones in Hilbert order, its tile ids their numbers."""
    order = hilbert_order(lat, lon)
    rows = np.ascontiguousarray(vectors[order].astype(np.float16))
    count, size = len(rows), rows.shape[-1]
    table = make_table(
        [str(number) for number in order],
        lat[order],
        lon[order],
        FOOTPRINT_M,
        np.full(count, 0.5),
        [None] * count,
        ["made"] * count,
    )
    manifest = IndexManifest(
        name="made",
        generation=1,
        created="2026-01-01T00:00:00Z",
        model_sha256="0" * 64,
        model_title="none@1",
        model_label="",
        preprocessing_sha256="0" * 64,
        embedding=Embedding(columns=columns, channels=size // columns),
        cells=cells,
        count=count,
        footprint_m=FOOTPRINT_M,
        stride_m=None,
        ground_resolution_m=0.5,
        bounds=Bounds(-180.0, -90.0, 180.0, 90.0),
        source="made",
        attribution="",
    )
    return Index(Path("made"), manifest, rows, table, make_probes(rows.reshape(-1, size)))


def unit_rows(count: int, size: int, seed: int = 0) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, size)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def thaw(folder: Path, target: Path) -> Path:
    """Copy a published generation so that a test may damage it."""
    shutil.copytree(folder, target)
    target.chmod(0o755)
    for path in target.iterdir():
        path.chmod(0o644)
    return target


def write_tif(path: Path, pixels: NDArray[Any], transform: Affine, crs: str | None, **options: Any) -> Path:
    """Write (bands, H, W) as a GeoTIFF."""
    bands, height, width = pixels.shape
    profile = {"driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": pixels.dtype.name}
    alpha = options.pop("alpha", None)
    with rasterio.open(path, "w", **profile, transform=transform, crs=crs, **options) as dataset:
        dataset.write(pixels)
        if alpha is not None:
            dataset.write_mask(alpha)
    return path


def on_grid(lat: float, lon: float, stride_m: float) -> tuple[float, float]:
    """The centre nearest to a position that tiles `stride_m` apart have."""
    (grid,) = TileGrid.over([Bounds(lon - 1e-9, lat - 1e-9, lon + 1e-9, lat + 1e-9)], stride_m, stride_m)
    found = grid.centres(np.array([grid.top]), np.array([grid.left]))
    return float(found[0][0]), float(found[1][0])


def cut_tiffs(paths: Sequence[Path], **options: Any) -> CutSource:
    """Open GeoTIFFs for tiles to be cut from them."""
    return CutSource([read_raster(path) for path in paths], **options)


def square_transform(crs: str, lat: float, lon: float, pixels: int, step: float, turn_deg: float = 0.0) -> Affine:
    """A geotransform whose middle pixel corner lies at a position; `step` in units of the CRS, turned in its plane."""
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    a, b = step * np.cos(np.radians(turn_deg)), step * np.sin(np.radians(turn_deg))
    half = pixels / 2
    return Affine(a, b, x - (a + b) * half, b, -a, y - (b - a) * half)


def write_compass(path: Path, crs: str, transform: Affine, lat: float, lon: float, size: int) -> Path:
    """A raster whose red grows by 3 a metre to the true east and green by 3 a metre to the true north.

    Both are 128 at (lat, lon), and end at 0 and 255; blue is 200 throughout.
    """
    column, row = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    x = transform.a * column + transform.b * row + transform.c
    y = transform.d * column + transform.e * row + transform.f
    back = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lons, lats = back.transform(x, y)
    east, north = enu_m(lats, lons, lat, lon)
    colours = np.stack([128 + LEVELS_PER_M * east, 128 + LEVELS_PER_M * north, np.full_like(east, 200.0)])
    return write_tif(path, np.clip(np.rint(colours), 0, 255).astype(np.uint8), transform, crs)


def compass_reading(pixels: Pixels, side_m: float) -> tuple[float, float, float, float]:
    """Read a tile cut from a compass raster.

    Returns:
        East and north in metres of its centre; degrees by which it is turned from true north; metres east per metre
        of tile, which should be 1.
    """
    size = pixels.shape[0]
    along = ((np.arange(size) + 0.5) / size - 0.5) * side_m
    columns, rows = np.meshgrid(along, -along)
    design = np.stack([np.ones(size * size), columns.ravel(), rows.ravel()], axis=1)
    red, *_ = np.linalg.lstsq(design, pixels[..., 0].ravel().astype(float), rcond=None)
    green, *_ = np.linalg.lstsq(design, pixels[..., 1].ravel().astype(float), rcond=None)
    turned = float(np.degrees(np.arctan2(red[2] - green[1], red[1] + green[2])))
    scale = float(np.hypot(red[1], green[1])) / LEVELS_PER_M
    return float(red[0] - 128) / LEVELS_PER_M, float(green[0] - 128) / LEVELS_PER_M, turned, scale
