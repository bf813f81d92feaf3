"""Write a sample city to disk: an orthophoto to index, and photos to locate in it."""

import csv
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from .aerial import render_orthophoto, render_tile
from .appearance import Appearance
from .city import City
from .errors import SampleCityError
from .jpeg import write_panorama, write_photo
from .panorama import render_panorama
from .photo import render_photo
from .places import Places, draw_places
from .solids import U8
from .weather import Season

COLUMNS = ("ground", "aerial", "lat", "lon", "heading_deg", "fov_deg", "ground_resolution_m")
FOOTPRINT_M = 64.0
TILE_PX = 256
PHOTO_PX = (1024, 768)
PANORAMA_PX = (1024, 512)
# whole millimetres of focal length, so that what Exif can say is exact
FOCAL_LENGTHS_MM = (18, 22, 26, 30)


class Shot(NamedTuple):
    """One ground picture to take: where, which way (from true north), how wide; fov_deg None is a panorama."""

    name: str
    x_m: float
    y_m: float
    heading_deg: float
    fov_deg: float | None


def write_sample_city(
    out_dir: Path,
    seed: int,
    extent_m: float = 600.0,
    photos: int = 24,
    panoramas: int = 8,
    ground_resolution_m: float = 0.25,
    jpeg_quality: int = 88,
) -> Path:
    """Write ortho.tif, photos/, panoramas/, aerial/ and pairs.csv.

    The orthophoto is of one summer day; every ground picture has a moment of its own, and so has every aerial tile.
    Everything is written beside out_dir and moved there at the end.

    Args:
        out_dir: must not exist, or be empty.
        photos: perspective pictures, 1024 x 768, of several fields of view, with no position in their metadata.
        panoramas: 2:1 pictures, 1024 x 512.

    Returns:
        out_dir.

    Raises:
        SampleCityError: out_dir holds something, or the city has no room for so many places.
    """
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise SampleCityError(f"{out_dir} already holds something; name a folder that is new or empty")
    city = City.generate(seed, extent_m)
    rng = np.random.default_rng([seed, 8])
    places = draw_places(city, photos + panoramas, rng)
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}-", dir=out_dir.parent))
    try:
        _write_ortho(draft, city, rng, ground_resolution_m)
        _write_pairs(draft, city, _shots(places, photos, rng), rng, jpeg_quality)
        draft.chmod(0o755)
        if out_dir.exists():
            out_dir.rmdir()
        draft.replace(out_dir)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return out_dir


def _write_ortho(draft: Path, city: City, rng: np.random.Generator, ground_resolution_m: float) -> None:
    from .geotiff import write_geotiff  # rasterio is needed only here

    look = replace(
        Appearance.draw(rng),
        season=Season.SUMMER,
        cloud_cover=0.1,
        sun_elevation_deg=50.0,
        haze_per_km=0.3,
        exposure=1.0,
        blur_px=0.0,
        noise_sigma=1.5,
        jpeg_quality=None,
    )
    image = render_orthophoto(city, look, ground_resolution_m)
    write_geotiff(draft / "ortho.tif", image, city.georeference, 0.0, city.extent_m, ground_resolution_m)


def _shots(places: Places, photos: int, rng: np.random.Generator) -> list[Shot]:
    """Photos look along the street or anywhere, panoramas are centred anywhere."""
    shots = []
    for i, (x, y, street) in enumerate(zip(places.x_m, places.y_m, places.street_heading_deg, strict=True)):
        anywhere = rng.uniform(0.0, 360.0)
        along = street + 180.0 * rng.integers(2) + rng.normal(0.0, 20.0)
        if i < photos:
            focal = FOCAL_LENGTHS_MM[i % len(FOCAL_LENGTHS_MM)]
            heading = (along if rng.random() < 0.6 else anywhere) % 360.0
            shots.append(Shot(f"photos/{i:04d}.jpg", float(x), float(y), float(heading), _fov_deg(focal)))
        else:
            shots.append(Shot(f"panoramas/{i - photos:04d}.jpg", float(x), float(y), float(anywhere), None))
    return shots


def _fov_deg(focal_mm: float) -> float:
    return float(2.0 * np.degrees(np.arctan(18.0 / focal_mm)))


def _write_pairs(draft: Path, city: City, shots: list[Shot], rng: np.random.Generator, quality: int) -> None:
    for folder in ("photos", "panoramas", "aerial"):
        (draft / folder).mkdir()
    with (draft / "pairs.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for number, shot in enumerate(shots):
            aerial = f"aerial/{number:04d}.png"
            tile = render_tile(city, Appearance.draw(rng), shot.x_m, shot.y_m, FOOTPRINT_M, TILE_PX)
            Image.fromarray(tile).save(draft / aerial)
            _take(draft, city, shot, replace(Appearance.draw(rng), jpeg_quality=None), quality)
            lat, lon = city.city_to_wgs84(shot.x_m, shot.y_m)
            fov = "" if shot.fov_deg is None else f"{shot.fov_deg:.3f}"
            table.writerow(
                (
                    shot.name,
                    aerial,
                    f"{lat:.8f}",
                    f"{lon:.8f}",
                    f"{shot.heading_deg:.3f}",
                    fov,
                    f"{FOOTPRINT_M / TILE_PX:g}",
                )
            )


def _take(draft: Path, city: City, shot: Shot, look: Appearance, quality: int) -> None:
    image: U8
    if shot.fov_deg is None:
        image = render_panorama(city, look, shot.x_m, shot.y_m, shot.heading_deg, *PANORAMA_PX, 180.0, 2.2)
        write_panorama(draft / shot.name, image, quality)
    else:
        image = render_photo(city, look, shot.x_m, shot.y_m, shot.heading_deg, shot.fov_deg, *PHOTO_PX, 1.7)
        write_photo(draft / shot.name, image, shot.fov_deg, quality)
