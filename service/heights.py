"""How high a camera stands: a raster of ground heights, what they are above, and the camera above the ground.

A GeoPose has heights above the ellipsoid of WGS84, rasters mostly such above the sea (orthometric), which are up to
100 m away from them. One is never told as the other: without an undulation of the geoid, by number or raster, an
orthometric raster gives an orthometric height and none above the ellipsoid.
"""

from __future__ import annotations

import importlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from models.errors import EnvironmentConflict, SourceError, UsageError
from models.geometry.ground import Ground, VerticalDatum
from service.settings import PREFIX, Settings

logger = logging.getLogger("skyfix")

DEM_FILE, DEM_DATUM, GEOID_FILE, GEOID_UNDULATION = (
    f"{PREFIX}{name}" for name in ("DEM_FILE", "DEM_DATUM", "GEOID_FILE", "GEOID_UNDULATION_M")
)
CACHE_MB = 64
"""Of unpacked blocks, for all rasters; GDAL's own variable wins."""


class Raster(Protocol):
    """What is asked of a raster of heights; models/geometry/terrain.py has the real one."""

    @property
    def datum(self) -> VerticalDatum | None:
        """What the file itself says that its heights are above."""

    def height_m(self, lat: float, lon: float) -> float | None:
        """Metres above the raster's zero; None where nothing is known."""

    def around(self, lat: float, lon: float, radius_m: float | None) -> Ground | None:
        """The same, with the slope of the circle around."""

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a camera stands, up and down."""

    ground: Ground
    """Above what the raster's heights are above."""
    datum: VerticalDatum
    undulation_m: float | None
    """Of the geoid above the ellipsoid; None if it is not known or not needed."""
    camera_m: float
    """Of the camera above the ground."""

    @property
    def h_m(self) -> float | None:
        """Of the camera above the ellipsoid."""
        if self.datum == "ellipsoid":
            return self.ground.height_m + self.camera_m
        return None if self.undulation_m is None else self.ground.height_m + self.undulation_m + self.camera_m


class Heights:
    """The rasters of one service, open until closed; asked from any thread."""

    def __init__(self, dem: Raster, datum: VerticalDatum, camera_m: float, geoid: Raster | float | None = None) -> None:
        self.datum, self.camera_m = datum, camera_m
        self._dem, self._geoid = dem, geoid

    def at(self, lat: float, lon: float, radius_m: float | None) -> Standing | None:
        """Say how high a camera stands; None where the raster knows nothing, or cannot be read any more."""
        try:
            ground = self._dem.around(lat, lon, radius_m)
            if ground is None:
                return None
            return Standing(ground, self.datum, self._undulation(lat, lon), self.camera_m)
        except SourceError as error:
            logger.warning("no height is told: %s", error)
            return None

    def _undulation(self, lat: float, lon: float) -> float | None:
        return self._geoid if self._geoid is None or isinstance(self._geoid, float) else self._geoid.height_m(lat, lon)

    def close(self) -> None:
        self._dem.close()
        if self._geoid is not None and not isinstance(self._geoid, float):
            self._geoid.close()


def open_heights(settings: Settings) -> Heights | None:
    """Open what the settings name; None if they name no raster of heights.

    Raises:
        UsageError: a file that cannot be opened, or settings that contradict each other or the file.
        EnvironmentConflict: what reads rasters is not installed.
    """
    if settings.dem_file is None:
        for name, given in ((GEOID_FILE, settings.geoid_file), (GEOID_UNDULATION, settings.geoid_undulation_m)):
            if given is not None:
                raise UsageError(f"{name} is given without {DEM_FILE}, to whose heights it belongs.")
        return None
    if settings.geoid_file is not None and settings.geoid_undulation_m is not None:
        raise UsageError(f"{GEOID_FILE} and {GEOID_UNDULATION} are both given; one of them is enough.")
    dem = _opened(DEM_FILE, settings.dem_file)
    if settings.dem_datum is not None and dem.datum not in (None, settings.dem_datum):
        raise UsageError(
            f"{DEM_DATUM} is {settings.dem_datum}, but the CRS of {settings.dem_file} says that its heights are "
            f"{dem.datum}. Leave the setting out, or give the file the CRS that it is in."
        )
    datum: VerticalDatum = settings.dem_datum or dem.datum or "orthometric"
    geoid: Raster | float | None = settings.geoid_undulation_m
    if settings.geoid_file is not None:
        geoid = _opened(GEOID_FILE, settings.geoid_file)
    if datum == "ellipsoid" and geoid is not None:
        raise UsageError(f"The heights of {settings.dem_file} are above the ellipsoid: a geoid is not to be added.")
    return Heights(dem, datum, settings.camera_height_m, geoid)


def _opened(setting: str, path: Path) -> Raster:
    os.environ.setdefault("GDAL_CACHEMAX", str(CACHE_MB))  # else a twentieth of the machine's memory
    try:
        module = importlib.import_module("models.geometry.terrain")
    except ModuleNotFoundError as error:
        raise EnvironmentConflict(
            f"{setting} needs rasterio and pyproj: install the `index` extra, as in pip install 'skyfix[index]'."
        ) from error
    try:
        return cast(Raster, module.Terrain(path))
    except SourceError as error:
        raise UsageError(f"{setting}: {error}") from error
