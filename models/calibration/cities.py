"""Evidence from sample cities: their photos against their own tiles, a part of them, and those of other cities too.

Pieces, one a photo city, gallery and field of view, are kept in a folder, so that a job goes on where it was stopped
and a second fit costs no rendering.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.artefact import canonical_json
from models.calibration.evidence import rows_of
from models.calibration.joining import assembled, joined, nowhere
from models.calibration.nothing import pictures_of_nothing
from models.camera import Camera
from models.encoder import Encoder
from models.errors import UsageError
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.evidence import CellEvidence
from models.evaluation.gallery import Gallery
from models.evaluation.photographs import WIDEST_PINHOLE_DEG, Setting
from models.evaluation.scoring import describe_photos
from models.evaluation.survey import Survey, grid_evidence

Int64s = NDArray[np.int64]
What = Literal["photos of the city", "photos of other cities", "pictures of nothing"]
Told = Callable[[str], None]
NOTHING = -1
"""In place of a city's seed."""
NOTHING_COUNT = 40
STAMP = "made-of.txt"


@dataclass(frozen=True, slots=True)
class Plan:
    """Which cities are photographed and what galleries their photos are held against."""

    seeds: tuple[int, ...]
    places: int = 400
    extent_m: float = 1500.0
    stride_m: float | None = None
    """Of the galleries; that at which cells continue each other, or half a footprint, when None."""
    fovs: tuple[float, ...] = (360.0, 180.0, 90.0, 70.0)
    sizes: tuple[int, ...] = (500, 2_000, 10_000)
    """Tiles. Up to a city's own number it is the middle of the city, beyond it more cities are laid beside it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Photos of one city at one field of view against one gallery."""

    what: What
    fov_deg: float
    size: int
    """Tiles of the gallery."""
    evidence: CellEvidence
    photos: Int64s
    """(Q,) numbers of the photos; the same number in other parts of the city is the same photo."""


