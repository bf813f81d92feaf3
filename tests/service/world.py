"""A small painted world: tiles whose sectors have known colours, and photos that show just those colours."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from index.tiles import BadTile, Bounds, Tile
from models.geo import offset

COLUMNS, ROWS, SIDE = 8, 6, 32
LAT, LON, STRIDE_M, FOOTPRINT_M = 52.5, 13.4, 100.0, 64.0
TILE_COUNT = ROWS * ROWS
Pixels = NDArray[np.uint8]


def sector_colours(number: int) -> Pixels:
    """(8, 3) colours of a tile's azimuth sectors, clockwise from north."""
    return np.random.default_rng(number).integers(0, 256, (COLUMNS, 3)).astype(np.uint8)


def tile_pixels(number: int) -> Pixels:
    centre = np.arange(SIDE) + 0.5 - SIDE / 2
    azimuth = np.degrees(np.arctan2(centre[None, :], -centre[:, None])) % 360.0
    pixels: Pixels = sector_colours(number)[(azimuth // (360 / COLUMNS)).astype(int)]
    return pixels


def position(number: int) -> tuple[float, float]:
    lat, lon = offset(LAT, LON, (number % ROWS) * STRIDE_M, (number // ROWS) * STRIDE_M)
    return float(lat), float(lon)


@dataclass(frozen=True)
class PaintedTiles:
    """A tile source of 36 tiles on a grid of 100 m."""

    name: str = "painted"
    attribution: str = "painted by hand"
    count: int = TILE_COUNT
    footprint_m: float = FOOTPRINT_M
    stride_m: float | None = STRIDE_M
    bounds: Bounds | None = None
    notices: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for number in range(TILE_COUNT):
            lat, lon = position(number)
            yield Tile(f"t{number}", lat, lon, tile_pixels(number), FOOTPRINT_M, 2.0, "2025-06", self.name)


def panorama(number: int, heading_deg: float = 0.0) -> Pixels:
    """(256, 512, 3): what one sees from a tile's centre, `heading_deg` in the middle; a grey strip along the top."""
    azimuth = ((np.arange(512) + 0.5) / 512 * 360.0 - 180.0 + heading_deg) % 360.0
    row = sector_colours(number)[(azimuth // (360 / COLUMNS)).astype(int)]
    pixels = np.repeat(row[None], 256, axis=0)
    pixels[:4] = 128
    return pixels


def encode(pixels: Pixels, format_: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format_, **options)
    return stream.getvalue()
