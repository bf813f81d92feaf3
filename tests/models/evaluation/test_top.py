from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation.top import SPARE, Top

Float32s = NDArray[np.float32]
Ints = NDArray[np.int64]


def gather(similarity: Float32s, keep: int, block: int) -> Ints:
    top = Top(len(similarity), keep)
    for start in range(0, similarity.shape[1], block):
        top.add(similarity[:, start : start + block], start)
    return top.settle(lambda query, row: similarity[query, row].astype(np.float64))[0]


@pytest.mark.parametrize("block", [1, 4, 37, 200])
@pytest.mark.parametrize("keep", [1, 5])
def test_the_best_are_found_in_any_block(keep: int, block: int) -> None:
    similarity = np.random.default_rng(0).standard_normal((6, 200)).astype(np.float32)
    expected = np.argsort(-similarity, axis=1)[:, :keep]
    np.testing.assert_array_equal(gather(similarity, keep, block), expected)


@pytest.mark.parametrize("block", [3, 50])
def test_ever_better_references_push_out_earlier_ones(block: int) -> None:
    rising = np.arange(50, dtype=np.float32)[None]
    assert gather(rising, 3, block).tolist() == [[49, 48, 47]]


@pytest.mark.parametrize("block", [2, 6])
def test_equal_references_keep_their_order(block: int) -> None:
    assert gather(np.array([[1, 3, 3, 2, 3, 0]], np.float32), 4, block).tolist() == [[1, 2, 4, 3]]


def test_the_exact_similarity_has_the_last_word() -> None:
    top = Top(1, 2)
    top.add(np.array([[0.5, 0.4, 0.3]], np.float32), 0)
    rows, values = top.settle(lambda _, row: np.array([0.1, 0.2, 0.3])[row])
    assert (rows.tolist(), values.tolist()) == ([[2, 1]], [[0.3, 0.2]])
    assert SPARE > 0
