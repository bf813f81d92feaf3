from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.columns import (
    centre_heading,
    every_turn,
    first_columns_near,
    mean_cosine_scale,
    place,
    refine_shift,
    shifts,
    turned,
)

SEEN = np.array([[1, 2], [3, 4]], dtype=np.float32)


@pytest.mark.parametrize(
    ("first", "circle"),
    [
        (0, [1, 2, 3, 4, 0, 0, 0, 0]),
        (1, [0, 0, 1, 2, 3, 4, 0, 0]),
        (3, [3, 4, 0, 0, 0, 0, 1, 2]),
    ],
)
def test_place_lays_columns_clockwise_and_around(first: int, circle: list[float]) -> None:
    assert place(SEEN, first, 4).tolist() == circle


def test_shifts_try_every_first_column() -> None:
    rows = shifts(SEEN, 4)
    assert rows.shape == (4, 8)
    assert rows[3].tolist() == place(SEEN, 3, 4).tolist()


def test_photos_are_laid_between_columns_too() -> None:
    rows = shifts(SEEN, 4, every_turn(4, 2))
    assert rows[6].tolist() == place(SEEN, 3, 4).tolist()
    np.testing.assert_allclose(rows[7], place(SEEN, 3.5, 4), atol=1e-6)


def _wave(columns: int, cycles: int, turn: float) -> NDArray[np.float32]:
    """A description (W * 1,) of so many cycles around the circle, turned clockwise by columns."""
    return np.cos(2 * np.pi * cycles * (np.arange(columns) - turn) / columns).astype(np.float32)


@pytest.mark.parametrize("columns", [3, 8, 31, 32])
def test_waves_are_turned_by_half_a_column(columns: int) -> None:
    for cycles in range((columns + 1) // 2):
        wave, halves = _wave(columns, cycles, 0.3), every_turn(columns, 2)
        expected = np.stack([_wave(columns, cycles, 0.3 + half) for half in halves])
        np.testing.assert_allclose(turned(wave, halves, columns), expected, atol=1e-5)


def test_the_finest_pattern_is_lost_between_columns() -> None:
    stripes = np.array([1, -1] * 4, np.float32)
    np.testing.assert_allclose(turned(stripes, np.array([0.5]), 8), np.zeros((1, 8)), atol=1e-6)


def test_two_half_turns_are_a_whole_one() -> None:
    row = np.random.default_rng(0).standard_normal(7 * 3).astype(np.float32)
    half = turned(row, np.array([0.5]), 7)[0]
    np.testing.assert_allclose(turned(half, np.array([0.5]), 7), turned(row, np.array([1]), 7), atol=1e-6)
    assert np.linalg.norm(half) == pytest.approx(np.linalg.norm(row), rel=1e-6)


def test_other_fractions_of_a_column_are_refused() -> None:
    with pytest.raises(ValueError, match="half a column"):
        turned(np.ones(8, np.float32), np.array([0.25]), 8)


def test_every_turn_is_tried_once() -> None:
    assert every_turn(3).tolist() == [0, 1, 2]
    assert every_turn(3, 2).tolist() == [0, 0.5, 1, 1.5, 2, 2.5]


def test_shifts_keep_the_order_of_their_candidates() -> None:
    rows = shifts(SEEN, 4, np.array([3, 0]))
    assert rows[:, 0].tolist() == [3, 1]


def test_a_plain_vector_has_one_shift() -> None:
    assert shifts(np.ones((1, 5), np.float32), 1).tolist() == [[1, 1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("first", "seen", "total", "heading"),
    [(0, 24, 24, 180.0), (0, 6, 24, 45.0), (21, 6, 24, 0.0), (23, 1, 24, 352.5), (0, 1, 1, 180.0)],
)
def test_centre_heading_by_hand(first: int, seen: int, total: int, heading: float) -> None:
    assert centre_heading(first, seen, total) == heading


@pytest.mark.parametrize(
    ("heading", "accuracy", "firsts"),
    [(45.0, 0.0, [0]), (45.0, 15.0, [0, 1, 23]), (0.0, 22.5, [20, 21, 22]), (50.0, 1.0, [0])],
)
def test_first_columns_near_a_heading(heading: float, accuracy: float, firsts: list[float]) -> None:
    assert first_columns_near(heading, accuracy, 6, 24).tolist() == firsts


def test_any_heading_allows_every_column() -> None:
    assert first_columns_near(10.0, 180.0, 5, 24).size == 24


def test_first_columns_near_a_heading_may_lie_between() -> None:
    assert first_columns_near(45.0, 15.0, 6, 24, 2).tolist() == [0, 0.5, 1, 23, 23.5]
    assert first_columns_near(51.0, 1.0, 6, 24, 2).tolist() == [0.5]


def test_inner_product_becomes_the_mean_cosine_of_the_seen_columns() -> None:
    rng = np.random.default_rng(0)
    tile, photo = rng.normal(size=(8, 3)).astype(np.float32), rng.normal(size=(3, 3)).astype(np.float32)
    tile /= np.linalg.norm(tile, axis=1, keepdims=True)
    photo /= np.linalg.norm(photo, axis=1, keepdims=True)
    expected = (tile[[6, 7, 0]] * photo).sum() / 3
    product = place(photo / np.sqrt(3), 6, 8) @ (tile / np.sqrt(8)).reshape(-1)
    assert product * mean_cosine_scale(3, 8) == pytest.approx(expected, abs=1e-6)


def _bump(peak: float, total: int) -> NDArray[np.float64]:
    """A smooth curve whose top is at `peak` columns, wherever that is between columns."""
    return np.cos(2 * np.pi * (np.arange(total) - peak) / total)


@pytest.mark.parametrize("total", [8, 24, 32])
def test_the_top_of_a_smooth_curve_is_found_between_columns(total: int) -> None:
    peaks = np.random.default_rng(0).uniform(0, total, 500)
    found = refine_shift(np.stack([_bump(peak, total) for peak in peaks]))
    off = np.abs((found - peaks + total / 2) % total - total / 2)
    assert off.max() < 0.02  # the best column alone is up to 0.5 away
    assert ((found >= 0) & (found < total)).all()


@pytest.mark.parametrize(
    ("curve", "shift"),
    [
        ([0, 1, 3, 1, 0], 2.0),
        ([0, 1, 3, 2, 0], 2 + 1 / 6),
        ([3, 3, 0, 0, 0], 0.5),
        ([3, 0, 0, 3, 3], 4.5),
        ([1, 1, 1, 1], 0.0),
        ([1, 2], 1.0),
        ([5], 0.0),
    ],
)
def test_refined_shifts_by_hand(curve: list[float], shift: float) -> None:
    assert refine_shift(np.array(curve, np.float32)) == pytest.approx(shift, abs=1e-6)


@pytest.mark.parametrize("peak", [5.3, 5.6, 23.9, 0.1])
def test_shifts_of_half_a_column_are_refined_by_their_own_neighbours(peak: float) -> None:
    tried = every_turn(24, 2)
    curve = np.cos(2 * np.pi * (tried - peak) / 24) ** 9  # no parabola: a step twice as long would be off by more
    assert refine_shift(curve, tried, 24) == pytest.approx(peak, abs=0.01)
    assert refine_shift(curve, None, 24) == refine_shift(curve, tried, 24)


def test_a_shift_whose_neighbour_was_not_tried_stays() -> None:
    curve = _bump(5.3, 24)
    tried = np.array([5, 4, 6])
    assert refine_shift(curve[tried], tried, 24) == pytest.approx(5.3, abs=0.02)
    assert refine_shift(curve[tried[:2]], tried[:2], 24) == 5.0
