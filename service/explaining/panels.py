"""The parts of the explaining picture: the photo shaded, and candidates from above, turned to their headings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from index.tiles import Bounds
from models.geo import Floats, offset, wrap_lon
from service.explaining.attention import Attention
from service.explaining.contribution import middle_and_side_m
from service.explaining.ground import Looker
from service.explaining.shading import looked_up, shaded, stretched, tinted
from service.pictures.ground import COVERED, NOTHING, OUTLINE
from service.pictures.lettering import lettering
from service.pictures.surround import INK
from service.query import Candidate

CONE, CONE_HALO = "#ffffff", "#00000080"
FINE = 2


@dataclass(frozen=True, slots=True)
class Facing:
    """Where a candidate's picture is taken and how it is turned, and what the photo saw of it."""

    lat: float
    lon: float
    """WGS84, of the middle."""
    up_deg: float
    """Azimuth that points up."""
    fov_deg: float
    is_known: bool
    """False: no heading is known, and north points up."""


def fitted(pixels: Image.Image, box: tuple[int, int]) -> Image.Image:
    """Scale a photo into a box, whole; small ones are enlarged."""
    scale = min(box[0] / pixels.width, box[1] / pixels.height)
    size = max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale))
    return pixels.resize(size, Image.Resampling.LANCZOS)


def explained_photo(photo: Image.Image, found: Attention) -> Image.Image:
    """Shade a photo by what it contributed, or by where the network looked."""
    return shaded(
        photo, stretched(found.photo, largest_of(found, found.photo), photo.size, smooth=found.columns is None)
    )


def largest_of(found: Attention, grid: Floats) -> float:
    """Give what is drawn brightest in a grid."""
    return max(float(grid.max() if found.columns is None else found.columns.more.max()), 1e-9)


def candidate_panel(
    candidate: Candidate, facing: Facing, looker: Looker, side_px: int, found: Attention | None = None
) -> Image.Image:
    """Show a candidate's ground, the camera in the middle, its heading up.

    Args:
        found: shade the ground by this; None leaves it plain.
    """
    bounds = candidate.tile.bounds
    side_m = middle_and_side_m(bounds)[2]
    pixel_m = side_m / side_px
    size = (side_px, side_px)
    seen = looker.seen(facing.lat, facing.lon, size, pixel_m, facing.up_deg)
    x, y = _shares_of_tile(candidate.tile.bounds, facing, side_px, pixel_m)
    panel = Image.new("RGB", size, NOTHING)
    if seen is None:
        inside = Image.fromarray(((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)).astype(np.uint8) * 255)
        panel.paste(COVERED, mask=inside)
    else:
        panel.paste(seen.convert("RGB"), mask=seen.getchannel("A"))
    if found is not None and found.tile is not None:
        share = np.clip(looked_up(found.tile, x, y) / largest_of(found, found.tile), 0.0, 1.0)
        panel = tinted(panel, share) if seen is None else shaded(panel, share)
    return _marked(panel, facing)


def _shares_of_tile(bounds: Bounds, facing: Facing, side_px: int, pixel_m: float) -> tuple[Floats, Floats]:
    """Say where a panel's pixels lie in the tile: shares of its width from the west, of its height from the north."""
    along = (np.arange(side_px) + 0.5 - side_px / 2) * pixel_m
    right, ahead = along[None, :], -along[:, None]
    turn = math.radians(facing.up_deg)
    east_m, north_m = right * math.cos(turn) + ahead * math.sin(turn), ahead * math.cos(turn) - right * math.sin(turn)
    lat, lon = offset(facing.lat, facing.lon, east_m, north_m)
    west, south, east, north = bounds
    return wrap_lon(lon - west) / float(wrap_lon(east - west)), (north - lat) / (north - south)


def _marked(panel: Image.Image, facing: Facing) -> Image.Image:
    """Draw the camera, the edges of what it saw and where north is."""
    side = panel.width
    middle = side / 2
    over = Image.new("RGBA", (side * FINE, side * FINE))
    pen = ImageDraw.Draw(over)
    if facing.is_known and facing.fov_deg < 359.0:
        for turn in (-facing.fov_deg / 2, facing.fov_deg / 2):
            far = side * 0.44
            tip = middle + far * math.sin(math.radians(turn)), middle - far * math.cos(math.radians(turn))
            for width, colour in ((5, CONE_HALO), (2, CONE)):
                pen.line([middle * FINE, middle * FINE, tip[0] * FINE, tip[1] * FINE], colour, width * FINE)
    for radius, colour in ((6.5, "#000000b0"), (5, "#ffffff"), (3.2, "#2a6fdb")):
        box = [(middle - radius) * FINE, (middle - radius) * FINE, (middle + radius) * FINE, (middle + radius) * FINE]
        pen.ellipse(box, fill=colour)
    _north(pen, side, -facing.up_deg)
    drawn = panel.convert("RGBA")
    drawn.alpha_composite(over.reduce(FINE))
    whole = drawn.convert("RGB")
    ImageDraw.Draw(whole).rectangle((0, 0, side - 1, side - 1), outline=OUTLINE)
    return whole


def _north(pen: ImageDraw.ImageDraw, side: int, azimuth_deg: float) -> None:
    """Draw a needle in the upper right corner; the letter stands at its tip."""
    x, y, radius = (side - 22) * FINE, 22 * FINE, 15 * FINE
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill="#fcfcfbe0")
    angle = math.radians(azimuth_deg)
    ahead, right = (math.sin(angle), -math.cos(angle)), (math.cos(angle), math.sin(angle))

    def at(forward: float, sideways: float) -> tuple[float, float]:
        return (
            x + radius * (forward * ahead[0] + sideways * right[0]),
            y + radius * (forward * ahead[1] + sideways * right[1]),
        )

    pen.polygon([at(0.15, 0.32), at(0.15, -0.32), at(0.9, 0.0)], fill=INK)
    said, font = lettering("N", 12 * FINE)
    pen.text(at(-0.32, 0.0), said, fill=INK, font=font, anchor="mm")
