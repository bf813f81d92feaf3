from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest
from numpy.typing import NDArray

from index.describer import cores
from index.measuring import Way, best, measure, ways
from models.encoder import CPU, CUDA, FakeEncoder


def _measured(*figures: tuple[int, int, int, float]) -> list[Way]:
    return [Way(*figure) for figure in figures]


@pytest.mark.parametrize(
    ("measured", "chosen"),
    [
        (_measured((1, 1, 1, 10.0), (2, 1, 1, 19.0), (4, 1, 1, 30.0)), 2),
        (_measured((1, 1, 1, 10.0), (2, 1, 1, 19.0), (4, 1, 1, 19.9)), 1),
        (_measured((1, 1, 1, 10.0), (2, 1, 1, 9.0), (4, 1, 1, 8.0)), 0),
        (_measured((4, 1, 1, 30.0), (2, 2, 1, 31.0)), 0),
        (_measured((4, 1, 1, 30.0), (2, 2, 1, 33.0)), 1),
        (_measured((1, 1, 1, 300.0), (1, 1, 8, 1500.0), (1, 1, 32, 1550.0), (2, 1, 32, 1560.0)), 1),
        (_measured((1, 1, 1, 5.0)), 0),
    ],
)
def test_the_simplest_way_that_is_about_as_fast_as_any(measured: list[Way], chosen: int) -> None:
    assert best(measured) == measured[chosen]


def test_on_a_cpu_a_batch_is_one_tile_and_threads_share_the_cores() -> None:
    tried = ways(6, CPU)
    assert {way.batch for way in tried} == {1}
    assert {way.workers for way in tried if way.threads == 1} == {1, 2, 4, 6}
    assert {(way.workers, way.threads) for way in tried if way.threads > 1} == {(3, 2), (1, 4)}


def test_what_was_said_is_not_tried_otherwise() -> None:
    assert {(way.workers, way.batch) for way in ways(4, CPU, batch=16, workers=2)} == {(2, 16)}
    assert {(way.workers, way.batch) for way in ways(4, CUDA, batch=16)} == {(1, 16), (2, 16)}
    assert {way.batch for way in ways(4, CUDA, workers=1)} == {1, 8, 32}


def test_an_encoder_with_one_kind_of_session_is_measured_within_the_cores() -> None:
    encoder = FakeEncoder()
    way, chosen = measure(encoder)
    assert 1 <= way.workers <= cores()
    assert (way.threads, way.batch, chosen) == (1, 1, encoder)
    assert way.tiles_per_s


class Rounding(FakeEncoder):
    """With more threads it sums in another order."""

    def with_threads(self, threads: int) -> FakeEncoder:
        other = Rounding()
        other.off = threads * 1e-6
        return other

    off = 0.0

    def aerial(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return super().aerial(pixels) + np.float32(self.off)


def _ever_faster() -> Iterator[float]:
    """Moments for a clock by which every measurement takes less time than the one before."""
    now = 0.0
    for number in count(1):
        now += 1.0 if number % 2 else 1.0 / number
        yield now


def test_threads_that_change_a_bit_of_a_description_are_left_out() -> None:
    moments = _ever_faster()
    way, _ = measure(Rounding(), clock=lambda: next(moments))
    assert way.threads == 1
