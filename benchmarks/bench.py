"""What a photo, a tile and a search cost here, each beside the thing it is to be compared with, in one run.

    make bench

Ratios are measured side by side and travel between machines; milliseconds do not.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from index.build import build_index
from index.bundle import open_index
from index.search import Searcher
from index.sources.opening import open_source
from models.bundle import default_bundle_path, open_model_bundle
from models.camera import Camera
from models.columns import shifts
from models.encoder import OnnxEncoder
from models.image import decode_photo
from models.preprocess import ground_input
from models.sample_city import write_sample_city
from service.index_localizer import IndexLocalizer
from service.query import CameraHints, Query

ROUNDS = 15
BATCH = 16


def milliseconds(*works: Callable[[], object]) -> list[float]:
    """Median milliseconds of each work; rounds are interleaved, so that noise falls on all alike."""
    times: list[list[float]] = [[] for _ in works]
    for turn in range(ROUNDS + 1):
        for work, kept in zip(works, times, strict=True):
            started = time.perf_counter()
            work()
            if turn:
                kept.append((time.perf_counter() - started) * 1000)
    return [statistics.median(kept) for kept in times]


def main() -> None:
    encoder = OnnxEncoder(open_model_bundle(default_bundle_path()))
    view, layout = encoder.manifest.ground, encoder.manifest.embedding
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    panorama = ground_input(noise[:1000], Camera("panorama", 360.0), view, layout).pixels[None]
    narrow = ground_input(noise, Camera("perspective", 90.0), view, layout).pixels[None]
    size = encoder.manifest.aerial.size_px
    tile = np.random.default_rng(1).standard_normal((1, 3, size, size)).astype(np.float32)
    whole, part, above = milliseconds(
        lambda: encoder.ground(panorama), lambda: encoder.ground(narrow), lambda: encoder.aerial(tile)
    )
    print(f"one thread: panorama {whole:.1f} ms, 90° photo {part:.1f} ms ({part / whole:.2f}), tile {above:.1f} ms")
    many = np.repeat(tile, BATCH, axis=0)
    single, batched = milliseconds(lambda: [encoder.aerial(tile) for _ in range(BATCH)], lambda: encoder.aerial(many))
    print(f"tiles one a run: {batched / single:.2f} times as fast as in batches of {BATCH}")
    with tempfile.TemporaryDirectory() as folder:
        _searches(encoder, Path(folder))


def _searches(encoder: OnnxEncoder, folder: Path) -> None:
    city = write_sample_city(folder / "city", seed=7, extent_m=300.0, photos=1, panoramas=1)
    view = encoder.manifest.aerial
    source = open_source([city / "ortho.tif"], footprint_m=view.footprint_m, size_px=view.size_px, stride_m=16.0)
    build_index(source, encoder, folder / "index", name="bench")
    searcher = Searcher(open_index(folder / "index", encoder))
    _answers(encoder, IndexLocalizer(encoder, searcher), searcher, _large_jpeg(city))


def _large_jpeg(city: Path) -> bytes:
    stream = io.BytesIO()
    with Image.open(next((city / "photos").glob("*.jpg"))) as photo:
        photo.resize((4000, 3000)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _answers(encoder: OnnxEncoder, localizer: IndexLocalizer, searcher: Searcher, data: bytes) -> None:
    query = Query(camera=CameraHints(fov_deg=90.0))

    def answer() -> None:
        prepared = localizer.prepare(localizer.decode(data), query)
        localizer.search(query, prepared, localizer.describe(prepared))

    photo = localizer.decode(data)
    ready = localizer.prepare(photo, query)
    full, scaled, undrafted, bare = milliseconds(
        answer,
        lambda: localizer.decode(data),
        lambda: decode_photo(data, long_side_px=4000),
        lambda: encoder.ground(ready.ground.pixels[None]),
    )
    print(
        f"12 MP photo: {full:.0f} ms in all, of which decoding {scaled:.0f} ms ({undrafted / scaled:.1f} x faster "
        f"than at full size) and the encoder {bare:.1f} ms"
    )
    layout = encoder.manifest.embedding
    columns = np.random.default_rng(2).standard_normal((layout.columns, layout.channels)).astype(np.float32)
    queries = shifts(columns, layout.columns, layout.turns)
    one, turned = milliseconds(lambda: searcher.search(queries[:1], 5), lambda: searcher.search(queries, 5))
    print(f"global search: heading known {one:.2f} ms, unknown ({len(queries)} headings) {turned:.2f} ms")


if __name__ == "__main__":
    main()
