"""Imagery under a map, made paler; the other backgrounds are in ground.py, which needs no rasters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from service.pictures.extent import Extent
from service.pictures.ground import NOTHING as NOTHING
from service.pictures.ground import PALER as PALER
from service.pictures.ground import Background as Background
from service.pictures.ground import Ground as Ground
from service.pictures.ground import PlainGround as PlainGround


@dataclass(frozen=True, slots=True)
class Orthophoto:
    """Imagery of any kind that can be indexed. It is read a window at a time, at the map's scale."""

    paths: Sequence[Path]

    def draw(self, extent: Extent) -> Ground:
        # rasterio is needed only here, and a serving install has none
        from index.sources.from_above import look_from_above

        side_px = max(extent.width_px, extent.height_px)
        seen = look_from_above(self.paths, extent.lat, extent.lon, side_px / extent.metre_px, side_px)
        left, top = (side_px - extent.width_px) // 2, (side_px - extent.height_px) // 2
        square = seen.image.crop((left, top, left + extent.width_px, top + extent.height_px))
        ground = Image.new("RGB", square.size, NOTHING)
        ground.paste(Image.blend(square.convert("RGB"), Image.new("RGB", square.size, "white"), PALER), mask=square)
        return Ground(ground, seen.attribution)
