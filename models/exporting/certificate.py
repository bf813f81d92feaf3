"""What is lost between torch in float32 and the files that are served, measured on pictures rather than promised."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import ModelBundle, ModelManifest, identity
from models.camera import GroundInput
from models.columns import mean_cosine_scale, shifts
from models.encoder import Encoder, OnnxEncoder
from models.networks.network import Network
from models.provenance import Certificate, Comparison, Precision

Float32s = NDArray[np.float32]
TIMED = 15
"""Pictures of each view whose time is taken."""
WARM_UP = 2
Threads = Literal["one", "many"]
CPUINFO = Path("/proc/cpuinfo")
BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


@dataclass(frozen=True, slots=True)
class Sample:
    """Pictures that are ready for a model's networks."""

    text: str
    """What they are, for the certificate."""
    photos: list[GroundInput]
    tiles: list[Float32s]
    """(3, size_px, size_px) each."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way of running the networks; `open` makes an encoder of one thread, or of as many as it likes."""

    precision: Precision
    runtime: Literal["onnxruntime", "torch"]
    size_bytes: int
    open: Callable[[Threads], Encoder]


@dataclass(frozen=True, slots=True)
class Described:
    """What an encoder makes of a sample."""

    ground: list[Float32s]
    """(w, E) for each photo."""
    aerial: Float32s
    """(N, C, W * E)."""
    best: NDArray[np.int64]
    """(Q,) tile most similar to each photo at the best allowed shift; the first of equals."""


@dataclass(frozen=True, slots=True)
class Measured:
    row: Comparison
    ground_difference: float
    """Largest absolute difference from the reference."""
    aerial_difference: float


class TorchDescriber:
    """Implements `models.encoder.Encoder` with a network in torch on the CPU.

    Args:
        network: in evaluation mode.
        manifest: of the bundle that was exported from it.
        threads: "many" leaves torch as it is set, by OMP_NUM_THREADS for example.
        half: let torch compute in bfloat16 where it sees fit.
    """

    provider = "torch"

    def __init__(
        self, network: Network, manifest: ModelManifest, threads: Threads = "many", *, half: bool = False
    ) -> None:
        self.manifest, self.sha256 = manifest, identity(manifest)
        self._network, self._threads, self._half = network.eval(), threads, half

    def ground(self, pixels: Float32s) -> Float32s:
        return self._run(self._network.ground, pixels)

    def aerial(self, pixels: Float32s) -> Float32s:
        return self._run(self._network.aerial, pixels).reshape(len(pixels), -1, self.manifest.embedding.size)

    def _run(self, encode: Callable[[torch.Tensor], torch.Tensor], pixels: Float32s) -> Float32s:
        threads = 1 if self._threads == "one" else torch.get_num_threads()
        with _torch_threads(threads), torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, self._half):
            out: Float32s = encode(torch.from_numpy(pixels)).float().numpy()
        return out


def torch_candidates(network: Network, manifest: ModelManifest) -> list[Candidate]:
    """Torch in float32 and, where this processor multiplies in bfloat16, in that."""
    size = sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
    candidates = [Candidate("fp32", "torch", size, lambda n: TorchDescriber(network, manifest, n))]
    if has_bf16():
        candidates.append(Candidate("bf16", "torch", size, lambda n: TorchDescriber(network, manifest, n, half=True)))
    return candidates


def onnx_candidate(bundle: ModelBundle) -> Candidate:
    size = sum(path.stat().st_size for path in (bundle.ground_path, bundle.aerial_path))
    counts: dict[Threads, int] = {"one": 1, "many": _processors()}
    return Candidate(bundle.manifest.precision, "onnxruntime", size, lambda n: OnnxEncoder(bundle, threads=counts[n]))


def certify(sample: Sample, candidates: Sequence[Candidate]) -> tuple[Certificate, list[Measured]]:
    """Hold every candidate against the first.

    All describe the whole sample on many threads; the time of one picture is then taken on one.

    Args:
        sample: pictures, ready.
        candidates: the reference, in float32, then the others.

    Returns:
        The certificate and, in the order of the candidates, its rows with what is not printed there.
    """
    found = [describe(candidate.open("many"), sample) for candidate in candidates]
    measured = [_measure(*pair, found[0], sample) for pair in zip(candidates, found, strict=True)]
    certificate = Certificate(
        reference="torch fp32" if candidates[0].runtime == "torch" else "onnxruntime fp32",
        sample=sample.text,
        queries=len(sample.photos),
        gallery=len(sample.tiles),
        cpu=cpu_name(),
        rows=tuple(found.row for found in measured),
    )
    return certificate, measured


def describe(encoder: Encoder, sample: Sample) -> Described:
    """Describe every photo and tile, one at a time, and say which tile each photo is taken for."""
    aerial = np.concatenate([encoder.aerial(tile[None]) for tile in sample.tiles])
    ground = [encoder.ground(photo.pixels[None])[0] for photo in sample.photos]
    total, centres = encoder.manifest.embedding.columns, aerial[:, encoder.manifest.aerial.middle_cell]
    best = []
    for columns, photo in zip(ground, sample.photos, strict=True):
        products = shifts(columns, total, photo.firsts) @ centres.T * mean_cosine_scale(len(columns), total)
        best.append(int(products.max(axis=0).argmax()))
    return Described(ground, aerial, np.array(best))


def _measure(candidate: Candidate, found: Described, reference: Described, sample: Sample) -> Measured:
    alone = candidate.open("one")
    row = Comparison(
        precision=candidate.precision,
        runtime=candidate.runtime,
        ground_cosine=min(_cosine(a, b) for a, b in zip(found.ground, reference.ground, strict=True)),
        aerial_cosine=min(_cosine(a, b) for a, b in zip(found.aerial, reference.aerial, strict=True)),
        top_1_agreement=float((found.best == reference.best).mean()),
        ground_ms=_median_ms(alone.ground, [photo.pixels for photo in sample.photos]),
        aerial_ms=_median_ms(alone.aerial, sample.tiles),
        size_bytes=candidate.size_bytes,
    )
    apart = max(float(np.abs(a - b).max()) for a, b in zip(found.ground, reference.ground, strict=True))
    return Measured(row, apart, float(np.abs(found.aerial - reference.aerial).max()))


def _cosine(a: Float32s, b: Float32s) -> float:
    x, y = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return min(1.0, max(-1.0, round(float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y))), 9)))


def _median_ms(run: Callable[[Float32s], Float32s], pictures: Sequence[Float32s]) -> float:
    times = []
    for number in range(WARM_UP + min(TIMED, len(pictures))):
        begin = time.perf_counter()
        run(pictures[number % len(pictures)][None])
        times.append(time.perf_counter() - begin)
    return round(1000 * float(np.median(times[WARM_UP:])), 3)


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bf16() -> bool:
    """Say whether the processor multiplies bfloat16 itself; elsewhere torch emulates it, slowly."""
    return bool(BF16_FLAGS & set(_cpuinfo("flags").split()))


def cpu_name() -> str:
    return _cpuinfo("model name")


def _cpuinfo(key: str) -> str:
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")
