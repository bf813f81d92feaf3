"""A map as a picture: layers over the ground, to scale, with all that a reader needs to understand it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from models.errors import ParameterError, UsageError
from service.pictures.extent import extent_of
from service.pictures.ground import Background
from service.pictures.layers import Layer
from service.pictures.strokes import Sheet
from service.pictures.surround import (
    PAPER,
    draw_foot,
    draw_north,
    draw_title,
    foot_height,
    legend_entries,
    title_height,
)
from service.track_files.whole import write_whole

SIZE = (1400, 1000)
LEAST_PX, MOST_PX = 300, 8000
LEAST_MAP_PX = 120
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
QUALITY = 90


def draw_map(
    layers: Sequence[Layer], background: Background, size: tuple[int, int] = SIZE, title: str = ""
) -> Image.Image:
    """Draw layers, in their order, onto a background.

    What is held in memory follows from `size`, not from the imagery.

    Args:
        layers: what they hold together decides which ground is shown.
        size: width and height of the whole picture in pixels, 300 to 8000 each.

    Returns:
        RGB.

    Raises:
        ParameterError: the size is out of range, or too small for the legend.
        UsageError: no layer holds a position.
        SourceError: the background's imagery cannot be read.
    """
    width, height = size
    if not (LEAST_PX <= width <= MOST_PX and LEAST_PX <= height <= MOST_PX):
        raise ParameterError("size", f"{width} x {height} pixels are not in [{LEAST_PX}, {MOST_PX}].")
    entries = legend_entries(layers, width)
    top, foot = title_height(title), foot_height(entries)
    map_px = height - top - foot
    if map_px < LEAST_MAP_PX:
        raise ParameterError("size", f"A height of {height} pixels leaves no room for a map above its legend.")
    extent = extent_of(layers, width, map_px)
    if extent is None:
        raise UsageError("There is no position to draw a map of.")
    ground = background.draw(extent)
    sheet = Sheet(ground.image, extent)
    for layer in layers:
        sheet.lay(layer)
    draw_north(sheet.image)
    picture = Image.new("RGB", (width, height), PAPER)
    picture.paste(sheet.image, (0, top))
    if title:
        draw_title(picture, title)
    draw_foot(picture, top + map_px, extent, entries, ground.attribution)
    return picture


def check_picture_path(path: Path) -> None:
    """Raises UsageError where the suffix names no format that is written."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path} has to end in {', '.join(FORMATS)}: that says how the picture is written.")


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture, whole or not at all, in the format of its suffix.

    Raises:
        UsageError, DiskFull, OutputUnwritable.
    """
    check_picture_path(path)
    stream = io.BytesIO()
    picture.save(stream, FORMATS[path.suffix.lower()], quality=QUALITY)
    write_whole(path, stream.getvalue())
