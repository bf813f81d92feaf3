"""Map tiles of an index's own imagery: where they lie, how they are encoded, and how one index's or many are read."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pmtiles.reader import MmapSource, Reader

from index.manifest import COARSEST, FINEST, Imagery
from index.tiles import Bounds

SIZE = 256
"""Pixels along a side, of the web map's grid."""
OPEN_PYRAMIDS = 32
QUALITY = 80
Canvas = NDArray[np.uint8]
"""(256, 256, 4) RGBA."""


def world_px(lat: float, lon: float, zoom: int) -> tuple[float, float]:
    """Give the pixel of a WGS84 place in the Web Mercator world of a zoom, from its north-western corner."""
    side = SIZE * 2**zoom
    y = math.asinh(math.tan(math.radians(lat)))
    return (lon + 180.0) / 360.0 * side, (1.0 - y / math.pi) / 2.0 * side


class Pyramid:
    """Reads map tiles; the file is mapped, so many threads may ask at once."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            self._reader = Reader(MmapSource(stream))
        header = self._reader.header()
        self.zooms = Imagery(min_zoom=header["min_zoom"], max_zoom=header["max_zoom"])

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """Give a map tile as WebP; None where there is none, or no such tile in the world."""
        if not _in_world(zoom, x, y):
            return None
        data: bytes | None = self._reader.get(zoom, x, y)
        return data


class MemberPictures:
    """Map tiles of many pyramids as one; files are opened when they are first looked at, and a few are kept open.

    Args:
        members: pyramid and bounds of each.
    """

    def __init__(self, members: Sequence[tuple[Path, Bounds]]) -> None:
        self._members = members
        self._open = lru_cache(OPEN_PYRAMIDS)(Pyramid)

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        if not _in_world(zoom, x, y):
            return None
        west, north = corner(zoom, x, y)
        east, south = corner(zoom, x + 1, y + 1)
        reached = [path for path, bounds in self._members if _meet(bounds, Bounds(west, south, east, north))]
        found = [data for path in reached if (data := self._open(path).tile(zoom, x, y)) is not None]
        if len(found) <= 1:
            return found[0] if found else None
        whole = Image.new("RGBA", (SIZE, SIZE))
        for data in found:
            whole.alpha_composite(Image.fromarray(decoded(data)))
        return encoded(np.asarray(whole))


def _meet(one: Bounds, other: Bounds) -> bool:
    """Do two boxes meet? One that crosses the antimeridian counts as meeting every meridian."""
    beside = one.west > one.east or (one.west <= other.east and other.west <= one.east)
    return beside and one.south <= other.north and other.south <= one.north


def _in_world(zoom: int, x: int, y: int) -> bool:
    return COARSEST <= zoom <= FINEST and 0 <= x < 2**zoom and 0 <= y < 2**zoom


def corner(zoom: int, x: int, y: int) -> tuple[float, float]:
    """Lon and lat of the north-western corner of a map tile."""
    across = 2**zoom
    return x / across * 360.0 - 180.0, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / across))))


def decoded(data: bytes) -> Canvas:
    """Read an encoded map tile."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).copy()


def encoded(canvas: Canvas) -> bytes:
    """Write a map tile as WebP, without alpha where all of it is covered."""
    picture = Image.fromarray(canvas)
    out = io.BytesIO()
    (picture.convert("RGB") if canvas[..., 3].min() == 255 else picture).save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue()
