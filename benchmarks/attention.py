"""What the second output `attention` costs a transformer's network: when it is not asked for, and when it is.

    python -m benchmarks.attention
    python -m benchmarks.attention --config transgeo-vigor-same

One photo a run, one thread; rounds alternate, medians count. Time does not depend on the weights, which are random.
Says too whether the description has the same bytes as without the second output.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy is loaded

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from torch import Tensor

from models.encoder import ATTENTION
from models.exporting.graph import export_view, sample_pixels
from models.networks.network import Network
from models.training.config import draft_manifest, load_config
from models.training.model import build_network

ROUNDS = 25
Run = Callable[[], list[NDArray[np.float32]]]


class Before(Network):
    """A network as it was exported before it told where it looks."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def ground(self, pixels: Tensor) -> Tensor:
        return self.network.ground(pixels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="transgeo-cvusa", help="training configuration of the network")
    given = parser.parse_args()
    config = load_config(given.config)
    network, view = build_network(config, pretrained=False).eval(), draft_manifest(config, {}).ground
    pixels = sample_pixels(view, 1).numpy()
    with tempfile.TemporaryDirectory() as name:
        before, after = Path(name) / "before.onnx", Path(name) / "after.onnx"
        export_view(Before(network).eval(), "ground", view, before)
        export_view(network, "ground", view, after)
        sizes = [path.stat().st_size for path in (before, after)]
        old, new = _open(before), _open(after)
    asked_only = ort.RunOptions()
    asked_only.only_execute_path_to_fetches = True
    feed = {"pixels": pixels}
    ways: dict[str, Run] = {
        "without the output": lambda: old.run(["embedding"], feed),
        "with it, not asked for": lambda: new.run(["embedding"], feed, asked_only),
        "with it, asked for": lambda: new.run(["embedding", ATTENTION], feed, asked_only),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS + 2):
        for name, run in ways.items():
            started = time.perf_counter()
            run()
            if turn >= 2:
                times[name].append(1000 * (time.perf_counter() - started))
    first = statistics.median(times["without the output"])
    same = all(np.array_equal(run()[0], old.run(["embedding"], feed)[0]) for run in ways.values())
    print(f"{given.config}, ground, random weights; {sizes[1] - sizes[0]} bytes more on disk; same bytes: {same}")
    for name, kept in times.items():
        print(f"{name}: {statistics.median(kept):.1f} ms a photo ({statistics.median(kept) / first:.3f})")


def _open(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    main()
