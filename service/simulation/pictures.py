"""The track of one vehicle on the orthophoto: where it was, what its GPS said, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.pictures.background import Background
from service.pictures.layers import (
    CORRECTED,
    RAW,
    REJECTED,
    TRUTH,
    Dots,
    Ellipses,
    Layer,
    Line,
    Links,
    Position,
    positions_of,
)
from service.pictures.map_picture import draw_map, save_picture
from service.simulation.drives import Drive
from service.simulation.outcome import REJECTED as CONTRADICTED
from service.simulation.outcome import Outcome

Floats = NDArray[np.float64]
LONGEST_GAP_STEPS = 3
"""A line is not drawn across an outage."""


def draw_track(drive: Drive, own: Outcome, background: Background, title: str, file: Path) -> None:
    """Write a picture of a drive; `own` are the answers of this vehicle alone."""
    save_picture(draw_map(layers_of(drive, own), background, title=title), file)


def layers_of(drive: Drive, own: Outcome) -> list[Layer]:
    """What is shown, from the bottom up; what there is nothing of is left out."""
    gps = drive.gps_lat[own.step], drive.gps_lon[own.step]
    used = own.visual_used
    circled = used & ~np.isnan(own.radius_95_m)
    alarm = own.status == CONTRADICTED
    answer, photo = (own.lat, own.lon), (own.photo_lat, own.photo_lon)
    told = alarm & ~np.isnan(own.photo_lat)
    layers: list[Layer] = [
        Ellipses.circles(
            "95 % radius of fixes with a photo", CORRECTED, places(*answer, circled), own.radius_95_m[circled].tolist()
        ),
        Line("GPS", RAW, runs(*gps, own.step), width_px=2.0),
        Links("", RAW, list(zip(places(*gps, used), places(*answer, used), strict=True))),
        Line("true", TRUTH, [places(drive.lat, drive.lon)], width_px=3.0),
        Line("answered", CORRECTED, runs(*answer, own.step), width_px=2.5),
        Dots("answered, with a photo", CORRECTED, places(*answer, used), radius_px=4.5),
        Links("", REJECTED, list(zip(places(*gps, told), places(*photo, told), strict=True))),
        Dots("where its photo places it", REJECTED, places(*photo, told), radius_px=3.5),
        Dots("alarm: photo and GPS disagree", REJECTED, places(*gps, alarm), radius_px=6.0),
    ]
    return [layer for layer in layers if positions_of(layer)]


def places(lat: Floats, lon: Floats, chosen: NDArray[np.bool_] | None = None) -> list[Position]:
    """Pairs of some entries, all by default."""
    rows = slice(None) if chosen is None else chosen
    return [(float(a), float(b)) for a, b in zip(lat[rows], lon[rows], strict=True)]


def runs(lat: Floats, lon: Floats, step: NDArray[np.int64]) -> Sequence[Sequence[Position]]:
    """Pairs (n,), cut wherever more than a few steps are missing."""
    cuts = np.flatnonzero(np.diff(step) > LONGEST_GAP_STEPS) + 1
    return [places(a, b) for a, b in zip(np.split(lat, cuts), np.split(lon, cuts), strict=True)]
