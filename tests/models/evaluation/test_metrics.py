from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.metrics import (
    OnePercentName,
    TieRule,
    average_precision,
    heading_error_deg,
    hit_ranks,
    one_percent_k,
    ranks,
    recall,
    recall_at,
)

SIMILARITY = np.array([[0.9, 0.1, 0.5, 0.7], [0.2, 0.2, 0.2, 0.2], [0.1, 0.3, 0.2, 0.4]])
TRUTH = np.array([2, 0, 3])


@pytest.mark.parametrize(("ties", "expected"), [("pessimistic", [2, 3, 0]), ("published", [2, 0, 0])])
def test_a_tie_counts_by_the_rule_that_was_named(ties: TieRule, expected: list[int]) -> None:
    assert ranks(SIMILARITY, TRUTH, ties).tolist() == expected


def test_ties_count_against_the_model_unless_told_otherwise() -> None:
    assert ranks(SIMILARITY, TRUTH).tolist() == [2, 3, 0]


def test_a_model_that_says_one_thing_finds_nothing_or_everything() -> None:
    flat = np.full((50, 50), 0.3, dtype=np.float32)
    assert recall(ranks(flat, np.arange(50)), 50).recall_at_10 == 0.0
    assert recall(ranks(flat, np.arange(50), "published"), 50).recall_at_1 == 1.0


@pytest.mark.parametrize(
    ("right", "rank"),
    [([0, 0, 1, 1], 1), ([1, 0, 0, 0], 0), ([1, 1, 1, 1], 0), ([0, 1, 1, 0], 2), ([0, 0, 0, 0], 4)],
)
def test_the_best_of_several_right_answers_counts(right: list[int], rank: int) -> None:
    assert hit_ranks(SIMILARITY[:1], np.array([right], dtype=bool)).tolist() == [rank]


def test_a_wrong_answer_that_ties_is_above() -> None:
    similarity, right = np.array([[0.5, 0.5, 0.5, 0.1]]), np.array([[True, False, True, False]])
    assert hit_ranks(similarity, right).tolist() == [1]
    assert hit_ranks(similarity, right, "published").tolist() == [0]


@pytest.mark.parametrize(("gallery", "one_percent"), [(50, 0.25), (199, 0.25), (200, 0.5), (1000, 0.75)])
def test_recall_of_hand_made_ranks(gallery: int, one_percent: float) -> None:
    shares = recall(np.array([0, 1, 5, 10]), gallery)
    assert (shares.recall_at_1, shares.recall_at_5, shares.recall_at_10) == (0.25, 0.5, 0.75)
    assert shares.recall_at_1_percent == one_percent


@pytest.mark.parametrize(
    ("convention", "expected"),
    [("floor", [1, 1, 8, 88, 906]), ("floor-plus-one", [1, 2, 9, 89, 907]), ("rounded-plus-one", [1, 2, 9, 90, 907])],
)
def test_one_percent_is_read_in_three_ways(convention: OnePercentName, expected: list[int]) -> None:
    assert [one_percent_k(m, convention) for m in (30, 100, 849, 8884, 90618)] == expected


def test_recall_counts_ranks_below_k() -> None:
    assert [recall_at(np.array([0, 2, 2, 9]), k) for k in (1, 2, 3, 10)] == [0.25, 0.25, 0.75, 1.0]


def test_average_precision_is_halved_behind_the_first_place() -> None:
    assert average_precision(np.array([0, 1, 4])) == pytest.approx((1 + 0.25 + 0.1) / 3)


@pytest.mark.parametrize(("found", "true", "error"), [(10, 350, 20), (350, 10, 20), (0, 180, 180), (5, 365, 0)])
def test_headings_differ_the_short_way_round(found: float, true: float, error: float) -> None:
    assert heading_error_deg(np.array([found]), np.array([true])).tolist() == [error]
