"""How far answers are off with a GPS fix of 30 m and without one: `python -m benchmarks.gps_prior`.

A sample city is rendered and indexed; every picture is located twice by the program's own localizer, its heading never
given, once with a prior drawn around the true place.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from index.build import build_index
from index.bundle import open_index
from index.search import Searcher
from index.sources.opening import open_source
from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder
from models.geo import distance_m, metres_per_degree
from models.pairs import read_pairs
from models.sample_city import write_sample_city
from service.index_localizer import IndexLocalizer
from service.localizer import localize
from service.query import CameraHints, Prior, Query, make_prior

SIGMA_M = 30.0
R68_OF_SIGMA = 1.5096
"""Radius that holds 68 % of a round Gaussian, in standard deviations of one axis."""
WIDE_PHOTO_DEG = 75.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--pictures", type=int, default=44, help="Photos, and panoramas.")
    parser.add_argument("--extent", type=float, default=700.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), options.seed, options.pictures, options.extent)


def _measure(folder: Path, seed: int, pictures: int, extent_m: float) -> None:
    city = write_sample_city(folder / "city", seed, extent_m, pictures, pictures, ground_resolution_m=0.5)
    encoder = OnnxEncoder(open_model_bundle(default_bundle_path()))
    view = encoder.manifest.aerial
    source = open_source([city / "ortho.tif"], footprint_m=view.footprint_m, size_px=view.size_px, cells=view.cells)
    build_index(source, encoder, folder / "index", name="city")
    localizer = IndexLocalizer(encoder, Searcher(open_index(folder / "index", encoder)))
    rng = np.random.default_rng(seed)
    errors: dict[str, list[float]] = {}
    for pair in read_pairs(city / "pairs.csv"):
        if pair.lat is None or pair.lon is None:
            continue
        north_m, east_m = (float(length) for length in metres_per_degree(pair.lat))
        off = rng.normal(0, SIGMA_M, 2)
        fix = make_prior(pair.lat + off[0] / north_m, pair.lon + off[1] / east_m, SIGMA_M * R68_OF_SIGMA, 68.0, None)
        for prior in (fix, None):
            kind = f"{_kind(pair.fov_deg)}, {'GPS of 30 m' if prior else 'no GPS'}"
            errors.setdefault(kind, []).append(
                _error_m(localizer, pair.ground, pair.fov_deg, prior, pair.lat, pair.lon)
            )
    for kind, found in sorted(errors.items()):
        off_m = np.array(found)
        print(f"{kind}: {len(off_m)} pictures, median {np.median(off_m):.1f} m, within 25 m {(off_m < 25).mean():.0%}")


def _kind(fov_deg: float | None) -> str:
    if fov_deg is None:
        return "panorama"
    return "photo of 75 to 90 degrees" if fov_deg > WIDE_PHOTO_DEG else "photo of 60 to 75 degrees"


def _error_m(
    localizer: IndexLocalizer, photo: Path, fov_deg: float | None, prior: Prior | None, lat: float, lon: float
) -> float:
    hints = CameraHints(fov_deg=fov_deg, projection="panorama" if fov_deg is None else "perspective")
    answer, _ = localize(localizer, photo.read_bytes(), Query(prior=prior, camera=hints))
    best = answer.candidates[0]
    return float(distance_m(best.lat, best.lon, lat, lon))


if __name__ == "__main__":
    main()
