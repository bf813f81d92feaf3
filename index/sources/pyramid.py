"""One zoom of a web map's tiles as a single picture in EPSG:3857; tiles that are missing are nodata."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import morecantile
import numpy as np
import pyproj
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import Affine
from rasterio.windows import Window

from index.sampling import Patch
from index.sources.imagery import Damage, Reading
from index.sources.pixel_grid import PixelGrid
from index.sources.tile_set import TileSet
from index.sources.tile_store import TileReader, TileStore
from index.tiles import BadTile
from models.errors import ImageBadDimensions, ImageError, SourceError
from models.geo import Floats
from models.image import WHOLE_PX, ImageLimits, decode_photo

SIDES_PX = (128, 256, 512, 1024, 2048)
LIMITS = ImageLimits(max_pixels=2048 * 2048, max_side_px=2048)
KEPT_TILES = 256
"""Decoded ones, for the next block of neighbours."""
TRIED = 64


@dataclass(frozen=True, slots=True)
class Pyramid:
    """A zoom of a store; an `Imagery`."""

    store: TileStore
    zoom: int
    side_px: int
    """Of its tiles."""
    tiles: TileSet
    grid: PixelGrid
    strays: Sequence[BadTile] = ()
    """What has an address that does not exist."""

    @classmethod
    def at(cls, store: TileStore, zoom: int) -> Pyramid:
        """Find out what a zoom holds.

        Raises:
            SourceError: it holds nothing that can be decoded, or its tiles have an unusual size.
        """
        listing = store.listing(zoom)
        if not len(listing.addresses):
            raise SourceError(f"{store.path} has no tiles at zoom {zoom}.")
        tiles = TileSet.of(listing.addresses, zoom)
        side_px = _side_px(store, zoom, tiles)
        matrix = web_mercator().matrix(zoom)
        tile_m = matrix.cellSize * matrix.tileWidth
        west, north = matrix.pointOfOrigin
        step = tile_m / side_px
        transform = Affine(step, 0.0, west + tiles.x * tile_m, 0.0, -step, north - tiles.y * tile_m)
        crs = pyproj.CRS.from_epsg(3857)
        grid = PixelGrid.of(str(store.path), tiles.columns * side_px, tiles.rows * side_px, transform, crs)
        return cls(store, zoom, side_px, tiles, grid, listing.strays)

    @property
    def id(self) -> str:
        return self.store.path.stem

    @property
    def file(self) -> str:
        return self.store.path.name

    @property
    def title(self) -> str:
        lat, _ = self._middle
        return (
            f"{self.store.kind} {self.file} (zoom {self.zoom}, {self.side_px} px, "
            f"{self.ground_resolution_m:.3g} m/px at {lat:.1f}°)"
        )

    @property
    def _middle(self) -> tuple[float, float]:
        column, row = self.tiles.middle
        lat, lon = self.grid.position(column * self.side_px, row * self.side_px)
        return float(lat), float(lon)

    @property
    def ground_resolution_m(self) -> float:
        return self.grid.ground_resolution_at(*self._middle)

    @property
    def attribution(self) -> str:
        return self.store.attribution

    @property
    def captured(self) -> str | None:
        return self.store.captured

    @property
    def filled(self) -> float:
        return len(self.tiles) / (self.tiles.columns * self.tiles.rows)

    def covers(self, column: Floats, row: Floats) -> NDArray[np.bool_]:
        return self.tiles.has(column / self.side_px, row / self.side_px)

    def somewhere(self, first: float, second: float) -> tuple[float, float]:
        column, row = self.tiles.at(int(first * len(self.tiles)))
        return (column + first * len(self.tiles) % 1.0) * self.side_px, (row + second) * self.side_px

    def touches(self, left: float, top: float, right: float, bottom: float) -> bool:
        return self.tiles.any_within(*(edge / self.side_px for edge in (left, top, right, bottom)))

    def reduction(self, most: int) -> int:
        """A power of two, so that pieces of whole tiles are averaged."""
        return 1 << (min(most, self.side_px).bit_length() - 1)

    @contextmanager
    def open(self) -> Iterator[PyramidReader]:
        with self.store.open(self.zoom) as reader:
            yield PyramidReader(self, reader)


class PyramidReader:
    """Puts windows together from tiles, each decoded once for all blocks that need it soon."""

    def __init__(self, pyramid: Pyramid, reader: TileReader) -> None:
        self._pyramid, self._reader = pyramid, reader
        self._kept: OrderedDict[tuple[int, int], Image.Image | Damage] = OrderedDict()

    def read(self, window: Window, across: int, down: int) -> Reading:
        side = self._pyramid.side_px
        left, top = window.col_off, window.row_off
        canvas = Image.new("RGBa", (window.width // across, window.height // down))
        damage = []
        edges = (left / side, top / side, (left + window.width) / side, (top + window.height) / side)
        for column, row in self._pyramid.tiles.within(*edges):
            tile = self._tile(column, row)
            if isinstance(tile, Damage):
                damage.append(tile)
                continue
            small = tile.reduce((across, down)) if across * down > 1 else tile
            canvas.paste(small, ((column * side - left) // across, (row * side - top) // down))
        return Reading(Patch(canvas, left=left, top=top, across=across, down=down), tuple(damage))

    def _tile(self, column: int, row: int) -> Image.Image | Damage:
        key = (column, row)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        self._kept[key] = tile = self._load(column, row)
        if len(self._kept) > KEPT_TILES:
            self._kept.popitem(last=False)
        return tile

    def _load(self, column: int, row: int) -> Image.Image | Damage:
        pyramid, side = self._pyramid, self._pyramid.side_px
        x, y = (pyramid.tiles.x + column) % (1 << pyramid.zoom), pyramid.tiles.y + row
        try:
            return _decode(self._reader.read(x, y), side)
        except (ImageError, SourceError) as error:
            return Damage((column + 0.5) * side, (row + 0.5) * side, self._reader.name(x, y), error)


def _decode(data: bytes, side_px: int) -> Image.Image:
    """Give a tile as RGBa (premultiplied), scaled to the size of its neighbours if it has another."""
    pixels = decode_photo(data, long_side_px=WHOLE_PX, limits=LIMITS, alpha=True).pixels
    if pixels.shape[0] != pixels.shape[1]:
        raise ImageBadDimensions(f"The tile is {pixels.shape[1]} x {pixels.shape[0]} pixels; it must be square.")
    tile = Image.fromarray(pixels, "RGBA").convert("RGBa")
    return tile if tile.width == side_px else tile.resize((side_px, side_px), Image.Resampling.BOX)


def _side_px(store: TileStore, zoom: int, tiles: TileSet) -> int:
    """Find the size of the tiles from the first that can be decoded."""
    first: Exception | None = None
    with store.open(zoom) as reader:
        for column, row in tiles.first(TRIED):
            x, y = (tiles.x + column) % (1 << zoom), tiles.y + row
            try:
                side_px, _ = decode_photo(reader.read(x, y), long_side_px=WHOLE_PX, limits=LIMITS).pixels.shape[:2]
            except (ImageError, SourceError) as error:
                first = first or SourceError(f"{store.path}: {reader.name(x, y)} cannot be used: {error}")
                continue
            if side_px not in SIDES_PX:
                raise SourceError(
                    f"{store.path}: {reader.name(x, y)} is {side_px} pixels high; tiles have 256 or 512 a side."
                )
            return int(side_px)
    raise first or SourceError(f"{store.path} has no tiles at zoom {zoom}.")


@cache
def web_mercator() -> morecantile.TileMatrixSet:
    """The tiling of web maps, EPSG:3857."""
    return morecantile.tms.get("WebMercatorQuad")
