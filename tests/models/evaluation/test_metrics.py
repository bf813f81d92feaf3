from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.metrics import heading_error_deg, hit_ranks, ranks, recall

SIMILARITY = np.array([[0.9, 0.1, 0.5, 0.7], [0.2, 0.2, 0.2, 0.2], [0.1, 0.3, 0.2, 0.4]])


def test_ranks_count_what_is_at_least_as_similar() -> None:
    assert ranks(SIMILARITY, np.array([2, 0, 3])).tolist() == [2, 3, 0]


def test_a_model_that_says_one_thing_finds_nothing() -> None:
    flat = np.full((50, 50), 0.3, dtype=np.float32)
    assert recall(ranks(flat, np.arange(50)), 50).recall_at_10 == 0.0


@pytest.mark.parametrize(
    ("right", "rank"),
    [([0, 0, 1, 1], 1), ([1, 0, 0, 0], 0), ([1, 1, 1, 1], 0), ([0, 1, 1, 0], 2), ([0, 0, 0, 0], 4)],
)
def test_the_best_of_several_right_answers_counts(right: list[int], rank: int) -> None:
    assert hit_ranks(SIMILARITY[:1], np.array([right], dtype=bool)).tolist() == [rank]


def test_a_wrong_answer_that_ties_is_above() -> None:
    right = np.array([[True, False, True, False]])
    assert hit_ranks(np.array([[0.5, 0.5, 0.5, 0.1]]), right).tolist() == [1]


@pytest.mark.parametrize(("gallery", "one_percent"), [(50, 0.25), (199, 0.25), (200, 0.5), (1000, 0.75)])
def test_recall_of_hand_made_ranks(gallery: int, one_percent: float) -> None:
    shares = recall(np.array([0, 1, 5, 10]), gallery)
    assert (shares.recall_at_1, shares.recall_at_5, shares.recall_at_10) == (0.25, 0.5, 0.75)
    assert shares.recall_at_1_percent == one_percent


@pytest.mark.parametrize(("found", "true", "error"), [(10, 350, 20), (350, 10, 20), (0, 180, 180), (5, 365, 0)])
def test_headings_differ_the_short_way_round(found: float, true: float, error: float) -> None:
    assert heading_error_deg(np.array([found]), np.array([true])).tolist() == [error]
