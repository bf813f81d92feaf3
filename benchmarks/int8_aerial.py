"""What 8-bit integers make of aerial networks' time: the default bundle's, and a DeiT-S one with random weights.

    python -m benchmarks.int8_aerial
    python -m benchmarks.int8_aerial --config transgeo-vigor-same

One tile a run, one thread; rounds alternate, medians count. Time does not depend on the weights; whether int8 may be
used does, and is the certificate's to say (`skyfix import --precision int8`).
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy is loaded

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.bundle import default_bundle_path, open_model_bundle
from models.exporting.graph import export_view
from models.exporting.quantise import NothingToQuantise, quantise_file
from models.training.config import draft_manifest, load_config
from models.training.model import build_network

ROUNDS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="transgeo-cvusa", help="training configuration of the DeiT-S network")
    given = parser.parse_args()
    model = open_model_bundle(default_bundle_path())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _compare(f"{model.manifest.title}, aerial", model.aerial_path, model.manifest.aerial.size_px, folder / "a.onnx")
        config = load_config(given.config)
        view = draft_manifest(config, {}).aerial
        plain = folder / "deit.onnx"
        export_view(build_network(config, pretrained=False), "aerial", view, plain)
        _compare(f"{given.config}, aerial, random weights", plain, view.size_px, folder / "b.onnx")


def _compare(title: str, plain: Path, size_px: int, target: Path) -> None:
    pixels = np.random.default_rng(0).standard_normal((1, 3, size_px, size_px)).astype(np.float32)
    sessions = [_open(plain)]
    try:
        products = quantise_file(plain, target)
        sessions.append(_open(target))
    except NothingToQuantise as error:
        print(f"{title}: {error}")
    times: list[list[float]] = [[] for _ in sessions]
    for turn in range(ROUNDS + 1):
        for session, kept in zip(sessions, times, strict=True):
            started = time.perf_counter()
            _run(session, pixels)
            if turn:
                kept.append(1000 * (time.perf_counter() - started))
    fp32, *rest = (statistics.median(kept) for kept in times)
    if not rest:
        print(f"{title}: fp32 {fp32:.1f} ms a tile")
        return
    one, other = (_run(session, pixels).ravel() for session in sessions)
    cosine = float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
    print(
        f"{title}: fp32 {fp32:.1f} ms a tile, int8 {rest[0]:.1f} ms ({rest[0] / fp32:.2f}), {products} products in "
        f"integers; {plain.stat().st_size / 1e6:.1f} and {target.stat().st_size / 1e6:.1f} MB; "
        f"cosine {cosine:.4f} on noise"
    )


def _open(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])


def _run(session: ort.InferenceSession, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    (found,) = session.run(["embedding"], {"pixels": pixels})
    return np.asarray(found)


if __name__ == "__main__":
    main()
