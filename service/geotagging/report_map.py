"""The map of a report: where the photos were taken, each with its 95 % circle."""

from __future__ import annotations

import io
from collections.abc import Sequence

from service.geotagging.rows import Row
from service.pictures.background import Background
from service.pictures.layers import CORRECTED, TRUTH, Dots, Ellipses, Layer, Position
from service.pictures.map_picture import draw_map

MOST_CIRCLES = 2000
"""More of them would cover the map, and each other."""
CIRCLES = "there with 95 %"


def map_png(rows: Sequence[Row], background: Background, title: str) -> bytes | None:
    """Draw the positions of a report; None where there are none.

    What others placed may lie anywhere on Earth, so it has no say in which ground is shown if Skyfix placed anything.

    Raises:
        SourceError: the background's imagery cannot be read.
    """
    ours = [row for row in rows if row.outcome in ("placed", "would_place")]
    theirs = _places([row for row in rows if row.outcome == "has_position"])
    places = _places(ours)
    if not places and not theirs:
        return None
    layers: list[Layer] = []
    if len(places) <= MOST_CIRCLES:
        radii = [row.radius_m_95 or 0.0 for row in ours]
        layers += [Ellipses.circles(CIRCLES, CORRECTED, places, radii)] if places else []
    if theirs:
        layers.append(Dots("had a position", TRUTH, theirs, fits=not places))
    if places:
        layers.append(Dots("placed by Skyfix", CORRECTED, places))
    stream = io.BytesIO()
    draw_map(layers, background, title=title).save(stream, "PNG")
    return stream.getvalue()


def _places(rows: Sequence[Row]) -> list[Position]:
    return [(row.lat, row.lon) for row in rows if row.lat is not None and row.lon is not None]
