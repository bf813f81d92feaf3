"""Painting an index's own imagery: a pyramid of web map tiles, made when the index is built, for people to see.

Tiles are 256 pixels wide, WebP, in one PMTiles file. Nothing is searched by them.
"""

from __future__ import annotations

import math
import sqlite3
import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pmtiles.reader import MmapSource, all_tiles
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from index.manifest import COARSEST, FINEST, Imagery
from index.map_tiles import SIZE, Canvas, corner, decoded, encoded, world_px
from index.tiles import BadTile, Bounds, Tile
from models.disk import DISK, Disk
from models.geo import metres_per_degree

EQUATOR_M = 40_075_016.685578488
LEVELS = 9
"""Zooms below the finest at most; by then a whole country is one tile."""
KEPT_TILES = 256
"""Map tiles that are painted on in memory, 256 KiB each; the others wait in a scratch file."""
MOST_LATITUDE = 85.0
WHOLLY_SEEN = 254
"""Of 255: a pixel that is part filled in is left out."""
Spot = tuple[int, int, int]
"""Zoom, column, row."""


@dataclass(frozen=True, slots=True)
class ImageryWish:
    """What a job shall paint."""

    previous: Path | None = None
    """Pyramid of the generation before, that is painted on."""
    previous_zoom: int | None = None


def finest_zoom(lat: float, resolution_m: float, seen_m: float) -> int:
    """Choose the zoom whose pixels come nearest to those of the imagery, or to what the network saw of it.

    Args:
        lat: WGS84, of the imagery.
        resolution_m: metres a pixel of the imagery.
        seen_m: metres a pixel of the network's input; the coarser of the two counts.
    """
    across = EQUATOR_M * math.cos(math.radians(lat)) / SIZE
    return int(np.clip(round(math.log2(across / max(resolution_m, seen_m))), COARSEST, FINEST))


