"""The answer of GET /coverage?aliasing=true: where places of an index look alike, as GeoJSON."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, RootModel

from index.aliasing_file import Alike
from index.coverage import clipped
from index.tiles import Bounds, square
from service.coverage import CoverageCollection, CoveragePolygon, LonLat, box_polygon
from service.localizer import Localizer
from service.responses import Out

TWIN_DECIMALS = 5
"""A twin is a tile: a metre is enough."""


class AliasingProperties(Out):
    aliasing_360: float = Field(
        ge=0, le=1, description="Seen whole: 0, as any place far away; 1, no photo tells it from the twin."
    )
    aliasing_90: float | None = Field(
        default=None, ge=0, le=1, description="The same, seen by 90°; left out where the model knows no headings."
    )
    twin: LonLat = Field(description="Longitude and latitude of the far place that the higher value is about.")


class AliasingFeature(Out):
    type: Literal["Feature"] = "Feature"
    geometry: CoveragePolygon
    properties: AliasingProperties


class AliasingCollection(Out):
    """Squares of ground, each with its most alike place far away; no features where the index keeps no such map."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: tuple[AliasingFeature, ...]
    index: str
    far_m: float | None = Field(default=None, description="Places farther apart than this were compared.")
    step_m: float | None = Field(
        default=None, description="The ground so far beside the camera is as alike as 1 says of a twin."
    )
    sampled: int = Field(default=0, ge=0, description="Tiles that were compared with all others of their index.")


class CoverageDrawn(RootModel[CoverageCollection | AliasingCollection]):
    """What GET /coverage draws: all of the coverage, or with aliasing=true where places look alike."""


def aliasing_everywhere(localizer: Localizer) -> AliasingCollection:
    """Draw it; reads files, so call it off the event loop.

    Raises:
        BundleError: a member of a region keeps a damaged map.
    """
    found = localizer.gallery.aliasing()
    if found is None:
        return AliasingCollection(features=(), index=localizer.about.index)
    return AliasingCollection(
        features=tuple(_feature(each, localizer.about.index_bounds) for each in found.squares),
        index=localizer.about.index,
        far_m=found.far_m,
        step_m=found.step_m,
        sampled=found.sampled,
    )


def _feature(alike: Alike, within: Bounds) -> AliasingFeature:
    box = clipped(Bounds(*(float(side) for side in square(alike.lat, alike.lon, alike.side_m))), within)
    twin = round(alike.twin_lon, TWIN_DECIMALS), round(alike.twin_lat, TWIN_DECIMALS)
    told = AliasingProperties(aliasing_360=alike.whole, aliasing_90=alike.narrow, twin=twin)
    return AliasingFeature(geometry=box_polygon(box), properties=told)
