from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from models.training.nearest import POOL, QUERIES, most_similar, nearest_by_position
from models.training.recorded import Recorded


def _near(lat: NDArray[np.float64], lon: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    return nearest_by_position("lat-lon", np.stack([lat, lon], axis=1), count)


def _random(pairs: int, embedding: int) -> Recorded:
    recorded, rng = Recorded(pairs, embedding), np.random.default_rng(0)
    recorded.record(np.arange(pairs), rng.standard_normal((pairs, embedding)), rng.standard_normal((pairs, embedding)))
    return recorded


def test_blocks_find_what_the_whole_matrix_shows() -> None:
    pairs = POOL + 500
    recorded, rng = _random(pairs, 8), np.random.default_rng(1)
    anchors = rng.choice(pairs, QUERIES + 10, replace=False)
    pool = np.sort(rng.choice(pairs, POOL + 100, replace=False))
    similarity = recorded.ground[anchors].astype("f4") @ recorded.aerial[pool].astype("f4").T
    similarity[anchors[:, None] == pool[None]] = -np.inf
    expected = -np.sort(-similarity, axis=1)[:, :20]
    found = most_similar(recorded, anchors, pool, 20)
    assert np.isin(found, pool).all()
    at = np.take_along_axis(similarity, np.searchsorted(pool, found), axis=1)
    np.testing.assert_allclose(at, expected, atol=1e-6)
    assert all(len(set(row)) == 20 for row in found.tolist())


def test_a_small_case_by_hand() -> None:
    recorded = Recorded(4, 2)
    ground, aerial = [[1, 0], [0, 1], [1, 1], [-1, 0]], [[1, 0], [1, 0.1], [0, 1], [-1, 0.1]]
    recorded.record(np.arange(4), torch.tensor(ground).float(), torch.tensor(aerial))
    assert most_similar(recorded, np.array([0, 1]), np.arange(4), 2).tolist() == [[1, 2], [2, 3]]


def test_its_own_tile_comes_last_of_all() -> None:
    assert most_similar(_random(3, 4), np.array([1]), np.arange(3), 9)[0, -1] == 1


def _haversine(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    phi, lam = np.radians(lat), np.radians(lon)
    half = (
        np.sin((phi[:, None] - phi) / 2) ** 2
        + np.cos(phi[:, None]) * np.cos(phi) * np.sin((lam[:, None] - lam) / 2) ** 2
    )
    distance: NDArray[np.float64] = 2 * np.arcsin(np.sqrt(half))
    return distance


def test_neighbours_are_those_of_the_great_circle() -> None:
    rng = np.random.default_rng(2)
    lat, lon = np.degrees(np.arcsin(rng.uniform(-1, 1, 60))), rng.uniform(-180, 180, 60)
    distance = _haversine(lat, lon)
    np.fill_diagonal(distance, np.inf)
    assert _near(lat, lon, 7).tolist() == np.argsort(distance, axis=1)[:, :7].tolist()


def test_a_degree_of_longitude_is_short_in_the_north() -> None:
    """At 60 degrees north 1.5 degrees of longitude are 83 km, one of latitude 111 km."""
    assert _near(np.array([60.0, 61.0, 60.0]), np.array([0.0, 0.0, 1.5]), 1)[0] == 2


def test_the_date_line_divides_nothing() -> None:
    assert _near(np.zeros(3), np.array([179.9, -179.9, 179.0]), 1)[:, 0].tolist() == [1, 0, 0]


def test_metres_are_told_apart() -> None:
    lat = 48.0 + np.array([0.0, 3.0, 1.0, 6.5]) / 111_000
    assert _near(lat, np.full(4, 11.0), 9).tolist() == [[2, 1, 3], [2, 0, 3], [0, 1, 3], [1, 2, 0]]


def test_in_a_plane_metres_count_alike_in_both_directions() -> None:
    positions = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [0.0, -2.0]])
    assert nearest_by_position("metres", positions, 2)[0].tolist() == [3, 1]
