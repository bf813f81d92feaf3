"""How much of a bare ONNX Runtime loop's throughput is left to the index job, from a GeoTIFF and from JPEG tiles.

    python -m benchmarks.index_job
    python -m benchmarks.index_job --bundle DIR --extent-m 400 --rounds 5

The bare loop runs over the same tiles, prepared and in memory, with the runs at once that were measured to be fastest;
the job does all of it: decode, cut, prepare, digest, describe, write shards, publish. Rounds alternate, medians count.
Milliseconds are of CPU time, which other work on the machine lengthens less than it does seconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy is loaded

import morecantile
import numpy as np
import onnxruntime as ort
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import Resampling
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT

from index.build import build_index
from index.describer import cores
from index.gathering import Progress
from index.job import Run
from index.producer import Prepared, describe_all, prepare
from index.sources.opening import open_source
from index.tiles import TileSource
from models.bundle import ModelBundle, default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder
from models.sample_city import write_sample_city

STRIDE_M = 16.0
ZOOM, SIDE_PX = 19, 256


class Cost(NamedTuple):
    seconds: float
    describing_s: float
    """Without opening the index folder, putting together and publishing."""
    cpu_s: float
    tiles: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=default_bundle_path(), help="model bundle")
    parser.add_argument("--extent-m", type=float, default=260.0, help="side of the imagery")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    model = open_model_bundle(given.bundle)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        city = write_sample_city(folder / "city", seed=7, extent_m=given.extent_m, photos=1, panoramas=1)
        write_jpeg_tiles(city / "ortho.tif", folder / "xyz")
        sources = {
            "GeoTIFF": open_tiles(city / "ortho.tif", model),
            "JPEG tiles in XYZ": open_tiles(folder / "xyz", model),
        }
        _compare(model, sources, folder, given.rounds)


def _compare(model: ModelBundle, sources: dict[str, TileSource], folder: Path, rounds: int) -> None:
    encoder = OnnxEncoder(model, views=("aerial",))
    inputs = inputs_of(sources["GeoTIFF"], model)
    session = open_bare(model)
    tried = range(1, cores() + 1)
    bare_loop(session, inputs[:8], cores())
    workers = min(tried, key=lambda runs: bare_loop(session, inputs, runs).seconds)
    bare: list[Cost] = []
    jobs: dict[str, list[Cost]] = {name: [] for name in sources}
    for turn in range(rounds):
        bare.append(bare_loop(session, inputs, workers))
        for name, source in sources.items():
            jobs[name].append(job(source, encoder, folder / f"{turn}{name[0]}", workers))
    alone = statistics.median(cost.seconds for cost in bare) / len(inputs)
    alone_cpu_ms = 1000 * statistics.median(cost.cpu_s for cost in bare) / len(inputs)
    print(f"bare loop, {workers} runs at once: {1 / alone:.1f} tiles/s, {alone_cpu_ms:.1f} ms of CPU a tile")
    for name, costs in jobs.items():
        cut_ms, prepare_ms = preparing(sources[name], model)
        count = costs[0].tiles
        whole, describing = (statistics.median(cost[n] for cost in costs) / count for n in (0, 1))
        cpu_ms = 1000 * statistics.median(cost.cpu_s for cost in costs) / count
        print(
            f"{name}, {count} tiles: describing {alone / describing:.3f}, the whole job {alone / whole:.3f} of the "
            f"bare loop's tiles/s; {cpu_ms:.1f} ms of CPU a tile in all, {alone_cpu_ms / cpu_ms:.3f}. "
            f"Decoding and cutting {cut_ms:.2f} ms and "
            f"preparing {prepare_ms:.2f} ms take from the encoder where all cores are busy: at most "
            f"{alone_cpu_ms / (alone_cpu_ms + cut_ms + prepare_ms):.3f}"
        )


def open_tiles(path: Path, model: ModelBundle) -> TileSource:
    view = model.manifest.aerial
    cells = view.cells_over(view.footprint_m)
    return open_source([path], footprint_m=view.footprint_m, size_px=view.size_px, cells=cells, stride_m=STRIDE_M)


def inputs_of(source: TileSource, model: ModelBundle) -> list[NDArray[np.float32]]:
    """The good tiles of a source, ready for the network: (1, 3, S, S) each."""
    view = model.manifest.aerial
    found = (prepare(number, tile, view, describe_all) for number, tile in enumerate(source))
    return [item.pixels[None] for item in found if isinstance(item, Prepared)]


def open_bare(model: ModelBundle) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(str(model.aerial_path), sess_options=options, providers=["CPUExecutionProvider"])


def bare_loop(session: ort.InferenceSession, inputs: list[NDArray[np.float32]], workers: int) -> Cost:
    with ThreadPoolExecutor(workers) as pool:
        started, cpu = time.perf_counter(), time.process_time()
        for _ in pool.map(lambda pixels: session.run(["embedding"], {"pixels": pixels}), inputs):
            pass
        seconds = time.perf_counter() - started
    return Cost(seconds, seconds, time.process_time() - cpu, len(inputs))


def job(source: TileSource, encoder: OnnxEncoder, out: Path, workers: int) -> Cost:
    seen: list[float] = []

    def note(_: Progress) -> None:
        seen.append(time.perf_counter())

    started, cpu = time.perf_counter(), time.process_time()
    report = build_index(source, encoder, out, name="bench", run=Run(workers=workers, on_progress=note))
    return Cost(time.perf_counter() - started, seen[-1] - seen[0], time.process_time() - cpu, report.count)


def preparing(source: TileSource, model: ModelBundle) -> tuple[float, float]:
    """CPU milliseconds a tile for cutting, and for looking at it, its digest and the network's input; in one thread."""
    started = time.process_time()
    tiles = list(source)
    between = time.process_time()
    for number, tile in enumerate(tiles):
        prepare(number, tile, model.manifest.aerial, describe_all)
    ended = time.process_time()
    return 1000 * (between - started) / len(tiles), 1000 * (ended - between) / len(tiles)


def write_jpeg_tiles(ortho: Path, folder: Path) -> None:
    """Warp a raster to a web map's tiles, as a tile server would give them out."""
    matrix = morecantile.tms.get("WebMercatorQuad")
    with rasterio.open(ortho) as raster, WarpedVRT(raster, crs="EPSG:4326") as degrees:
        box = degrees.bounds
    for tile in matrix.tiles(box.left, box.bottom, box.right, box.top, [ZOOM]):
        edges = matrix.xy_bounds(tile)
        transform = from_bounds(*edges, SIDE_PX, SIDE_PX)
        options = {"crs": "EPSG:3857", "transform": transform, "width": SIDE_PX, "height": SIDE_PX}
        with rasterio.open(ortho) as raster, WarpedVRT(raster, resampling=Resampling.bilinear, **options) as warped:
            pixels = warped.read([1, 2, 3])
        path = folder / str(tile.z) / str(tile.x) / f"{tile.y}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(path, quality=90)


if __name__ == "__main__":
    main()
