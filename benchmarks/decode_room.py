"""What decoding in processes of their own costs beside decoding in a thread: `python -m benchmarks.decode_room`.

One 12 MP photo at a time through each room, in turns, and the time that workers need to be there. The overhead is what
pickling, sockets and scheduling add to a photo; it is told in milliseconds and as a share.
"""

from __future__ import annotations

import argparse
import io
import time
from statistics import median

import numpy as np
from PIL import Image

from models.bundle import default_bundle_path, open_model_bundle
from models.image import ImageLimits
from service.query import Query
from service.recipe import Recipe
from service.room.child import Child, Job


def photo_of(megapixels: float) -> bytes:
    """A JPEG with the detail of a phone's: large shapes under noise, about 0.25 bytes a pixel."""
    rng = np.random.default_rng(0)
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = height * 4 // 3
    shapes = Image.fromarray(rng.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8))
    large = np.asarray(shapes.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)
    noisy = np.clip(large + rng.normal(0, 6, large.shape).astype(np.float32), 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noisy).save(stream, "JPEG", quality=88)
    return stream.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--megapixels", type=float, default=12.0)
    arguments = parser.parse_args()
    manifest = open_model_bundle(default_bundle_path()).manifest
    recipe, photo = Recipe(manifest.ground, manifest.embedding, ImageLimits()), photo_of(arguments.megapixels)
    job, here, there = Job(recipe, Query(), photo), [], []
    started = time.perf_counter()
    child = Child(2 << 30)
    assert child.wait_until_started(30)
    start_s = time.perf_counter() - started
    for _ in range(arguments.rounds):
        before = time.perf_counter()
        recipe.prepare(recipe.decode(photo), Query())
        between = time.perf_counter()
        child.make_ready(job, 30.0)
        here.append(between - before)
        there.append(time.perf_counter() - between)
    child.kill()
    extra = [beyond - own for beyond, own in zip(there, here, strict=True)]
    print(
        f"photo: {arguments.megapixels:g} MP, {len(photo) / 1e6:.1f} MB; a worker is there after {start_s * 1e3:.0f} ms"
    )
    print(f"in a thread {median(here) * 1e3:.1f} ms, in a process {median(there) * 1e3:.1f} ms")
    print(f"overhead {median(extra) * 1e3:.2f} ms, {median(there) / median(here) - 1:+.1%}")


if __name__ == "__main__":
    main()
