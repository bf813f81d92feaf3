"""What stands around a map: a title, the legend, a bar of length, where north is, and whom to credit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from index.report.maps import round_length
from service.pictures.extent import Extent
from service.pictures.layers import Dots, Ellipses, Layer, Line, Links, Markers
from service.pictures.lettering import lettering, shortened, width_of
from service.pictures.strokes import Sheet

PAPER, INK, SOFT = "#fcfcfb", "#1d1d1b", "#63635d"
PAD, TEXT, SMALL, TITLE = 16, 17, 14, 22
ROW, KEY, BETWEEN = 28, 40, 26
NORTH_RADIUS, BAR_SHARE, BAR_PX = 20, 0.16, 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the legend and where it stands in the foot."""

    layer: Layer
    x: int
    row: int


def legend_entries(layers: Sequence[Layer], width_px: int) -> list[Entry]:
    """Set the legend in rows, left to right; the last row leaves room for the bar of length."""
    entries: list[Entry] = []
    x, row = PAD, 0
    for layer in layers:
        if not layer.label:
            continue
        wide = KEY + 8 + math.ceil(width_of(layer.label, TEXT)) + BETWEEN
        if x > PAD and x + wide > width_px - PAD:
            x, row = PAD, row + 1
        entries.append(Entry(layer, x, row))
        x += wide
    return entries


def foot_height(entries: Sequence[Entry]) -> int:
    """Give the height that the legend, the bar of length and the credit need."""
    rows = 1 + max((entry.row for entry in entries), default=-1)
    return PAD + ROW * rows + ROW + PAD // 2


def draw_foot(picture: Image.Image, top: int, extent: Extent, entries: Sequence[Entry], attribution: str) -> None:
    """Draw the legend below the map, and below that the bar of length and the credit."""
    pen = ImageDraw.Draw(picture)
    for entry in entries:
        y = top + PAD + entry.row * ROW + ROW // 2
        _draw_key(picture, entry.layer, entry.x, y)
        _write(pen, entry.x + KEY + 8, y, entry.layer.label, TEXT, INK, "lm")
    y = top + foot_height(entries) - PAD // 2 - ROW // 2
    room = _draw_bar(pen, extent, y)
    if attribution:
        credit = shortened(attribution, SMALL, picture.width - 2 * PAD - room)
        _write(pen, picture.width - PAD, y, credit, SMALL, SOFT, "rm")


def draw_title(picture: Image.Image, title: str) -> None:
    said = shortened(title, TITLE, picture.width - 2 * PAD)
    _write(ImageDraw.Draw(picture), PAD, title_height(title) // 2, said, TITLE, INK, "lm")


def title_height(title: str) -> int:
    return TITLE + 2 * PAD if title else 0


def draw_north(image: Image.Image) -> None:
    """Draw a needle in the map's upper right corner."""
    x, y, fine = image.width - PAD - NORTH_RADIUS, PAD + NORTH_RADIUS, 4
    side = 2 * NORTH_RADIUS
    disc = Image.new("L", (side * fine, side * fine))
    ImageDraw.Draw(disc).ellipse((0, 0, side * fine - 1, side * fine - 1), fill=225)
    needle = Image.new("L", disc.size)
    tip, middle, low = 0.12 * side * fine, side * fine / 2, 0.56 * side * fine
    half = 0.15 * side * fine
    ImageDraw.Draw(needle).polygon(
        [(middle, tip), (middle + half, low), (middle, 0.47 * side * fine), (middle - half, low)], 255
    )
    for colour, mask in ((PAPER, disc), (INK, needle)):
        image.paste(colour, (x - NORTH_RADIUS, y - NORTH_RADIUS), mask.reduce(fine))
    _write(ImageDraw.Draw(image), x, y + 0.28 * side, "N", SMALL, INK, "mm")


def _draw_bar(pen: ImageDraw.ImageDraw, extent: Extent, y: int) -> int:
    """Draw the bar of length; give the width that it takes."""
    metres = round_length(BAR_SHARE * extent.width_m)
    length = metres * extent.metre_px
    pen.line([(PAD, y - 5), (PAD, y + 5)], fill=INK, width=BAR_PX)
    pen.line([(PAD + length, y - 5), (PAD + length, y + 5)], fill=INK, width=BAR_PX)
    pen.line([(PAD, y), (PAD + length, y)], fill=INK, width=BAR_PX)
    words = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    _write(pen, PAD + length + 10, y, words, TEXT, INK, "lm")
    return math.ceil(length + width_of(words, TEXT)) + BETWEEN


def _draw_key(picture: Image.Image, layer: Layer, x: int, y: int) -> None:
    """Draw the layer itself, small: on a map of its own that is one pixel a metre."""
    wide, high = KEY, ROW - 2
    extent = Extent(0.0, 0.0, 1.0, wide, high)
    box = (x, y - high // 2, x + wide, y - high // 2 + high)
    sheet = Sheet(picture.crop(box), extent)
    for small in _small(layer, wide / 2 - 3):
        sheet.lay(small)
    picture.paste(sheet.image, box)


def _small(layer: Layer, reach: float) -> Iterator[Layer]:
    east = reach / 111_319.5  # degrees of longitude on the equator
    ends = ((0.0, -east), (0.0, east))
    match layer:
        case Line():
            yield Line("", layer.colour, [ends], layer.width_px, layer.is_dashed)
        case Dots():
            yield Dots("", layer.colour, [(0.0, 0.0)], layer.radius_px)
        case Ellipses():
            yield Ellipses.circles("", layer.colour, [(0.0, 0.0)], [11.0])
        case Links():
            yield Links("", layer.colour, [ends])
        case Markers():
            yield Markers("", layer.colour, [(0.0, 0.0)], ["1"])


def _write(pen: ImageDraw.ImageDraw, x: float, y: float, text: str, size: int, colour: str, anchor: str) -> None:
    said, font = lettering(text, size)
    pen.text((x, y), said, fill=colour, font=font, anchor=anchor)
