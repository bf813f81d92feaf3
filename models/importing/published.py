"""What the public data sets look like, as far as networks trained on them depend on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

from models.errors import UsageError

DatasetName = Literal["cvusa", "cvact", "vigor", "university"]
Name = TypeVar("Name", bound=DatasetName)
EQUATOR_PX_M = 2 * math.pi * 6_378_137 / 256
"""Metres per pixel of the web map at zoom 0 on the equator."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a data set's publishers hand it out, in short; nobody's licence text."""

    licence: str
    holder: str


@dataclass(frozen=True, slots=True)
class Dataset:
    title: str
    panorama_aspect: float
    """Height over width of its panoramas as they are published."""
    tile_px: int
    zoom: int | None
    """Zoom level of the web map that the tiles came from; None: another figure is published."""
    lat: float
    """Latitude at which a tile's length is worked out."""
    ground_resolution_m: float | None
    terms: Terms


DATASETS: dict[DatasetName, Dataset] = {
    "cvusa": Dataset("CVUSA", 224 / 1232, 750, 19, 39.8, None, Terms("on request, terms of its form", "CVUSA authors")),
    "cvact": Dataset("CVACT", 0.5, 1200, 20, -35.3, None, Terms("research only, not to be passed on", "CVACT authors")),
    "vigor": Dataset("VIGOR", 0.5, 640, None, 0.0, 0.114, Terms("academic use only, on request", "VIGOR authors")),
    "university": Dataset("University-1652", 1.0, 512, None, 0.0, None, Terms("not declared", "")),
}


@dataclass(frozen=True, slots=True)
class Chosen(Generic[Name]):
    """A data set, and why it was taken where nobody said so; an empty note if somebody did."""

    dataset: Name
    note: str = ""


def choose_dataset(file: Path, given: Name | None, fitting: Sequence[Name]) -> Chosen[Name]:
    """Decide what a checkpoint was trained on: what is given, what only fits, what its path says, or the first.

    Published files lie in folders of their data set's name. A path that names several tells nothing.
    """
    if given is not None or len(fitting) == 1:
        return Chosen(fitting[0] if given is None else given)
    words = f"{file.parent.name} {file.name}".lower()
    named = [name for name in fitting if name in words]
    how = "the checkpoint's path says so" if len(named) == 1 else "nothing in the checkpoint tells"
    dataset = named[0] if len(named) == 1 else fitting[0]
    others = ", ".join(name for name in fitting if name != dataset)
    title = DATASETS[dataset].title
    return Chosen(dataset, f"taken for a network of {title}: {how}; --dataset replaces it (it may be of {others})")


@dataclass(frozen=True, slots=True)
class Footprint:
    """Ground length of a tile's side, and where the figure comes from."""

    side_m: float
    assumption: str
    """Empty when the operator gave it."""


def footprint(dataset: DatasetName, given_m: float | None) -> Footprint:
    """Say how much ground the tiles of a data set show.

    Nothing in a checkpoint tells; without the operator's figure it follows from the tiles' pixels and zoom level, at a
    latitude in the middle of the set: 172 m for CVUSA (tiles of one zoom level shrink towards the poles, by a quarter
    between its southern and northern ends), 146 m for CVACT (Canberra), 73 m for VIGOR (its authors' 0.114 m a pixel).

    Raises:
        UsageError: no figure given, and none known.
    """
    if given_m is not None:
        return Footprint(given_m, "")
    known = DATASETS[dataset]
    if known.zoom is not None:
        step_m = EQUATOR_PX_M * math.cos(math.radians(known.lat)) / 2**known.zoom
        how = f"{known.tile_px} px at zoom {known.zoom}, {step_m:.3f} m each at latitude {known.lat:g}"
    elif known.ground_resolution_m is not None:
        step_m = known.ground_resolution_m
        how = f"{known.tile_px} px of {step_m:g} m"
    else:
        raise UsageError(
            f"{known.title} does not say how much ground its tiles show; give --footprint-m, the side of a tile in "
            "metres, as you will cut your own imagery."
        )
    side_m = round(known.tile_px * step_m, 2)
    return Footprint(side_m, f"assumed {side_m:g} m a side: {how}; --footprint-m replaces it")
