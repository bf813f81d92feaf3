from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.bundle import Embedding
from models.camera import GroundInput
from models.encoder import Encoder, FakeEncoder
from models.exporting import processor
from models.exporting.certificate import (
    Candidate,
    Sample,
    Threads,
    TorchDescriber,
    certify,
    describe,
    torch_candidates,
)
from models.networks.network import Network

Float32s = NDArray[np.float32]
UP, DOWN = np.array([1.0, 0.0]), np.array([0.0, 1.0])
TILTED = np.array([0.6, 0.8])


@dataclass
class Table:
    """An encoder that knows its answers: picture i, painted with the value i, is described by row i."""

    photos: list[NDArray[np.float64]]
    tiles: list[NDArray[np.float64]]
    provider = "table"
    sha256 = "0" * 64

    def __post_init__(self) -> None:
        self.manifest = FakeEncoder().manifest.model_copy(update={"embedding": Embedding(columns=1, channels=2)})

    def ground(self, pixels: Float32s) -> Float32s:
        return np.stack([self.photos[int(picture.flat[0])] for picture in pixels]).astype(np.float32)[:, None]

    def aerial(self, pixels: Float32s) -> Float32s:
        return np.stack([self.tiles[int(picture.flat[0])] for picture in pixels]).astype(np.float32)[:, None]


class Doubled(Network):
    """Describes a picture by its first two values, in another order from above."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(10))

    def ground(self, pixels: Tensor) -> Tensor:
        return torch.nn.functional.normalize(pixels.flatten(1)[:, :2], dim=1)[:, None]

    def aerial(self, pixels: Tensor) -> Tensor:
        return self.ground(pixels).flip(-1)


def _sample(photos: int, tiles: int) -> Sample:
    def picture(value: int) -> Float32s:
        return np.full((3, 2, 2), value, np.float32)

    ready = [GroundInput(picture(number), 1, np.array([0]), 0.0) for number in range(photos)]
    return Sample("painted", ready, [picture(number) for number in range(tiles)])


def _candidate(encoder: Encoder, precision: Any = "fp32", runtime: Any = "torch", size: int = 5) -> Candidate:
    return Candidate(precision, runtime, size, lambda _: encoder)


def test_cosines_and_agreement_as_computed_by_hand() -> None:
    reference = Table([UP, DOWN], [UP, DOWN])
    other = Table([UP, TILTED], [UP, TILTED])  # photo 1 still prefers tile 1: 1.0 against 0.6
    found, measured = certify(_sample(2, 2), [_candidate(reference), _candidate(other, "int8", "onnxruntime", 3)])
    first, second = found.rows
    assert (first.ground_cosine, first.aerial_cosine, first.top_1_agreement) == (1, 1, 1)
    assert (second.ground_cosine, second.aerial_cosine) == pytest.approx((0.8, 0.8))
    assert (second.top_1_agreement, second.size_bytes) == (1, 3)
    assert (measured[1].ground_difference, measured[1].aerial_difference) == pytest.approx((0.6, 0.6))
    assert (found.reference, found.sample, found.queries, found.gallery) == ("torch fp32", "painted", 2, 2)
    assert found.row("int8") == second
    assert found.row("bf16", "torch") is None


def test_agreement_counts_photos_that_go_to_another_tile() -> None:
    reference = Table([UP, UP, DOWN, DOWN], [UP, DOWN])
    other = Table([UP, DOWN, DOWN, DOWN], [UP, DOWN])
    found, _ = certify(_sample(4, 2), [_candidate(reference), _candidate(other, "int8")])
    assert found.rows[1].top_1_agreement == 0.75


def test_photos_of_90_degrees_and_files_have_figures_of_their_own() -> None:
    sample = _sample(1, 1)
    narrow = replace(sample, narrow=[sample.photos[0].pixels])
    candidate = replace(_candidate(Table([UP], [UP])), view_bytes=(2, 3))
    (row,), (plain,) = (certify(each, [candidate])[0].rows for each in (narrow, sample))
    assert (row.ground_bytes, row.aerial_bytes) == (2, 3)
    assert row.photo_90_ms is not None
    assert plain.photo_90_ms is None


def test_an_onnx_pair_is_its_own_reference() -> None:
    table = Table([UP], [UP])
    found, _ = certify(_sample(1, 1), [_candidate(table, runtime="onnxruntime")])
    assert found.reference == "onnxruntime fp32"


def test_photos_of_azimuth_columns_are_compared_at_their_best_turn() -> None:
    encoder = FakeEncoder(columns=4)
    seed = np.random.default_rng(0)
    tiles = [seed.standard_normal((3, 32, 32)).astype(np.float32) for _ in range(3)]
    rows = encoder.aerial(np.stack(tiles)).reshape(3, 4, 4)
    sectors = np.roll(rows[2], 1, axis=0)[..., :3] / rows[2][..., 3:] * 0.1
    photo = np.repeat(sectors.T[:, None], 16, axis=1).repeat(8, axis=2).astype(np.float32)
    ready = GroundInput(photo, 4, np.arange(4.0), 0.0)
    assert describe(encoder, Sample("", [ready], tiles)).best.tolist() == [2]


def test_times_are_medians_of_single_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 9.0, 9.0, 20.0, 20.0, 20.001, 30.0, 30.003, 40.0, 40.002])
    monkeypatch.setattr(processor, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    seen: list[int] = []

    def run(pixels: Float32s) -> Float32s:
        seen.append(int(pixels[0, 0]))
        return pixels

    pictures = [np.full(1, value, np.float32) for value in (4, 5, 6)]
    assert processor.median_ms(run, pictures) == pytest.approx(2.0)  # two runs to warm up do not count
    assert seen == [4, 5, 6, 4, 5]


def test_torch_describes_in_float32_or_half() -> None:
    manifest = Table([], []).manifest
    pixels = np.array([[[[3.0, 4.0]]]], np.float32)
    full = TorchDescriber(Doubled(), manifest)
    assert full.ground(pixels).tolist() == [[pytest.approx([0.6, 0.8])]]
    assert full.aerial(pixels).tolist() == [[pytest.approx([0.8, 0.6])]]
    half = TorchDescriber(Doubled(), manifest, half=True)
    assert half.ground(pixels).dtype == np.float32


@pytest.mark.parametrize(("threads", "expected"), [("one", 1), ("many", 2)])
def test_torch_threads_are_put_back(threads: Threads, expected: int) -> None:
    seen: list[int] = []

    class Counting(Doubled):
        def ground(self, pixels: Tensor) -> Tensor:
            seen.append(torch.get_num_threads())
            return super().ground(pixels)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    TorchDescriber(Counting(), Table([], []).manifest, threads).ground(np.ones((1, 3, 2, 2), np.float32))
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert (seen, after) == ([expected], 2)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu sse avx512_bf16", True), ("fpu amx_bf16", True), ("fpu avx512f", False), (None, False)],
)
def test_bf16_is_tried_only_where_the_processor_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str | None, expected: bool
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    if flags is not None:
        cpuinfo.write_text(f"processor\t: 0\nmodel name\t: Example 9000\nflags\t\t: {flags}\n")
    monkeypatch.setattr(processor, "CPUINFO", cpuinfo)
    assert processor.has_bf16() is expected
    assert processor.cpu_name() == ("" if flags is None else "Example 9000")
    candidates = torch_candidates(Doubled(), Table([], []).manifest)
    assert [found.precision for found in candidates] == (["fp32", "bf16"] if expected else ["fp32"])
    assert candidates[0].size_bytes == 40
