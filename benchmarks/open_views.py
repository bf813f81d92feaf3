"""How far a photo sees and whether its place is found: `python -m benchmarks.open_views [--bundle DIR]`.

Places of a sample city, level photos of one field of view, heading unknown, one centred tile a place. How far a photo
sees is the median over its directions of the way to the first building, plant or piece of street furniture.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.photographs import Setting
from models.sample_city import City

Floats = NDArray[np.float64]
TAKEN_CELL_M, STANDS = 0.5, (2, 3)
"""Side of a cell of `City.taken`, and its values where something stands."""
NEAREST_M, FARTHEST_M, STEP_M = 2.0, 200.0, 0.5
EDGES_M = (0.0, 8.0, 15.0, 25.0, 40.0, 60.0, 100.0, FARTHEST_M + 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", type=Path, default=default_bundle_path())
    parser.add_argument("--city", type=int, default=2102)
    parser.add_argument("--places", type=int, default=600)
    parser.add_argument("--extent", type=float, default=900.0)
    parser.add_argument("--fov", type=float, default=90.0)
    options = parser.parse_args()
    bench = CityBenchmark.render(options.city, options.places, options.extent)
    encoder = OnnxEncoder(open_model_bundle(options.bundle))
    similarity = bench.compare(encoder, Setting(options.fov, "unknown")).similarity
    rank = (similarity > similarity.diagonal()[:, None]).sum(1)
    sees_m = free_way_m(bench.city, np.stack([bench.x_m, bench.y_m], axis=1), bench.heading_deg, options.fov)
    print("| sees | photos | R@1 | R@5 | share of the misses |\n|---|---|---|---|---|")
    for low, high in itertools.pairwise(EDGES_M):
        here = (sees_m >= low) & (sees_m < high)
        first, few = (100 * float((rank[here] < k).mean()) if here.any() else float("nan") for k in (1, 5))
        missed = 100 * float((here & (rank > 0)).sum() / max(1, (rank > 0).sum()))
        named = f"{low:g} to {high:g} m" if high < FARTHEST_M else f"{low:g} m and more"
        print(f"| {named} | {here.sum()} | {first:.1f} | {few:.1f} | {missed:.0f} |")
    print(f"| all | {len(rank)} | {100 * (rank < 1).mean():.1f} | {100 * (rank < 5).mean():.1f} | 100 |")


def free_way_m(city: City, xy_m: Floats, heading_deg: Floats, fov_deg: float) -> Floats:
    """Give the median way, (N,), to the first thing that stands, over the directions of photos from xy_m (N, 2)."""
    stands = np.isin(city.taken, STANDS)
    way = np.arange(NEAREST_M, FARTHEST_M, STEP_M)
    median = []
    for (x_m, y_m), heading in zip(xy_m, heading_deg, strict=True):
        azimuth = np.radians(heading + np.linspace(-fov_deg / 2, fov_deg / 2, 45))
        column, row = (
            ((start + city.margin_m + np.outer(turn, way)) / TAKEN_CELL_M).astype(np.int64) % len(stands)
            for start, turn in ((x_m, np.sin(azimuth)), (y_m, np.cos(azimuth)))
        )
        hit = stands[row, column]
        median.append(np.median(np.where(hit.any(1), way[hit.argmax(1)], FARTHEST_M)))
    return np.array(median)


if __name__ == "__main__":
    main()
