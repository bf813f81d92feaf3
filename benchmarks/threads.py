"""How to share the cores among runs of the network: many of one thread each, or few of several.

    python -m benchmarks.threads [--bundle DIR] [--seconds 4]

The service's rule is one thread a run and as many runs at once as cores (`service.sizes`). Every way is measured in
turns over decoded photos, each thread asking again at once: photos a second, and the median time of one.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle import ModelBundle, default_bundle_path, open_model_bundle
from models.camera import Camera
from models.encoder import OnnxEncoder
from models.preprocess import ground_input
from service.sizes import available_cores

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=default_bundle_path())
    parser.add_argument("--seconds", type=float, default=4.0, help="of each way, in each of 3 rounds")
    given = parser.parse_args()
    bundle, cores = open_model_bundle(given.bundle), available_cores()
    pixels = _photo(bundle)
    ways = [(runs, threads) for runs in _halved(2 * cores) for threads in _halved(cores) if runs * threads <= 2 * cores]
    encoders = {threads: OnnxEncoder(bundle, threads=threads, views=("ground",)) for threads in _halved(cores)}
    found: dict[tuple[int, int], list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for runs, threads in ways:
            found[runs, threads].append(_measured(encoders[threads], pixels, runs, given.seconds))
    best = max(statistics.median(each for each, _ in rates) for rates in found.values())
    print(f"{bundle.manifest.title} on {cores} cores; the service runs {cores} x 1")
    for (runs, threads), rates in found.items():
        rate = statistics.median(each for each, _ in rates)
        one_ms = statistics.median(each for _, each in rates)
        print(f"{runs:3d} runs x {threads} threads: {rate:7.1f} photos/s ({rate / best:.2f}), one in {one_ms:.1f} ms")


def _halved(most: int) -> list[int]:
    """1, 2, 4 … up to `most`, which is always among them."""
    return sorted({most, *(1 << power for power in range(most.bit_length()) if 1 << power <= most)})


def _photo(bundle: ModelBundle) -> NDArray[np.float32]:
    noise = np.random.default_rng(0).integers(0, 256, (768, 1024, 3), dtype=np.uint8)
    return ground_input(noise, Camera("perspective", 70.0), bundle.manifest.ground, bundle.manifest.embedding).pixels[
        None
    ]


def _measured(encoder: OnnxEncoder, pixels: NDArray[np.float32], runs: int, seconds: float) -> tuple[float, float]:
    """Photos a second and the median milliseconds of one, from so many threads that ask."""
    times, until = list[float](), time.perf_counter() + seconds

    def ask() -> None:
        while (began := time.perf_counter()) < until:
            encoder.ground(pixels)
            times.append(1000 * (time.perf_counter() - began))

    threads = [threading.Thread(target=ask) for _ in range(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(times) / seconds, statistics.median(times)


if __name__ == "__main__":
    main()
