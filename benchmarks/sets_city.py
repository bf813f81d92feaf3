"""A sample city with an index, and places photographed several times: what `benchmarks.sets` measures with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.build import build_index
from index.bundle import open_index
from index.gallery import Gallery
from index.search import Searcher
from index.tiles import BadTile, Bounds, Tile
from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder
from models.image import Photo
from models.sample_city import AerialView as CityFromAbove
from models.sample_city import Appearance, City, draw_places, render_photo
from service.index_localizer import IndexLocalizer
from service.prepared import Prepared
from service.query import CameraHints, Query
from service.view import View

STREAM = 91
MOMENTS, PHOTO_PX, PATCH_M = 12, (240, 180), 2.0
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kind:
    """How the photos of a place are taken: all with one field of view, around one spot, in one visit."""

    name: str
    fov_deg: float
    spread_m: float
    """Standard deviation of the camera's position in each direction."""


KINDS = (
    Kind("90°, one spot", 90.0, 0.0),
    Kind("70°, one spot", 70.0, 0.0),
    Kind("90°, 2 m apart", 90.0, PATCH_M),
)


@dataclass(frozen=True, slots=True)
class Shots:
    """The photos of one place in one kind."""

    x_m: float
    y_m: float
    """The spot that the photos were taken around."""
    at_m: Floats
    """(N, 2) where each was taken."""
    heading_deg: Floats
    """(N,) true ones."""
    free: tuple[View, ...]
    """Described as if nothing were known of the heading."""
    turned: tuple[View, ...]
    """Described with the heading from a zero that differs from place to place."""
    turn_deg: Floats
    """(N,) those headings."""


@dataclass(frozen=True)
class CityTiles:
    """Tiles of a city at a stride, all of one day."""

    city: City
    footprint_m: float
    size_px: int
    stride_m: float
    name: str = "city"
    attribution: str = ""
    bounds: Bounds | None = None
    notices: tuple[str, ...] = ()

    @property
    def _line(self) -> Floats:
        count = int(np.ceil(self.city.extent_m / self.stride_m - 1e-9))
        line: Floats = (np.arange(count, dtype=np.float64) + 0.5) * np.float64(self.stride_m)
        return line

    @property
    def count(self) -> int:
        return len(self._line) ** 2

    def __iter__(self) -> Iterator[Tile | BadTile]:
        day = Appearance.draw(np.random.default_rng([STREAM, self.city.seed, 0]))
        picture = CityFromAbove(self.city, day)
        for y in self._line:
            for x in self._line:
                lat, lon = self.city.city_to_wgs84(float(x), float(y))
                pixels = picture.tile(float(x), float(y), self.footprint_m, self.size_px)
                metres = self.footprint_m / self.size_px
                yield Tile(f"{x:g}-{y:g}", lat, lon, pixels, self.footprint_m, metres, None, self.name)


@dataclass(frozen=True, slots=True)
class SetCity:
    """One city: its index and the photos of its places, by kind."""

    city: City
    localizer: IndexLocalizer
    gallery: Gallery
    places: dict[str, list[Shots]]


def open_set_city(seed: int, extent_m: float, places: int, photos: int, folder: Path) -> SetCity:
    """Make a city's index and photos, or find them in a folder.

    Args:
        seed: of the city and of all that is drawn.
        places: how many are photographed.
        photos: of each place, in each kind.
        folder: where the index and the described photos are kept.
    """
    city = City.generate(seed, extent_m)
    encoder = OnnxEncoder(open_model_bundle(default_bundle_path()))
    view = encoder.manifest.aerial
    stride_m = view.cells.stride_m if view.cells else view.footprint_m / 2
    root = folder / f"index-{seed}-{extent_m:g}"
    if not (root / "CURRENT").exists():
        build_index(CityTiles(city, view.footprint_m, view.size_px, stride_m), encoder, root, name=f"city{seed}")
    gallery = Searcher(open_index(root, encoder))
    localizer = IndexLocalizer(encoder, gallery)
    kept = folder / f"photos-{seed}-{extent_m:g}-{places}-{photos}.npz"
    if not kept.exists():
        taken = {kind.name: _visit(city, localizer, kind, places, photos) for kind in KINDS}
        np.savez(kept, **{f"{name}/{part}": each for name, parts in taken.items() for part, each in parts.items()})
    with np.load(kept) as stored:
        arrays = dict(stored)
    return SetCity(
        city, localizer, gallery, {kind.name: list(_shots(localizer, kind, arrays, places)) for kind in KINDS}
    )