class Painter:
    """Paints tiles onto map tiles, and makes the pyramid of them.

    Args:
        zoom: the finest.
        scratch: file for map tiles that are not in memory; removed at the end.
        disk: what to write through.
        within: where the imagery ends; what tiles have beyond it was filled in. None: paint whole tiles.
    """

    def __init__(self, zoom: int, scratch: Path, disk: Disk = DISK, within: Bounds | None = None) -> None:
        self._zoom, self._scratch, self._disk, self._within = zoom, scratch, disk, within
        self._open: OrderedDict[Spot, Canvas] = OrderedDict()
        self._kept = sqlite3.connect(scratch, isolation_level=None)
        self._kept.execute("PRAGMA journal_mode=OFF")
        self._kept.execute("PRAGMA synchronous=OFF")
        self._kept.execute(
            "CREATE TABLE tile (zoom INT, x INT, y INT, rgba BLOB, webp BLOB, PRIMARY KEY (zoom, x, y)) WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()
        self._scratch.unlink(missing_ok=True)

    def take_over(self, pyramid: Path) -> None:
        """Begin with another pyramid of the same finest zoom; what is not painted on stays as it was encoded."""
        with pyramid.open("rb") as stream:
            for spot, data in all_tiles(MmapSource(stream)):
                self._kept.execute("INSERT INTO tile VALUES (?, ?, ?, NULL, ?)", (*spot, data))

    def paint(self, tile: Tile) -> None:
        """Lay a tile over what is there; the poles are left out, as on every web map."""
        if abs(tile.lat) > MOST_LATITUDE:
            return
        per_lat, per_lon = (float(metres) for metres in metres_per_degree(tile.lat))
        half_lat, half_lon = tile.footprint_m / 2 / per_lat, tile.footprint_m / 2 / per_lon
        left, top = world_px(tile.lat + half_lat, tile.lon - half_lon, self._zoom)
        right, bottom = world_px(tile.lat - half_lat, tile.lon + half_lon, self._zoom)
        x0, y0, x1, y1 = self._clipped(math.ceil(left), math.ceil(top), math.floor(right), math.floor(bottom))
        if x1 <= x0 or y1 <= y0:
            return
        height, width = tile.pixels.shape[:2]
        scale_x, scale_y = width / (right - left), height / (bottom - top)
        box = ((x0 - left) * scale_x, (y0 - top) * scale_y, (x1 - left) * scale_x, (y1 - top) * scale_y)
        picture = Image.fromarray(tile.pixels).resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR, box)
        self._lay(np.asarray(picture), _shown(tile, picture.size, box), x0, y0)

    def write(self, path: Path) -> Imagery | None:
        """Write the pyramid; None, and no file, if nothing was painted."""
        self._flush()
        bounds = self._finest_bounds()
        if bounds is None:
            return None
        lowest = self._build_levels()
        with self._disk.create(path) as stream:
            writer = Writer(stream)
            for spot, data in self._all():
                writer.write_tile(zxy_to_tileid(*spot), data)
            writer.finalize(_header(bounds, lowest, self._zoom), {"name": "imagery", "format": "webp"})
        self._disk.fsync(path)
        return Imagery(min_zoom=lowest, max_zoom=self._zoom)

    def _clipped(self, x0: int, y0: int, x1: int, y1: int) -> tuple[int, int, int, int]:
        within = self._within
        if within is None or within.west > within.east:
            return x0, y0, x1, y1
        left, top = world_px(within.north, within.west, self._zoom)
        right, bottom = world_px(within.south, within.east, self._zoom)
        return (
            max(x0, math.ceil(left)),
            max(y0, math.ceil(top)),
            min(x1, math.floor(right)),
            min(y1, math.floor(bottom)),
        )

    def _lay(self, picture: Canvas, shown: NDArray[np.bool_] | None, x0: int, y0: int) -> None:
        height, width = picture.shape[:2]
        across = 2**self._zoom
        for row in range(y0 // SIZE, (y0 + height - 1) // SIZE + 1):
            for column in range(x0 // SIZE, (x0 + width - 1) // SIZE + 1):
                canvas = self._get((self._zoom, column % across, row))
                left, top = max(x0, column * SIZE), max(y0, row * SIZE)
                right, bottom = min(x0 + width, (column + 1) * SIZE), min(y0 + height, (row + 1) * SIZE)
                part = canvas[top - row * SIZE : bottom - row * SIZE, left - column * SIZE : right - column * SIZE]
                colours = picture[top - y0 : bottom - y0, left - x0 : right - x0]
                if shown is None:
                    part[..., :3], part[..., 3] = colours, 255
                else:
                    here = shown[top - y0 : bottom - y0, left - x0 : right - x0]
                    part[here, :3], part[here, 3] = colours[here], 255

    def _get(self, spot: Spot) -> Canvas:
        if spot in self._open:
            self._open.move_to_end(spot)
            return self._open[spot]
        found = self._read(spot)
        self._put(spot, np.zeros((SIZE, SIZE, 4), np.uint8) if found is None else found)
        return self._open[spot]

    def _read(self, spot: Spot) -> Canvas | None:
        row = self._kept.execute("SELECT rgba, webp FROM tile WHERE zoom = ? AND x = ? AND y = ?", spot).fetchone()
        if row is None:
            return None
        packed, webp = row
        return _unpacked(packed) if webp is None else decoded(webp)

    def _put(self, spot: Spot, canvas: Canvas) -> None:
        self._open[spot] = canvas
        while len(self._open) > KEPT_TILES:
            self._keep(*self._open.popitem(last=False))

    def _keep(self, spot: Spot, canvas: Canvas) -> None:
        packed = zlib.compress(canvas.tobytes(), 1)
        self._kept.execute("INSERT OR REPLACE INTO tile VALUES (?, ?, ?, ?, NULL)", (*spot, packed))

    def _flush(self) -> None:
        while self._open:
            self._keep(*self._open.popitem(last=False))

    def _spots(self, zoom: int, *, painted: bool = False) -> list[Spot]:
        """Tiles of a zoom; those alone that were painted on."""
        only = " AND webp IS NULL" if painted else ""
        found = self._kept.execute(f"SELECT zoom, x, y FROM tile WHERE zoom = ?{only}", (zoom,)).fetchall()
        return [(int(zoom), int(x), int(y)) for zoom, x, y in found]

    def _finest_bounds(self) -> Bounds | None:
        spots = self._spots(self._zoom)
        if not spots:
            return None
        columns, rows = [x for _, x, _ in spots], [y for _, _, y in spots]
        west, north = corner(self._zoom, min(columns), min(rows))
        east, south = corner(self._zoom, max(columns) + 1, max(rows) + 1)
        return Bounds(west, south, east, north)

    def _build_levels(self) -> int:
        """Make each coarser zoom of the four tiles below, until one tile is left; give the coarsest."""
        for zoom in range(self._zoom - 1, max(COARSEST, self._zoom - LEVELS) - 1, -1):
            if len(self._spots(zoom + 1)) == 1:
                return zoom + 1
            there = set(self._spots(zoom))
            above = {(zoom, x // 2, y // 2) for _, x, y in self._spots(zoom + 1)}
            changed = {(zoom, x // 2, y // 2) for _, x, y in self._spots(zoom + 1, painted=True)}
            for spot in sorted(changed | (above - there)):
                self._keep(spot, self._halved(*spot))
        return max(COARSEST, self._zoom - LEVELS)

    def _halved(self, zoom: int, x: int, y: int) -> Canvas:
        whole = np.zeros((2 * SIZE, 2 * SIZE, 4), np.uint8)
        for down in (0, 1):
            for right in (0, 1):
                child = self._read((zoom + 1, 2 * x + right, 2 * y + down))
                if child is not None:
                    whole[down * SIZE : (down + 1) * SIZE, right * SIZE : (right + 1) * SIZE] = child
        halved = Image.fromarray(whole).convert("RGBa").reduce(2)  # premultiplied, or edges would turn dark
        return np.asarray(halved.convert("RGBA")).copy()

    def _all(self) -> Iterator[tuple[Spot, bytes]]:
        """Every tile, encoded, in the order of its PMTiles number, so that the file is clustered."""
        for zoom in range(COARSEST, self._zoom + 1):
            for spot in sorted(self._spots(zoom), key=lambda spot: int(zxy_to_tileid(*spot))):
                packed, webp = self._kept.execute(
                    "SELECT rgba, webp FROM tile WHERE zoom = ? AND x = ? AND y = ?", spot
                ).fetchone()
                yield spot, encoded(_unpacked(packed)) if webp is None else webp


def paint_all(
    items: Iterable[Tile | BadTile],
    ids: Collection[str],
    wish: ImageryWish,
    zoom: int,
    path: Path,
    disk: Disk = DISK,
    within: Bounds | None = None,
) -> Imagery | None:
    """Paint the tiles that are in an index, and write their pyramid; see `Painter`."""
    with Painter(zoom, path.with_suffix(".scratch"), disk, within) as painter:
        if wish.previous is not None:
            painter.take_over(wish.previous)
        for item in items:
            if isinstance(item, Tile) and item.id in ids:
                painter.paint(item)
        return painter.write(path)


def _shown(tile: Tile, size: tuple[int, int], box: tuple[float, float, float, float]) -> NDArray[np.bool_] | None:
    """Where a tile's own imagery lies in its picture; None: everywhere."""
    if tile.seen is None:
        return None
    seen = Image.fromarray(tile.seen.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR, box)
    return np.asarray(seen) > WHOLLY_SEEN


def _unpacked(packed: bytes) -> Canvas:
    return np.frombuffer(bytearray(zlib.decompress(packed)), np.uint8).reshape(SIZE, SIZE, 4)


def _header(bounds: Bounds, lowest: int, finest: int) -> dict[str, Any]:
    west, south, east, north = (round(side * 1e7) for side in bounds)
    return {
        "tile_type": TileType.WEBP,
        "tile_compression": Compression.NONE,
        "min_zoom": lowest,
        "max_zoom": finest,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": finest,
        "center_lon_e7": (west + east) // 2,
        "center_lat_e7": (south + north) // 2,
    }
