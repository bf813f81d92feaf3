"""What a twin in the report's aliasing map means for photos: `python -m benchmarks.aliasing`.

    python -m benchmarks.aliasing --city 2101 --extent 960 --places 400

A sample city is indexed every 32 m; the map is made of the tiles that photos are taken in, and the photos are located
without a prior. A photo is lost when its best position is farther away than the map's far tiles are at least.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.made_index import write_index
from index.bundle import Index, open_index
from index.report.aliasing import find_twins
from index.report.verdict import judge
from index.report_command import FAR_M, FOVS_DEG
from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.gallery import Gallery
from models.evaluation.photographs import Setting
from models.evaluation.scoring import score
from models.geo import offset

STRIDE_M = 32.0
Bools = NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--city", type=int, default=2101)
    parser.add_argument("--extent", type=float, default=960.0)
    parser.add_argument("--places", type=int, default=400)
    parser.add_argument(
        "--fov", type=float, action="append", help="degrees; repeat for more [default: those of the map]"
    )
    given = parser.parse_args()
    model = open_model_bundle(default_bundle_path())
    encoder = OnnxEncoder(model)
    far_m = max(FAR_M, encoder.manifest.aerial.footprint_m)
    city = CityBenchmark.render(given.city, given.places, given.extent)
    gallery = city.grid(encoder, STRIDE_M)
    with tempfile.TemporaryDirectory() as folder:
        index, numbers = _index(Path(folder) / "city", gallery, encoder)
        print(f"city {given.city}: {len(gallery):,} tiles, {len(city.x_m)} places, far is more than {far_m:g} m")
        print("| view | tiles | share of places | photos lost | heading given |\n|---|---|---:|---:|---:|")
        for fov_deg in given.fov or FOVS_DEG:
            _compare(index, numbers, city, gallery, encoder, fov_deg, far_m)


def _index(root: Path, gallery: Gallery, encoder: OnnxEncoder) -> tuple[Index, NDArray[np.int64]]:
    """Publish a gallery; give the index, and the gallery's number of each of its rows."""
    manifest = encoder.manifest
    lat, lon = offset(48.0, 9.0, gallery.x_m, gallery.y_m)
    rows = gallery.rows.astype(np.float16)
    write_index(
        root, lat, lon, rows, np.arange(len(gallery)),
        stride_m=STRIDE_M, embedding=manifest.embedding, cells=manifest.aerial.cells,
    )  # fmt: skip
    index = open_index(root)
    away = np.abs(index.tiles.lat[:, None] - lat) + np.abs(index.tiles.lon[:, None] - lon)
    return index, away.argmin(axis=1)


def _compare(
    index: Index,
    numbers: NDArray[np.int64],
    city: CityBenchmark,
    gallery: Gallery,
    encoder: OnnxEncoder,
    fov_deg: float,
    far_m: float,
) -> None:
    row_of = np.empty(len(numbers), np.int64)
    row_of[numbers] = np.arange(len(numbers))
    nearest = np.hypot(gallery.x_m - city.x_m[:, None], gallery.y_m - city.y_m[:, None]).argmin(axis=1)
    rows, place = np.unique(row_of[nearest], return_inverse=True)
    judged = judge(find_twins(index, rows, far_m, fov_deg))
    lost = [_lost(city, gallery, encoder, Setting(fov_deg, known), far_m) for known in ("unknown", "known")]
    kinds = {"twin": judged.is_twin, "close": judged.is_close, "neither": ~(judged.is_twin | judged.is_close)}
    for name, mine in {**kinds, "all": np.ones(len(rows), np.bool_)}.items():
        of_kind = mine[place]
        shares = [f"{_share(one, of_kind):.1%}" for one in lost]
        print(f"| {fov_deg:g}° | {name} | {of_kind.mean():.1%} | {' | '.join(shares)} |")


def _share(lost: Bools, chosen: Bools) -> float:
    return float(lost[chosen].mean()) if chosen.any() else float("nan")


def _lost(city: CityBenchmark, gallery: Gallery, encoder: OnnxEncoder, setting: Setting, far_m: float) -> Bools:
    scores = score(city.describe(encoder, setting), gallery.rows)
    best = scores.similarity.argmax(axis=1)
    x, y = gallery.position_m(best, scores.cell[np.arange(len(best)), best])
    return np.asarray(np.hypot(x - city.x_m, y - city.y_m) > far_m)


if __name__ == "__main__":
    main()
