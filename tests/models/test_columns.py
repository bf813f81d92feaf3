from __future__ import annotations

import numpy as np
import pytest

from models.columns import centre_heading, first_columns_near, mean_cosine_scale, place, shifts

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
def test_first_columns_near_a_heading(heading: float, accuracy: float, firsts: list[int]) -> None:
    assert first_columns_near(heading, accuracy, 6, 24).tolist() == firsts


def test_any_heading_allows_every_column() -> None:
    assert first_columns_near(10.0, 180.0, 5, 24).size == 24


def test_inner_product_becomes_the_mean_cosine_of_the_seen_columns() -> None:
    rng = np.random.default_rng(0)
    tile, photo = rng.normal(size=(8, 3)).astype(np.float32), rng.normal(size=(3, 3)).astype(np.float32)
    tile /= np.linalg.norm(tile, axis=1, keepdims=True)
    photo /= np.linalg.norm(photo, axis=1, keepdims=True)
    expected = (tile[[6, 7, 0]] * photo).sum() / 3
    product = place(photo / np.sqrt(3), 6, 8) @ (tile / np.sqrt(8)).reshape(-1)
    assert product * mean_cosine_scale(3, 8) == pytest.approx(expected, abs=1e-6)
