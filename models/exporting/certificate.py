"""What is lost between torch in float32 and the files that are served, measured on pictures rather than promised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import ModelBundle, ModelManifest, identity
from models.camera import GroundInput
from models.columns import mean_cosine_scale, shifts
from models.encoder import Encoder, OnnxEncoder
from models.exporting.processor import cpu_name, has_bf16, median_ms, processors
from models.networks.network import Network
from models.provenance import Certificate, Comparison, Precision

Float32s = NDArray[np.float32]
Threads = Literal["one", "many"]


@dataclass(frozen=True, slots=True)
class Sample:
    """Pictures that are ready for a model's networks."""

    text: str
    """What they are, for the certificate."""
    photos: list[GroundInput]
    tiles: list[Float32s]
    """(3, size_px, size_px) each."""
    narrow: list[Float32s] = field(default_factory=list)
    """Photos of 90 degrees, (3, height_px, w) each, whose time is taken too; empty where there can be none."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way of running the networks; `open` makes an encoder of one thread, or of as many as it likes."""

    precision: Precision
    runtime: Literal["onnxruntime", "torch"]
    size_bytes: int
    open: Callable[[Threads], Encoder]
    view_bytes: tuple[int, int] | None = None
    """Of ground.onnx and aerial.onnx."""


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
    sizes = bundle.ground_path.stat().st_size, bundle.aerial_path.stat().st_size
    counts: dict[Threads, int] = {"one": 1, "many": processors()}

    def start(threads: Threads) -> Encoder:
        return OnnxEncoder(bundle, threads=counts[threads])

    return Candidate(bundle.manifest.precision, "onnxruntime", sum(sizes), start, sizes)


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
        ground_cosine=min(cosine(a, b) for a, b in zip(found.ground, reference.ground, strict=True)),
        aerial_cosine=min(cosine(a, b) for a, b in zip(found.aerial, reference.aerial, strict=True)),
        top_1_agreement=float((found.best == reference.best).mean()),
        ground_ms=median_ms(alone.ground, [photo.pixels for photo in sample.photos]),
        aerial_ms=median_ms(alone.aerial, sample.tiles),
        size_bytes=candidate.size_bytes,
        photo_90_ms=median_ms(alone.ground, sample.narrow) if sample.narrow else None,
        ground_bytes=candidate.view_bytes[0] if candidate.view_bytes else None,
        aerial_bytes=candidate.view_bytes[1] if candidate.view_bytes else None,
    )
    apart = max(float(np.abs(a - b).max()) for a, b in zip(found.ground, reference.ground, strict=True))
    return Measured(row, apart, float(np.abs(found.aerial - reference.aerial).max()))


def cosine(a: Float32s, b: Float32s) -> float:
    """Cosine of two arrays of one shape, taken as vectors."""
    x, y = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return min(1.0, max(-1.0, round(float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y))), 9)))


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
