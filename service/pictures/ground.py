"""What lies under a map, and the plainest of it: the outlines of an index's tiles. Nothing here needs rasters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from PIL import Image, ImageDraw

from service.pictures.extent import Extent
from service.pictures.layers import Position

if TYPE_CHECKING:
    from index.gallery import Gallery

GROUND, NOTHING, COVERED, OUTLINE = "#f1efe8", "#e4e1d8", "#faf9f5", "#cfcabd"
PALER = 0.28
"""Share of white laid over imagery, so that lines stand out."""
MOST_TILES = 20_000
LEAST_OUTLINE_PX = 14.0
Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A map's background, and whom to credit for it."""

    image: Image.Image
    """RGB, of the size of its extent."""
    attribution: str = ""


class Background(Protocol):
    def draw(self, extent: Extent) -> Ground:
        """Raises SkyfixError where there is nothing to draw."""


@dataclass(frozen=True, slots=True)
class PlainGround:
    """Squares of ground that an index knows; all of it where there are none."""

    tiles: Sequence[Box] = ()
    attribution: str = ""

    @classmethod
    def of(cls, gallery: Gallery, around: Sequence[Position], reach_m: float = 2000.0) -> PlainGround:
        """Take the tiles around some positions."""
        rows: dict[int, None] = {}
        for lat, lon in around:
            for row in gallery.rows_near(lat, lon, reach_m).tolist():
                if len(rows) >= MOST_TILES:
                    break
                rows[row] = None
        boxes = [gallery.tile(row).bounds for row in rows]
        return cls([(box.west, box.south, box.east, box.north) for box in boxes])

    def draw(self, extent: Extent) -> Ground:
        image = Image.new("RGB", (extent.width_px, extent.height_px), NOTHING if self.tiles else GROUND)
        pen = ImageDraw.Draw(image)
        corners = extent.pixels(
            [place for west, south, east, north in self.tiles for place in ((north, west), (south, east))]
        )
        boxes = [tuple(box) for box in corners.reshape(-1, 4).tolist()]
        for box in boxes:
            pen.rectangle(box, fill=COVERED)
        for left, top, right, bottom in boxes:
            if right - left >= LEAST_OUTLINE_PX:
                pen.rectangle((left, top, right, bottom), outline=OUTLINE)
        return Ground(image, self.attribution)
