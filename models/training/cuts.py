"""Photos cut out of a rendered panorama, as they would lie on the canvas: one rendering serves every field of view.

A cut is what `models.canvas` would make of a photo: so many columns, the repeated edge or the other side of the
panorama around them, nothing (zero) where no pixel was seen. What cameras do wrong is drawn: field of view known
badly, pitch and roll not known, a horizon that is not quite level, a picture of limited height, something in the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.training.photometric import change_colours, veil

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
WIDE_FROM = 0.45
"""Share of the circle from which a cut is taken for a part of a panorama rather than for a photo."""
TILT_DEG = {"panorama": (1.0, 1.0), "photo": (4.0, 2.5)}
"""Standard deviation of pitch and roll."""
FOCAL_ERROR = 0.03
HALF_HEIGHTS_DEG = (26.0, 30.0, 32.5, 37.0, 40.0)
"""How far panoramas of limited height reach up and down."""
VEILED = 0.12
ASPECTS = (0.5625, 0.75, 0.75, 1.0, 1.33)
"""Height over width of photos."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """Geometry of a panorama on the canvas: W columns of `column_px`, rows of the same angle a pixel."""

    columns: int
    height_px: int
    width_px: int
    margin_px: int

    @property
    def per_deg(self) -> float:
        return self.width_px / 360.0


def cut(
    panorama: Pixels, heading_deg: float, seen: int, canvas: Canvas, rng: np.random.Generator
) -> tuple[Pixels, float]:
    """Cut one photo of `seen` columns out of a panorama, at a random heading.

    Args:
        panorama: (height_px, width_px, 3) uint8 in the geometry of the canvas, its centre column looking to
            `heading_deg`.
        seen: columns of the description; all of them for a whole panorama.
        rng: decides everything else.

    Returns:
        (height_px, seen columns + 2 margins, 3) uint8, mid grey where nothing was seen, and the true shift in columns,
        real-valued in [0, W): where the photo's left edge lies from north.
    """
    whole, wide = seen == canvas.columns, seen >= WIDE_FROM * canvas.columns
    width = seen * canvas.width_px // canvas.columns
    centre = float(rng.uniform(0, canvas.width_px))
    heading = (heading_deg + (centre - canvas.width_px / 2) / canvas.per_deg) % 360.0
    azimuth = np.arange(-canvas.margin_px, width + canvas.margin_px, dtype=np.float64) + 0.5 - width / 2
    stretch = 1.0
    if not whole:
        reach = width / 2 + 0.47 * float(rng.uniform(-1, 1)) * canvas.width_px / canvas.columns / 2
        azimuth = np.asarray(np.clip(azimuth, -reach + 0.5, reach - 0.5), np.float64)
        stretch += float(rng.normal(0, FOCAL_ERROR))
    picture = _columns(change_colours(panorama, rng), centre + azimuth * stretch)
    if rng.random() < VEILED:
        picture = veil(picture, rng)
    picture, inside = _tilt(picture, azimuth, canvas, rng, "panorama" if wide else "photo")
    if not wide:
        inside &= _within_photo(azimuth, width, canvas, rng)
    picture = np.where(inside[..., None], picture, 127.5)
    _hide(picture, wide, canvas, rng)
    shift = (heading - seen * 180.0 / canvas.columns) * canvas.columns / 360.0 % canvas.columns
    return (picture + 0.5).astype(np.uint8), shift


def _columns(picture: Pixels, x: NDArray[np.float64]) -> Floats:
    """Sample (H, W, 3) at columns x (pixel edges at integers) around the circle, linearly."""
    left = np.floor(x - 0.5).astype(np.int64)
    share = (x - 0.5 - left).astype(np.float32)[None, :, None]
    width = picture.shape[1]
    sampled: Floats = picture[:, left % width] * (1 - share) + picture[:, (left + 1) % width] * share
    return sampled


def _tilt(
    picture: Floats, azimuth: NDArray[np.float64], canvas: Canvas, rng: np.random.Generator, kind: str
) -> tuple[Floats, NDArray[np.bool_]]:
    """Shift columns up and down as a small pitch and roll would; also says which pixels were seen."""
    height = picture.shape[0]
    spread = TILT_DEG[kind]
    pitch, roll = rng.normal(0, 1, 2) * spread if rng.random() < 0.7 else (0.0, 0.0)
    angle = np.radians(azimuth / canvas.per_deg)
    shift = (pitch * np.cos(angle) + roll * np.sin(angle)) * canvas.per_deg + rng.normal(0, 1.5)
    y = np.arange(height)[:, None] + shift[None]
    top = np.floor(y).astype(np.int64)
    share = (y - top).astype(np.float32)[..., None]
    column = np.arange(picture.shape[1])[None]
    upper, lower = picture[np.clip(top, 0, height - 1), column], picture[np.clip(top + 1, 0, height - 1), column]
    return upper * (1 - share) + lower * share, (y >= 0) & (y <= height - 1)


def _within_photo(
    azimuth: NDArray[np.float64], width: int, canvas: Canvas, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Which pixels lie between the upper and lower edge of a pinhole picture."""
    half_width = np.tan(np.radians(width / canvas.per_deg / 2))
    reach = np.arctan(half_width * rng.choice(ASPECTS) * np.cos(np.radians(azimuth / canvas.per_deg)))
    elevation = np.abs(np.arange(canvas.height_px) + 0.5 - canvas.height_px / 2) / canvas.per_deg
    inside: NDArray[np.bool_] = elevation[:, None] < np.degrees(reach)[None]
    return inside


def _hide(picture: Floats, wide: bool, canvas: Canvas, rng: np.random.Generator) -> None:
    """Take, in place, the top and bottom of some panoramas, and cover a part of some pictures."""
    height = canvas.height_px
    if wide and rng.random() < 0.6:
        up = float(rng.choice(HALF_HEIGHTS_DEG))
        down = up if rng.random() < 0.7 else float(rng.choice(HALF_HEIGHTS_DEG))
        picture[: max(0, round(height / 2 - up * canvas.per_deg))] = 127.5
        picture[min(height, round(height / 2 + down * canvas.per_deg)) :] = 127.5
    if rng.random() < 0.2:
        width = picture.shape[1]
        wide_px = int(rng.uniform(0.05, 0.35) * width)
        left, top = int(rng.integers(0, width - wide_px)), int(rng.uniform(0.0, 0.6) * height)
        picture[top:, left : left + wide_px] = rng.uniform(0, 255, 3)
