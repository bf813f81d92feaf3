"""The index's own pictures of the ground, put together from its map tiles, turned and scaled as they are wanted."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from index.gallery import Gallery
from index.imagery import EQUATOR_M
from index.map_tiles import SIZE
from models.geo import Floats, offset
from service.pictures.extent import Extent
from service.pictures.ground import NOTHING, PALER, Ground

Pixels = NDArray[np.uint8]
MOST_TILES = 400
"""Map tiles put together for one picture; where there would be more, a coarser zoom is taken."""


@dataclass(frozen=True, slots=True)
class IndexImagery:
    """Imagery that an index keeps for people to see (`--thumbnails`). Implements `service.pictures.Background`."""

    gallery: Gallery

    def draw(self, extent: Extent) -> Ground:
        seen = self.seen(extent.lat, extent.lon, (extent.width_px, extent.height_px), 1 / extent.metre_px)
        ground = Image.new("RGB", (extent.width_px, extent.height_px), NOTHING)
        if seen is not None:
            paler = Image.blend(seen.convert("RGB"), Image.new("RGB", seen.size, "white"), PALER)
            ground.paste(paler, mask=seen.getchannel("A"))
        return Ground(ground, self.gallery.about.attribution)

    def seen(
        self, lat: float, lon: float, size_px: tuple[int, int], pixel_m: float, up_deg: float = 0.0
    ) -> Image.Image | None:
        """Show the ground around a place as RGBA, clear where there is no imagery.

        Args:
            lat, lon: WGS84, the middle.
            size_px: width and height.
            pixel_m: ground length of a pixel.
            up_deg: azimuth, clockwise from true north, that points up.

        Returns:
            None where the index keeps no pictures, none of this ground, or none that are so coarse.
        """
        kept = self.gallery.about.imagery
        if kept is None:
            return None
        wide, high = size_px
        right = ((np.arange(wide) + 0.5) - wide / 2)[None, :] * pixel_m
        ahead = (high / 2 - (np.arange(high) + 0.5))[:, None] * pixel_m
        turn = math.radians(up_deg)
        east_m = right * math.cos(turn) + ahead * math.sin(turn)
        north_m = ahead * math.cos(turn) - right * math.sin(turn)
        at_lat, at_lon = offset(lat, lon, east_m, north_m)
        across = EQUATOR_M * math.cos(math.radians(lat)) / SIZE
        wanted = math.ceil(math.log2(across / pixel_m) - 0.5)
        zoom = int(np.clip(wanted, kept.min_zoom, kept.max_zoom))
        while zoom > kept.min_zoom and _spread(at_lat, at_lon, zoom) > MOST_TILES:
            zoom -= 1
        if _spread(at_lat, at_lon, zoom) > MOST_TILES:
            return None
        return self._sampled(*_world_px(at_lat, at_lon, zoom), zoom)

    def _sampled(self, x: Floats, y: Floats, zoom: int) -> Image.Image | None:
        """Interpolate RGBA, premultiplied, at pixels of the world."""
        left, top = math.floor(x.min() / SIZE), math.floor(y.min() / SIZE)
        columns, rows = math.floor(x.max() / SIZE) - left + 1, math.floor(y.max() / SIZE) - top + 1
        whole = Image.new("RGBA", (columns * SIZE, rows * SIZE))
        found = False
        for row in range(rows):
            for column in range(columns):
                data = self.gallery.map_tile(zoom, (left + column) % 2**zoom, top + row)
                if data is not None:
                    found = True
                    whole.paste(Image.open(io.BytesIO(data)).convert("RGBA"), (column * SIZE, row * SIZE))
        if not found:
            return None
        picture = _bilinear(np.asarray(whole.convert("RGBa")), x - left * SIZE - 0.5, y - top * SIZE - 0.5)
        return Image.frombytes("RGBa", (x.shape[1], x.shape[0]), picture.tobytes()).convert("RGBA")


def _world_px(lat: Floats, lon: Floats, zoom: int) -> tuple[Floats, Floats]:
    """`index.map_tiles.world_px` of many places; across the antimeridian x goes on."""
    side = SIZE * 2**zoom
    first = lon.flat[0]
    along = first + (lon - first + 180.0) % 360.0 - 180.0
    return (along + 180.0) / 360.0 * side, (1.0 - np.arcsinh(np.tan(np.radians(lat))) / math.pi) / 2.0 * side


def _spread(lat: Floats, lon: Floats, zoom: int) -> float:
    x, y = _world_px(lat, lon, zoom)
    return float((np.ptp(x) / SIZE + 2) * (np.ptp(y) / SIZE + 2))


def _bilinear(source: Pixels, x: Floats, y: Floats) -> Pixels:
    """Interpolate (H, W, C) at pixel centres; edges repeat."""
    height, width = source.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.minimum(x.astype(np.int64), width - 2), np.minimum(y.astype(np.int64), height - 2)
    across, down = (x - left)[..., None].astype(np.float32), (y - top)[..., None].astype(np.float32)
    upper = source[top, left] * (1 - across) + source[top, left + 1] * across
    lower = source[top + 1, left] * (1 - across) + source[top + 1, left + 1] * across
    blended: Pixels = np.round(upper * (1 - down) + lower * down).astype(np.uint8)
    return blended
