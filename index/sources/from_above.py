"""One square of ground as the imagery shows it from above, at any scale: what maps are drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from index.sampling import Placement, lay_over, sample_row
from index.sources.blocks import window_around
from index.sources.imagery import Imagery
from index.sources.mosaic import Mosaic
from index.sources.pictures import Wish, open_pictures
from index.sources.spots import reach_deg
from models.errors import ImageryTooCoarse, SourceError

COARSER = 2
LEAST_PX = 16


@dataclass(frozen=True, slots=True)
class FromAbove:
    """A square of ground, true north up."""

    image: Image.Image
    """RGBA, `size_px` square; transparent where there is no imagery."""
    attribution: str
    """Of the imagery that is seen, each owner once."""


def look_from_above(paths: Sequence[Path], lat: float, lon: float, side_m: float, size_px: int) -> FromAbove:
    """Look at a square around a place, in the plane that touches the ground there.

    What is held in memory follows from `size_px`, however large the imagery and the square are.

    Args:
        paths: imagery of any kind that is indexed (see pictures.py); where it overlaps the first is seen.

    Raises:
        SourceError: of the kind that says what is wrong with all of it; a sheet that is damaged there is left out.
    """
    together: Image.Image | None = None
    owners: list[str] = []
    for picture in _open(paths, side_m, size_px):
        mosaic = picture if isinstance(picture, Mosaic) else Mosaic.of([picture])
        centre = np.array([lat]), np.array([lon])
        with mosaic.open() as sheets:
            for number in mosaic.near(*centre, reach_deg(centre[0], side_m / 2)).tolist():
                sheet = mosaic.sheets[number]
                lying = sheet.grid.placements(*centre, side_m / 2)[0]
                if not np.isfinite(lying).all():
                    continue
                place = Placement(*lying.tolist())
                try:
                    reading = sheets.reader(number).read(*window_around(sheet, [place], side_m, size_px))
                except SourceError:
                    continue
                seen = sample_row(reading.patch, place, [0], side_m, size_px)[0]
                together = seen if together is None else lay_over(together, seen)
                owners.append(sheet.attribution)
    image = Image.new("RGBA", (size_px, size_px)) if together is None else together.convert("RGBA")
    return FromAbove(image, "; ".join(dict.fromkeys(filter(None, owners))))


def _open(paths: Sequence[Path], side_m: float, size_px: int) -> list[Imagery | Mosaic]:
    """Open the imagery; tiles of a web map at the zoom that fits, or the finest that there is."""
    while True:
        try:
            return open_pictures(paths, Wish(side_m, size_px)).usable
        except ImageryTooCoarse:
            if size_px < LEAST_PX:
                raise
            size_px //= COARSER
