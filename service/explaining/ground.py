"""Looking at the ground around a candidate, turned as the photo was: the index's pictures, a file's, or none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image

from models.errors import SourceError


class Looker(Protocol):
    def seen(
        self, lat: float, lon: float, size_px: tuple[int, int], pixel_m: float, up_deg: float = 0.0
    ) -> Image.Image | None:
        """As `service.explaining.imagery.IndexImagery.seen`."""


@dataclass(frozen=True, slots=True)
class OrthophotoLooker:
    """Imagery of any kind that can be indexed."""

    paths: Sequence[Path]

    def seen(
        self, lat: float, lon: float, size_px: tuple[int, int], pixel_m: float, up_deg: float = 0.0
    ) -> Image.Image | None:
        # rasterio is needed only here, and a serving install has none
        from index.sources.from_above import look_from_above

        reach_px = math.ceil(math.hypot(*size_px))
        try:
            square = look_from_above(self.paths, lat, lon, reach_px * pixel_m, reach_px).image
        except SourceError:
            return None
        turned = square.convert("RGBa").rotate(up_deg, Image.Resampling.BILINEAR).convert("RGBA")
        left, top = (reach_px - size_px[0]) // 2, (reach_px - size_px[1]) // 2
        picture = turned.crop((left, top, left + size_px[0], top + size_px[1]))
        return picture if picture.getchannel("A").getbbox() else None


@dataclass(frozen=True, slots=True)
class Nothing:
    """No imagery: outlines have to do."""

    def seen(
        self,
        lat: float,  # noqa: ARG002
        lon: float,  # noqa: ARG002
        size_px: tuple[int, int],  # noqa: ARG002
        pixel_m: float,  # noqa: ARG002
        up_deg: float = 0.0,  # noqa: ARG002
    ) -> Image.Image | None:
        return None
