from __future__ import annotations

import numpy as np
import pytest

from models.datasets.pairset import Positions
from models.errors import DatasetError
from models.evaluation.neighbours import right_within
from models.evaluation.ranking import RightAnswers

FAR = 6_094_000.0


def listed(right: RightAnswers) -> list[list[int]]:
    return [rows.tolist() for rows in np.split(right.rows, right.starts[1:-1])]


def test_tiles_within_five_metres_are_right_the_limit_included() -> None:
    aerial = np.array([[3.0, FAR + 4.0], [0, FAR], [5.0, FAR], [5.001, FAR], [-3, FAR + 4.01]])
    ground = np.array([[0, FAR], [100.0, FAR], [5.0, FAR]])
    assert listed(right_within(Positions("metres", ground, aerial), 5.0)) == [[0, 1, 2], [], [0, 1, 2, 3]]


def test_all_pairs_are_found_among_many() -> None:
    rng = np.random.default_rng(0)
    ground, aerial = rng.uniform(0, 100, (5000, 2)), rng.uniform(0, 100, (300, 2))
    right = right_within(Positions("metres", ground, aerial), 5.0)
    near = np.hypot(*(ground[:, None] - aerial[None]).transpose(2, 0, 1)) <= 5.0
    query, row = np.nonzero(near)
    np.testing.assert_array_equal(right.rows, row)
    np.testing.assert_array_equal(np.diff(right.starts), near.sum(axis=1))
    assert query.size > 0


def test_unknown_positions_are_near_nothing() -> None:
    nowhere = np.array([[np.nan, np.nan], [0, 0]])
    assert listed(right_within(Positions("metres", nowhere, nowhere), 5.0)) == [[], [1]]


@pytest.mark.parametrize("positions", [None, Positions("lat-lon", np.zeros((1, 2)), np.zeros((1, 2)))])
def test_degrees_and_unknown_places_are_refused(positions: Positions | None) -> None:
    with pytest.raises(DatasetError, match="5 m"):
        right_within(positions, 5.0)
