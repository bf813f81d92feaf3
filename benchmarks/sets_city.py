"""A sample city with an index, and places photographed several times: what `benchmarks.sets` measures with."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

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
    """Mean of the camera positions of each number of photos is not far from here: the spot."""
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
        return (np.arange(int(np.ceil(self.city.extent_m / self.stride_m - 1e-9))) + 0.5) * self.stride_m

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
    kept = folder / f"photos-{seed}-{extent_m:g}-{places}-{photos}.pickle"
    if not kept.exists():
        kept.write_bytes(pickle.dumps({kind.name: _visit(city, localizer, kind, places, photos) for kind in KINDS}))
    return SetCity(city, localizer, gallery, pickle.loads(kept.read_bytes()))


def _visit(city: City, localizer: IndexLocalizer, kind: Kind, places: int, photos: int) -> list[Shots]:
    spots = draw_places(city, places, np.random.default_rng([STREAM, city.seed, 1]))
    rng = np.random.default_rng([STREAM, city.seed, 2])
    moments = [Appearance.draw(rng) for _ in range(MOMENTS)]
    found: dict[int, Shots] = {}
    for m, moment in enumerate(moments):
        for i in range(m, places, MOMENTS):
            found[i] = _at(city, localizer, kind, moment, (float(spots.x_m[i]), float(spots.y_m[i])), i, photos)
    return [found[i] for i in range(places)]


def _at(
    city: City,
    localizer: IndexLocalizer,
    kind: Kind,
    moment: Appearance,
    spot: tuple[float, float],
    i: int,
    photos: int,
) -> Shots:
    rng = np.random.default_rng([STREAM, city.seed, 3, i])
    look, height_m, zero_deg = moment.through(Appearance.draw(rng)), float(rng.uniform(1.5, 2.6)), rng.uniform(0, 360)
    heading, off = rng.uniform(0, 360, photos), rng.normal(0, 1, (photos, 2)) * kind.spread_m
    at_m, turn = np.array(spot) + off, (heading - zero_deg) % 360.0
    free, turned = [], []
    for (x, y), true_deg, turn_deg in zip(at_m, heading, turn, strict=True):
        size = PHOTO_PX
        pixels = render_photo(city, look, float(x), float(y), float(true_deg), kind.fov_deg, *size, height_m)
        photo = Photo(pixels, *size)
        for views, known in ((free, None), (turned, float(turn_deg))):
            hints = CameraHints(fov_deg=kind.fov_deg, heading_deg=known)
            prepared = localizer.prepare(photo, Query(camera=hints))
            described = localizer.describe(prepared)
            bare = replace(prepared, ground=replace(prepared.ground, pixels=np.empty((3, 0, 0), np.float32)))
            views.append(View(bare, described))
    return Shots(*spot, at_m, heading, tuple(free), tuple(turned), turn)
