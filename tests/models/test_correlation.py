from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.columns import Turns, every_turn, shifts
from models.correlation import ROUNDING, Spectra, turns_of

Float32s = NDArray[np.float32]


def _unit(seed: int, rows: int, size: int) -> Float32s:
    drawn = np.random.default_rng(seed).standard_normal((rows, size)).astype(np.float32)
    unit: Float32s = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def _curves(gallery: NDArray[np.floating], queries: Float32s, columns: int, turns: Turns) -> Float32s:
    return np.concatenate([curve for _, curve in Spectra.of(gallery, columns).curves(queries, turns)], axis=2)


@pytest.mark.parametrize("columns", [1, 2, 3, 8, 32])
def test_correlation_is_one_inner_product_a_turn(columns: int) -> None:
    gallery, photos = _unit(0, 50, columns * 5), _unit(1, 3, columns * 5)
    turns = every_turn(columns, 2 if columns > 2 else 1)
    found = _curves(gallery, photos, columns, turns)
    for number, photo in enumerate(photos):
        expected = shifts(photo.reshape(columns, 5), columns, turns).astype(np.float64) @ gallery.T.astype(np.float64)
        np.testing.assert_allclose(found[:, number], expected, atol=ROUNDING / 10)


def test_only_the_turns_asked_for_are_given() -> None:
    gallery, photos = _unit(0, 50, 40), _unit(1, 2, 40)
    every = _curves(gallery, photos, 8, np.arange(8))
    np.testing.assert_allclose(_curves(gallery, photos, 8, np.array([5, 2])), every[[5, 2]], atol=ROUNDING / 10)


@pytest.mark.parametrize("group", [1, 7, 2000])
def test_blocks_cover_the_gallery_in_its_order_and_split_no_group(group: int) -> None:
    gallery = _unit(2, 4 * group if group > 7 else 700 * 7, 8)
    spectra = Spectra.of(gallery, 4, group)
    starts = [start for start, _ in spectra.curves(gallery[:1], np.array([0]))]
    assert all(start % group == 0 for start in starts)
    together = np.concatenate([curve[0, 0] for _, curve in spectra.curves(gallery[:1], np.array([0]))])
    np.testing.assert_allclose(together, gallery @ gallery[0], atol=1e-6)


def test_half_precision_rows_are_taken_as_they_are() -> None:
    half = _unit(3, 20, 32).astype(np.float16)
    photo = _unit(4, 1, 32)
    np.testing.assert_allclose(
        _curves(half, photo, 8, np.array([0]))[0, 0], half.astype(np.float32) @ photo[0], atol=1e-6
    )


def test_a_description_laid_at_several_columns_is_recognised() -> None:
    laid = shifts(_unit(5, 3, 4), 8, np.array([6, 1, 7]))
    base, turns = turns_of(laid, 8)
    np.testing.assert_array_equal(base, laid[:1])
    assert turns.tolist() == [0, 3, 1]


@pytest.mark.parametrize("laid_at", [[6, 6.5, 7], [6.5, 7, 7.5], [0.5, 0]])
def test_one_laid_between_columns_is_recognised_by_its_neighbour(laid_at: list[float]) -> None:
    laid = shifts(_unit(5, 3, 4), 8, np.array(laid_at))
    base, turns = turns_of(laid, 8)
    gallery = _unit(0, 50, 32)
    found = _curves(gallery, base, 8, turns)[:, 0]
    assert (len(base), len(turns)) == (1, len(laid_at))
    np.testing.assert_allclose(found, laid @ gallery.T, atol=ROUNDING / 2)


def test_one_laid_between_columns_alone_is_taken_as_it_is() -> None:
    laid = shifts(_unit(5, 3, 4), 8, np.array([6.5]))
    base, turns = turns_of(laid, 8)
    assert (base.tolist(), turns.tolist()) == (laid.tolist(), [0])


def test_other_descriptions_are_left_alone() -> None:
    queries = _unit(6, 3, 32)
    base, turns = turns_of(queries, 8)
    assert (base is queries, turns.tolist()) == (True, [0])
