"""Layers drawn onto a map, smooth: each into a mask of twice the size, which lets its colour through."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from models.geo import Floats
from service.pictures.extent import Extent
from service.pictures.layers import CHI_SQUARED_95, Dots, Ellipses, Layer, Line, Links, Markers
from service.pictures.lettering import lettering

FINE = 2
"""Pixels of the mask in one of the map, each way."""
HALO_PX, DASH_PX, GAP_PX = 1.6, 11.0, 8.0
FILL_OPACITY, EDGE_OPACITY, HALO_OPACITY, LINK_HALO_OPACITY = 0.2, 0.8, 0.85, 0.6
EDGED = 40
"""So many ellipses have an edge each; more are only filled."""
CORNERS = 72
LINK_WIDTH_PX, LINK_HALO_PX, EDGE_WIDTH_PX, MARK_SIZE_PX = 1.5, 0.8, 1.4, 15
FAR_PX = 20_000.0
"""What lies farther outside the map is not drawn."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A map under way."""

    image: Image.Image
    extent: Extent

    def lay(self, layer: Layer) -> None:
        """Draw a layer over what is there."""
        match layer:
            case Line():
                self._line(layer)
            case Dots():
                self._dots(layer)
            case Ellipses():
                self._ellipses(layer)
            case Links():
                self._links(layer)
            case Markers():
                self._markers(layer)

    def _line(self, layer: Line) -> None:
        runs = [self.extent.pixels(run) for run in layer.runs]
        strokes = [stroke for run in runs for stroke in (dashes(run) if layer.is_dashed else near(run))]
        self._strokes(strokes, layer.width_px, layer.colour, HALO_PX, HALO_OPACITY)

    def _links(self, layer: Links) -> None:
        strokes = [stroke for pair in layer.pairs for stroke in near(self.extent.pixels(pair))]
        self._strokes(strokes, LINK_WIDTH_PX, layer.colour, LINK_HALO_PX, LINK_HALO_OPACITY)

    def _strokes(
        self, strokes: Sequence[Floats], width_px: float, colour: str, halo_px: float, halo_opacity: float
    ) -> None:
        for width, tint, opacity in ((width_px + 2 * halo_px, "white", halo_opacity), (width_px, colour, 1.0)):
            mask, pen = self._mask()
            for stroke in strokes:
                _join(pen, stroke, width)
            self._let_through(mask, tint, opacity)

    def _dots(self, layer: Dots) -> None:
        places = self.extent.pixels(layer.places)
        self._discs(places, layer.radius_px + HALO_PX, "white", HALO_OPACITY)
        self._discs(places, layer.radius_px, layer.colour, 1.0)

    def _ellipses(self, layer: Ellipses) -> None:
        rings = [
            [tuple(corner) for corner in (FINE * ring_px(centre, covariance, self.extent.metre_px)).tolist()]
            for centre, covariance in zip(self.extent.pixels(layer.places), layer.covariances_enu_m2, strict=True)
            if np.abs(centre).max() < FAR_PX
        ]
        mask, pen = self._mask()
        for ring in rings:
            pen.polygon(ring, fill=255)
        self._let_through(mask, layer.colour, FILL_OPACITY)
        if len(rings) <= EDGED:
            mask, pen = self._mask()
            for ring in rings:
                pen.line([*ring, ring[0]], fill=255, width=round(FINE * EDGE_WIDTH_PX))
            self._let_through(mask, layer.colour, EDGE_OPACITY)

    def _markers(self, layer: Markers) -> None:
        places = self.extent.pixels(layer.places)
        size = MARK_SIZE_PX
        words = [lettering(text, size) for text in layer.texts]
        radius = max((font.getlength(text) / 2 for text, font in words), default=0.0)
        radius = max(size * 0.62, radius + 4.0)
        pen = ImageDraw.Draw(self.image)
        for place, (text, font) in zip(places, words, strict=True):
            self._discs(place[None], radius + HALO_PX, "white", 1.0)
            self._discs(place[None], radius, layer.colour, 1.0)
            if np.abs(place).max() < FAR_PX:
                pen.text((float(place[0]), float(place[1])), text, fill="white", font=font, anchor="mm")

    def _discs(self, places: Floats, radius_px: float, colour: str, opacity: float) -> None:
        """Draw discs; only the part of the map that holds them is touched."""
        inside = places[(np.abs(places) < FAR_PX).all(axis=1)]
        if not len(inside):
            return
        reach = radius_px + 1
        left, top = (max(0, math.floor(value)) for value in inside.min(axis=0) - reach)
        right = min(self.image.width, math.ceil(inside[:, 0].max() + reach))
        bottom = min(self.image.height, math.ceil(inside[:, 1].max() + reach))
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", ((right - left) * FINE, (bottom - top) * FINE))
        pen = ImageDraw.Draw(mask)
        for x, y in ((inside - (left, top)) * FINE).tolist():
            pen.ellipse([x - radius_px * FINE, y - radius_px * FINE, x + radius_px * FINE, y + radius_px * FINE], 255)
        self._let_through(mask, colour, opacity, (left, top))

    def _mask(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        mask = Image.new("L", (self.image.width * FINE, self.image.height * FINE))
        return mask, ImageDraw.Draw(mask)

    def _let_through(self, mask: Image.Image, colour: str, opacity: float, at: tuple[int, int] = (0, 0)) -> None:
        seen = mask.reduce(FINE).point([round(level * opacity) for level in range(256)])
        self.image.paste(ImageColor.getrgb(colour), (*at, at[0] + seen.width, at[1] + seen.height), seen)


def ring_px(centre: Floats, covariance_enu_m2: Sequence[float], metre_px: float) -> Floats:
    """Give the corners (C, 2) of the 95 % ellipse around a pixel, x right and y down."""
    variances, axes = np.linalg.eigh(np.reshape(covariance_enu_m2, (2, 2)))
    turns = np.arange(CORNERS) / CORNERS * 2 * math.pi
    circle = np.stack([np.cos(turns), np.sin(turns)])
    east, north = axes @ (np.sqrt(CHI_SQUARED_95 * np.maximum(variances, 0.0))[:, None] * circle) * metre_px
    return np.stack([centre[0] + east, centre[1] - north], axis=1)


def near(run: Floats) -> Iterator[Floats]:
    """Take a line apart where it leads far away, as no pen can follow it there; a single position is a dot."""
    close = [max(abs(x), abs(y)) < FAR_PX for x, y in run.tolist()]
    start = 0
    for stop in range(1, len(run) + 1):
        if stop == len(run) or close[stop] != close[start]:
            if close[start]:
                yield run[start:stop]
            start = stop


def dashes(run: Floats) -> Iterator[Floats]:
    """Cut a line into dashes of equal length along it."""
    for part in near(run):
        lengths = np.hypot(*np.diff(part, axis=0).T)
        along = np.concatenate([[0.0], np.cumsum(lengths)])
        for begin in np.arange(0.0, max(along[-1], 1e-9), DASH_PX + GAP_PX):
            end = min(begin + DASH_PX, along[-1])
            inner = part[(along > begin) & (along < end)]
            ends = np.stack([np.interp([begin, end], along, part[:, axis]) for axis in (0, 1)], axis=1)
            yield np.concatenate([ends[:1], inner, ends[1:]])


def _join(pen: ImageDraw.ImageDraw, stroke: Floats, width_px: float) -> None:
    points = [tuple(point) for point in (stroke * FINE).tolist()]
    radius = width_px * FINE / 2
    if len(points) > 1:
        pen.line(points, fill=255, width=max(1, round(width_px * FINE)), joint="curve")
    for x, y in (points[0], points[-1]):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