class CityEvidence:
    """Makes the pieces of a plan, or finds them in a folder.

    Args:
        encoder: the model.
        plan: what is wanted.
        folder: where pieces are kept; it may be new.
        tell: told what is being done.

    Raises:
        UsageError: the folder holds pieces of another plan or model.
    """

    def __init__(self, encoder: Encoder, plan: Plan, folder: Path, tell: Told) -> None:
        self._encoder, self._plan, self._folder, self._tell = encoder, plan, folder, tell
        cells = encoder.manifest.aerial.cells
        self._stride_m = plan.stride_m or (cells.stride_m if cells else encoder.manifest.aerial.footprint_m / 2)
        self._own_tiles = int(np.ceil(plan.extent_m / self._stride_m - 1e-9)) ** 2
        self._city = cache(self._render)
        self._described = cache(self._describe)
        self._check_folder()

    def parts(self) -> Iterator[Part]:
        """Give the photos of each city in its galleries and in galleries that lack it, then pictures of nothing.

        Where a gallery is a part of a city, as many parts as fit side by side are taken, and each photo is held
        against the one it lies in. Photos in none are left out: those a few steps off are neither in nor out.
        """
        for fov_deg in self._plan.fovs:
            for seed in self._plan.seeds:
                others = self._others(seed)
                for size in self._plan.sizes:
                    home = self._home(seed, fov_deg, size, others)
                    inside = np.flatnonzero(home.inside)
                    yield Part("photos of the city", fov_deg, size, rows_of(home, inside), inside)
                    abroad = self._joined(seed, fov_deg, size, others)
                    yield Part("photos of other cities", fov_deg, size, abroad, np.arange(len(abroad)))
            for size in self._plan.sizes:
                nothing = self._joined(
                    NOTHING, fov_deg, size, [self._plan.seeds[0], *self._others(self._plan.seeds[0])]
                )
                yield Part("pictures of nothing", fov_deg, size, nothing, np.arange(len(nothing)))

    def _others(self, seed: int) -> list[int]:
        """Cities to lay beside one: those of the plan first, then as many more as the largest gallery takes."""
        wanted = max(1, int(np.ceil(max(self._plan.sizes) / self._own_tiles)) - 1)
        others = [other for other in self._plan.seeds if other != seed]
        last = max(self._plan.seeds)
        others += [last + 1 + step for step in range(max(0, wanted - len(others)))]
        return others[:wanted]

    def _home(self, seed: int, fov_deg: float, size: int, others: list[int]) -> CellEvidence:
        if size >= self._own_tiles:
            return self._joined(seed, fov_deg, size, [seed, *others])
        return assembled([self._piece(seed, fov_deg, seed, size, window) for window in range(self._windows(size) ** 2)])

    def _windows(self, size: int) -> int:
        """How many squares of so many tiles fit along a side of a city."""
        return max(1, math.isqrt(self._own_tiles) // math.ceil(math.sqrt(size)))

    def _joined(self, photos: int, fov_deg: float, size: int, galleries: list[int]) -> CellEvidence:
        """Photos of a city against so many tiles of cities laid side by side, or against all where there are fewer."""
        pieces, left = [], size
        for gallery in galleries:
            if left > 0:
                pieces.append(self._piece(photos, fov_deg, gallery, min(left, self._own_tiles)))
                left -= self._own_tiles
        return joined(pieces)

    def _piece(self, photos: int, fov_deg: float, gallery: int, tiles: int, window: int = 0) -> CellEvidence:
        path = self._folder / f"photos{photos}-fov{fov_deg:g}-gallery{gallery}-{tiles}-{window}.npz"
        if path.is_file():
            return CellEvidence.load(path)
        surveys, _ = self._described(photos) if photos != NOTHING else (self._nothing(), None)
        _, tiles_of = self._described(gallery)
        self._tell(f"{path.stem}: comparing")
        across = self._windows(tiles)
        x_m, y_m = ((place + 0.5) * self._plan.extent_m / across for place in divmod(window, across))
        part = tiles_of if tiles >= len(tiles_of) else tiles_of.nearest(tiles, x_m, y_m)
        part = replace(part, rows=part.rows.astype(np.float32))
        found = grid_evidence(surveys[fov_deg], part)
        if photos != gallery:
            found = nowhere(found)
        temporary = path.with_suffix(".tmp")
        found.save(temporary)
        temporary.rename(path)
        return found

    def _describe(self, seed: int) -> tuple[dict[float, Survey], Gallery]:
        """Photos, if the plan photographs this city, and tiles, as float16 to hold many."""
        city = self._city(seed)
        surveys = {}
        for fov_deg in self._plan.fovs if seed in self._plan.seeds else ():
            self._tell(f"city {seed}: describing photos of {fov_deg:g}°")
            surveys[fov_deg] = Survey.take(self._encoder, city, Setting(fov_deg, "unknown"))
        self._tell(f"city {seed}: describing {self._own_tiles} tiles")
        gallery = city.grid(self._encoder, self._stride_m)
        self._city.cache_clear()
        return surveys, replace(gallery, rows=gallery.rows.astype(np.float16))

    def _render(self, seed: int) -> CityBenchmark:
        self._tell(f"city {seed}: building it")
        return CityBenchmark.render(seed, self._plan.places if seed in self._plan.seeds else 1, self._plan.extent_m)

    def _nothing(self) -> dict[float, Survey]:
        pictures = pictures_of_nothing(NOTHING_COUNT, seed=max(self._plan.seeds))
        gone, surveys = np.full(NOTHING_COUNT, np.nan), {}
        for fov_deg in self._plan.fovs:
            camera = Camera("panorama" if fov_deg > WIDEST_PINHOLE_DEG else "perspective", fov_deg)
            photos = describe_photos(self._encoder, ((picture, camera) for picture in pictures))
            surveys[fov_deg] = Survey(photos, gone, gone, np.zeros(NOTHING_COUNT), np.full(NOTHING_COUNT, fov_deg))
        return surveys

    def _check_folder(self) -> None:
        varying = {"seeds", "fovs", "sizes"}  # pieces of other seeds, views and sizes stand side by side
        plan = {name: value for name, value in asdict(self._plan).items() if name not in varying}
        stamp = hashlib.sha256(canonical_json([self._encoder.sha256, plan])).hexdigest()
        path = self._folder / STAMP
        if path.is_file():
            if path.read_text().strip() != stamp:
                raise UsageError(f"{self._folder} holds evidence of another model or plan. Name another folder.")
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path.write_text(stamp + "\n")
