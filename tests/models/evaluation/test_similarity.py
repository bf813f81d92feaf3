from __future__ import annotations

import numpy as np
import pytest

from models.columns import place
from models.evaluation.similarity import every_turned, paired_products, products, rounding_error
from tests.models.evaluation.vectors import unit_rows

TURNS = [4, 8]


@pytest.mark.parametrize("turns", TURNS)
def test_turned_descriptions_are_the_photo_laid_further_on(turns: int) -> None:
    columns = np.arange(6, dtype=np.float32).reshape(2, 3)
    laid = place(columns, 0, 4)[None]
    expected = np.stack([place(columns, step * 4 / turns, 4) for step in range(turns)])
    np.testing.assert_allclose(np.concatenate(list(every_turned(laid, 4, turns))), expected, atol=1e-6)


@pytest.mark.parametrize("turns", TURNS)
def test_the_best_turn_counts(turns: int) -> None:
    tiles, photo = unit_rows(3, 12, 0), unit_rows(1, 12, 1)
    each = [turned @ tiles.T for turned in every_turned(photo, 4, turns)]
    np.testing.assert_allclose(products(photo, tiles, 4, turns), np.max(each, axis=0), atol=1e-7)
    np.testing.assert_allclose(products(photo, tiles, 4, 1), each[0], atol=1e-7)


@pytest.mark.parametrize("turns", [1, *TURNS])
def test_pairs_have_the_same_similarity_and_shift(turns: int) -> None:
    photos, tiles = unit_rows(5, 12, 0), unit_rows(5, 12, 1)
    value, shift = paired_products(photos, tiles, 4, turns)
    np.testing.assert_allclose(value, np.diagonal(products(photos, tiles, 4, turns)), atol=1e-6)
    each = np.stack(list(every_turned(photos.astype(np.float64), 4, turns)))
    exact = [float(each[shift[i], i] @ tiles[i]) for i in range(5)]
    np.testing.assert_allclose(value, exact, atol=1e-12)


def test_a_pair_has_the_same_bits_in_any_company() -> None:
    photos, tiles = unit_rows(300, 1000, 0), unit_rows(300, 1000, 1)
    together, _ = paired_products(photos, tiles, 1, 1)
    alone = np.concatenate([paired_products(photos[i : i + 1], tiles[i : i + 1], 1, 1)[0] for i in range(300)])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("size", [3, 100, 1000])
def test_products_stay_within_the_rounding_error(size: int) -> None:
    photos, tiles = 3 * unit_rows(40, size, 0), unit_rows(50, size, 1)
    off = np.abs(products(photos, tiles, 1, 1) - photos.astype(float) @ tiles.T.astype(float)).max()
    assert off <= rounding_error(photos, tiles) <= 3.2 * (size + 3) * 2**-24