def _visit(city: City, localizer: IndexLocalizer, kind: Kind, places: int, photos: int) -> dict[str, Any]:
    """Photograph and describe every place; arrays whose rows are places."""
    spots = draw_places(city, places, np.random.default_rng([STREAM, city.seed, 1]))
    rng = np.random.default_rng([STREAM, city.seed, 2])
    moments = [Appearance.draw(rng) for _ in range(MOMENTS)]
    found: dict[int, dict[str, Any]] = {}
    for m, moment in enumerate(moments):
        for i in range(m, places, MOMENTS):
            found[i] = _at(city, localizer, kind, moment, (float(spots.x_m[i]), float(spots.y_m[i])), i, photos)
    return {part: np.stack([found[i][part] for i in range(places)]) for part in found[0]}


def _at(
    city: City,
    localizer: IndexLocalizer,
    kind: Kind,
    moment: Appearance,
    spot: tuple[float, float],
    i: int,
    photos: int,
) -> dict[str, Any]:
    rng = np.random.default_rng([STREAM, city.seed, 3, i])
    look, height_m, zero_deg = moment.through(Appearance.draw(rng)), float(rng.uniform(1.5, 2.6)), rng.uniform(0, 360)
    heading, off = rng.uniform(0, 360, photos), rng.normal(0, 1, (photos, 2)) * kind.spread_m
    at_m, turn = np.array(spot) + off, (heading - zero_deg) % 360.0
    columns: dict[str, list[Any]] = {"free": [], "turned": []}
    for (x, y), true_deg, turn_deg in zip(at_m, heading, turn, strict=True):
        pixels = render_photo(city, look, float(x), float(y), float(true_deg), kind.fov_deg, *PHOTO_PX, height_m)
        for way, known in (("free", None), ("turned", float(turn_deg))):
            columns[way].append(localizer.describe(_prepared(localizer, Photo(pixels, *PHOTO_PX), kind, known)))
    return {"spot": np.array(spot), "at_m": at_m, "heading_deg": heading, "turn_deg": turn} | {
        way: np.stack(each) for way, each in columns.items()
    }


def _prepared(localizer: IndexLocalizer, photo: Photo, kind: Kind, known_deg: float | None) -> Prepared:
    return localizer.prepare(photo, Query(camera=CameraHints(fov_deg=kind.fov_deg, heading_deg=known_deg)))


def _shots(localizer: IndexLocalizer, kind: Kind, arrays: dict[str, Any], places: int) -> Iterator[Shots]:
    """Make views of the columns that were kept; what else belongs to a view depends on the camera alone."""
    blank = Photo(np.zeros((24, 32, 3), np.uint8), 32, 24)
    for i in range(places):
        own = {part: arrays[f"{kind.name}/{part}"][i] for part in ("spot", "at_m", "heading_deg", "turn_deg")}
        free, turned = (arrays[f"{kind.name}/{way}"][i] for way in ("free", "turned"))
        turns = [float(each) for each in own["turn_deg"]]
        yield Shots(
            x_m=float(own["spot"][0]),
            y_m=float(own["spot"][1]),
            at_m=own["at_m"],
            heading_deg=own["heading_deg"],
            free=tuple(View(_prepared(localizer, blank, kind, None), each) for each in free),
            turned=tuple(
                View(_prepared(localizer, blank, kind, turn), each) for turn, each in zip(turns, turned, strict=True)
            ),
            turn_deg=own["turn_deg"],
        )
