"""Which zoom of a web map's tiles to take: the coarsest that still has all the detail the model sees."""

from __future__ import annotations

from dataclasses import dataclass

from index.sources.pyramid import Pyramid
from index.sources.tile_store import TileStore
from index.tiles import MOST_ENLARGEMENT, check_resolution
from models.errors import SourceError, UsageError

NEARLY = 1.05
"""Imagery so little coarser than the model's input counts as fine enough."""
MUCH_MORE = 1.25
"""Another zoom is spoken of when it covers so many times the area."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A zoom and what the operator should know of it."""

    pyramid: Pyramid
    remarks: tuple[str, ...]


def choose_zoom(store: TileStore, footprint_m: float, size_px: int, zoom: int | None = None) -> Choice:
    """Choose by metres per pixel on the ground, which shrink with the cosine of the latitude.

    Zooms finer than the model's input would only be averaged; of the coarser ones the finest is taken.

    Args:
        zoom: take this one.

    Raises:
        UsageError: there is no such zoom.
        ImageryTooCoarse: the finest zoom, or the one asked for, has too few pixels for the model.
        SourceError: the store has no tiles.
    """
    zooms = list(store.zooms)
    if not zooms:
        raise SourceError(f"{store.path} has no tiles.")
    if zoom is not None and zoom not in zooms:
        raise UsageError(f"{store.path} has no zoom {zoom}; it has {', '.join(str(z) for z in zooms)}.")
    finest = Pyramid.at(store, zooms[-1] if zoom is None else zoom)
    check_resolution(finest.title, finest.ground_resolution_m, footprint_m, size_px)
    if zoom is not None:
        return Choice(finest, ())
    wanted_m = footprint_m / size_px
    sizes_m = {z: finest.ground_resolution_m * 2.0 ** (finest.zoom - z) for z in zooms}
    best = next((z for z in zooms if sizes_m[z] <= wanted_m * NEARLY), finest.zoom)
    chosen = finest if best == finest.zoom else Pyramid.at(store, best)
    others = [z for z in zooms if z < best and sizes_m[z] <= wanted_m * MOST_ENLARGEMENT]
    return Choice(chosen, (_said(chosen, zooms, wanted_m), *_wider(store, chosen, others)))


def _said(chosen: Pyramid, zooms: list[int], wanted_m: float) -> str:
    return (
        f"{chosen.title} was taken of zooms {zooms[0]} to {zooms[-1]}: the model sees {wanted_m:.3g} m per pixel. "
        "--zoom takes another."
    )


def _wider(store: TileStore, chosen: Pyramid, others: list[int]) -> tuple[str, ...]:
    for zoom in reversed(others):
        area = len(store.listing(zoom).addresses) * 4.0 ** (chosen.zoom - zoom)
        if area > MUCH_MORE * len(chosen.tiles):
            return (
                f"Zoom {zoom} covers {area / len(chosen.tiles):.1f} times the area of zoom {chosen.zoom}; "
                f"--zoom {zoom} takes that instead.",
            )
    return ()
