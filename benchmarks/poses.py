"""How far poses are off in six degrees of freedom: `python -m benchmarks.poses`.

A sample city is rendered and indexed, and hills are laid under it. Photos of 90 degrees are cut out of its panoramas as
tilted cameras would take them; each is located by the program's own localizer, its heading not given, with a GPS prior,
the gravity that a phone measures, and a raster of the hills with errors of its own. The pose that is answered is held
against the true one. The pictures know nothing of the hills: they are only what a height is read from.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from rasterio import Affine

from index.build import build_index
from index.bundle import open_index
from index.search import Searcher
from index.sources.opening import open_source
from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder
from models.geo import enu_m, metres_per_degree
from models.geometry.earth import enu_of_geodetic
from models.geometry.rotation import BODY_FROM_CAMERA, matrix_of_ypr, yaw_of_heading
from models.pairs import Pair, read_pairs
from models.sample_city import write_sample_city
from service.geopose.answer import posed
from service.geopose.shapes import GeoPoseBasicYpr
from service.heights import Heights, open_heights
from service.index_localizer import IndexLocalizer
from service.localizer import localize
from service.query import CameraHints, Query, make_prior
from service.responses import localize_response
from service.settings import Settings

Floats = NDArray[np.float64]

FOV_DEG, SIZE_PX = 90.0, (640, 480)
GPS_SIGMA_M, R68_OF_SIGMA = 15.0, 1.5096
GRAVITY_SIGMA_DEG, TILT_DEG, ROLL_DEG = 1.0, 12.0, 8.0
CAMERA_M, UNDULATION_M, DEM_SIGMA_M, DEM_PIXEL_M = 1.5, 48.0, 0.3, 2.0
CHI_SQUARED_95 = 7.814728
"""95 % of a three-dimensional Gaussian lie within this squared Mahalanobis distance."""


@dataclass(frozen=True, slots=True)
class Off:
    """One pose against the truth."""

    horizontal_m: float
    vertical_m: float
    yaw_deg: float
    turn_deg: float
    """Angle of the one rotation that leads to the true orientation."""
    chi_squared: float


def hills_m(east_m: ArrayLike, north_m: ArrayLike) -> Floats:
    """Heights above the geoid, with slopes up to a sixth."""
    east, north = np.asarray(east_m, dtype=np.float64), np.asarray(north_m, dtype=np.float64)
    return np.asarray(400.0 + 8.0 * np.sin(east / 80.0) + 6.0 * np.cos(north / 70.0))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=4711)
    parser.add_argument("--places", type=int, default=40)
    parser.add_argument("--photos", type=int, default=3, help="Of each place.")
    parser.add_argument("--extent", type=float, default=600.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), options.seed, options.places, options.photos, options.extent)


def _measure(folder: Path, seed: int, places: int, photos: int, extent_m: float) -> None:
    rng = np.random.default_rng(seed)
    city = write_sample_city(folder / "city", seed, extent_m, 2, places, ground_resolution_m=0.5)
    encoder = OnnxEncoder(open_model_bundle(default_bundle_path()))
    view = encoder.manifest.aerial
    source = open_source([city / "ortho.tif"], footprint_m=view.footprint_m, size_px=view.size_px, cells=view.cells)
    build_index(source, encoder, folder / "index", name="city")
    localizer = IndexLocalizer(encoder, Searcher(open_index(folder / "index", encoder)))
    pairs = [pair for pair in read_pairs(city / "pairs.csv") if pair.fov_deg is None and pair.position is not None]
    lat0, lon0 = pairs[0].position or (0.0, 0.0)
    heights = _raster(folder / "dem.tif", lat0, lon0, 2 * extent_m, rng)
    found = [_pose(localizer, heights, pair, (lat0, lon0), rng) for pair in pairs for _ in range(photos)]
    heights.close()
    _report([off for off in found if off is not None], len(found))


def _raster(path: Path, lat0: float, lon0: float, half_m: float, rng: np.random.Generator) -> Heights:
    """Write the hills around a place, in degrees, with errors that do not know each other, and open them."""
    size = int(2 * half_m / DEM_PIXEL_M)
    east, north = (np.arange(size) + 0.5) * DEM_PIXEL_M - half_m, half_m - (np.arange(size) + 0.5) * DEM_PIXEL_M
    heights = hills_m(east[None, :], north[:, None]) + rng.normal(0, DEM_SIGMA_M, (size, size))
    per_lat, per_lon = (float(v) for v in metres_per_degree(lat0))
    step = Affine(DEM_PIXEL_M / per_lon, 0, lon0 - half_m / per_lon, 0, -DEM_PIXEL_M / per_lat, lat0 + half_m / per_lat)
    profile = {"driver": "GTiff", "width": size, "height": size, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(path, "w", transform=step, tiled=True, **profile) as target:
        target.write(heights.astype(np.float32), 1)
    settings = Settings(dem_file=path, geoid_undulation_m=UNDULATION_M, camera_height_m=CAMERA_M)
    opened = open_heights(settings)
    assert opened is not None
    return opened


def _pose(
    localizer: IndexLocalizer, heights: Heights, pair: Pair, origin: tuple[float, float], rng: np.random.Generator
) -> Off | None:
    """Take one photo, have it located, and hold the pose against the truth; None where none was told."""
    lat, lon = pair.position or (0.0, 0.0)
    heading, pitch, roll = rng.uniform(0, 360), rng.uniform(-TILT_DEG, TILT_DEG), rng.uniform(-ROLL_DEG, ROLL_DEG)
    true = matrix_of_ypr(yaw_of_heading(heading), -pitch, roll)
    north_m, east_m = (float(v) for v in metres_per_degree(lat))
    off = rng.normal(0, GPS_SIGMA_M, 2)
    prior = make_prior(lat + off[0] / north_m, lon + off[1] / east_m, GPS_SIGMA_M * R68_OF_SIGMA, 68.0, None)
    tilt = rng.normal(0, GRAVITY_SIGMA_DEG, 2)
    camera = CameraHints(FOV_DEG, "perspective", pitch_deg=pitch + tilt[0], roll_deg=roll + tilt[1])
    photo = _photo(np.asarray(Image.open(pair.ground).convert("RGB")), (pair.heading_deg or 0.0), true)
    answer, seconds = localize(localizer, photo, Query(prior=prior, camera=camera))
    pose = posed(localize_response(answer, "bench", seconds), camera, "basic-ypr", heights, DEM_SIGMA_M)
    if not isinstance(pose, GeoPoseBasicYpr) or pose.position is None or not pose.skyfix.complete:
        return None
    assert pose.angles is not None
    ground = float(hills_m(*enu_m(lat, lon, *origin)))
    apart = enu_of_geodetic(
        pose.position.lat, pose.position.lon, pose.position.h or 0.0, lat, lon, ground + UNDULATION_M + CAMERA_M
    )
    yaw, tilted, rolled = pose.angles.yaw or 0.0, pose.angles.pitch or 0.0, pose.angles.roll or 0.0
    turn = np.arccos(np.clip((np.trace(true.T @ matrix_of_ypr(yaw, tilted, rolled)) - 1) / 2, -1, 1))
    yaw_off = abs((yaw - float(yaw_of_heading(heading)) + 180.0) % 360.0 - 180.0)
    covariance = np.array(pose.skyfix.covariance_enu_m2, dtype=np.float64)
    chi = float(apart @ np.linalg.solve(covariance, apart))
    return Off(float(np.hypot(*apart[:2])), abs(float(apart[2])), yaw_off, float(np.degrees(turn)), chi)


def _photo(panorama: NDArray[np.uint8], panorama_heading_deg: float, body: Floats) -> bytes:
    """Cut what a pinhole camera of an orientation sees out of an equirectangular panorama; nearest pixels."""
    width, height = SIZE_PX
    focal = width / 2 / np.tan(np.radians(FOV_DEG / 2))
    column, row = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    rays = np.stack([column, row, np.full(column.shape, focal)], axis=-1) @ (body @ BODY_FROM_CAMERA).T
    azimuth = np.degrees(np.arctan2(rays[..., 0], rays[..., 1])) - panorama_heading_deg
    elevation = np.degrees(np.arctan2(rays[..., 2], np.hypot(rays[..., 0], rays[..., 1])))
    per_deg = panorama.shape[1] / 360.0
    x = np.floor((azimuth * per_deg + panorama.shape[1] / 2) % panorama.shape[1]).astype(int) % panorama.shape[1]
    y = np.clip(np.floor(panorama.shape[0] / 2 - elevation * per_deg), 0, panorama.shape[0] - 1).astype(int)
    stream = io.BytesIO()
    Image.fromarray(panorama[y, x]).save(stream, "JPEG", quality=92)
    return stream.getvalue()


def _report(offs: list[Off], asked: int) -> None:
    print(f"{len(offs)} of {asked} photos have a pose: the others' status is not localized.")
    for name, unit in (("horizontal_m", "m"), ("vertical_m", "m"), ("yaw_deg", "deg"), ("turn_deg", "deg")):
        values = np.array([getattr(off, name) for off in offs])
        median, most = np.quantile(values, [0.5, 0.95])
        print(f"{name.rpartition('_')[0]}: median {median:.2f} {unit}, 95 % within {most:.2f} {unit}")
    inside = np.array([off.chi_squared <= CHI_SQUARED_95 for off in offs])
    print(f"the 95 % ellipsoid of the covariance holds {inside.mean():.1%}")


if __name__ == "__main__":
    main()
