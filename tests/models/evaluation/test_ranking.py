from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.columns import every_turn, shifts
from models.errors import EncoderNonFinite
from models.evaluation.metrics import hit_ranks, ranks, recall_at
from models.evaluation.ranking import NEVER, Layout, Ranking, RightAnswers, rank
from tests.models.evaluation.vectors import Float32s, normal, unit, unit_rows

Ints = NDArray[np.int64]
BLOCKS = [(1, 1), (7, 13), (64, 50), (512, 8192)]


def ranked(ground: Float32s, aerial: Float32s, positive: Ints, turns: int = 1, **layout: int) -> Ranking:
    right = RightAnswers.one_each(positive)
    return rank(ground, aerial, right, np.full(len(ground), turns), Layout(**layout))


def test_a_hand_made_matrix() -> None:
    aerial = np.eye(4, dtype=np.float32)
    ground = np.array([[0.9, 0.1, 0.5, 0.7], [0.2, 0.2, 0.2, 0.2], [0.1, 0.3, 0.2, 0.4]], dtype=np.float32)
    found = ranked(ground, aerial, np.array([2, 0, 3]), keep=3)
    assert (found.above.tolist(), found.tied.tolist()) == ([2, 0, 0], [0, 3, 0])
    assert found.ranks("pessimistic").tolist() == [2, 3, 0]
    assert found.ranks("published").tolist() == [2, 0, 0]
    assert found.top.tolist() == [[0, 3, 2], [0, 1, 2], [3, 1, 2]]
    np.testing.assert_allclose(found.similarity, [0.5, 0.2, 0.4], rtol=1e-7)


@pytest.mark.parametrize(("query_block", "reference_block"), BLOCKS)
def test_streaming_equals_the_whole_matrix(query_block: int, reference_block: int) -> None:
    ground, aerial, positive = unit_rows(60, 24, 0), unit_rows(130, 24, 1), np.arange(60) * 2
    dense = ground.astype(float) @ aerial.T.astype(float)
    found = ranked(ground, aerial, positive, query_block=query_block, reference_block=reference_block)
    np.testing.assert_array_equal(found.ranks("pessimistic"), ranks(dense, positive))
    np.testing.assert_array_equal(found.top, np.argsort(-dense, axis=1)[:, :5])
    np.testing.assert_allclose(found.top_similarity[:, 0], dense.max(axis=1), atol=1e-12)


@pytest.mark.parametrize(("query_block", "reference_block"), BLOCKS)
def test_exact_ties_are_told_from_near_ones_in_any_block(query_block: int, reference_block: int) -> None:
    """Per query: a copy of the right tile, and tiles that are nearer and farther by less than float32 can see."""
    ground = unit_rows(20, 1000, 0)
    nudge = np.zeros((20, 1000), np.float32)
    nudge[:, 0] = 1e-7 * np.sign(ground[:, 0])
    right = ground.copy()
    right[:, 0] = 0.25
    aerial = np.concatenate([right, right, right + nudge, right - nudge])
    found = ranked(ground, aerial, np.arange(20), query_block=query_block, reference_block=reference_block)
    assert (right[:, 0] + nudge[:, 0] != right[:, 0]).all()
    assert found.tied.tolist() == [1] * 20
    dense = (ground[:, None].astype(float) * aerial.astype(float)).sum(axis=2)
    np.testing.assert_array_equal(found.above, ranks(dense, np.arange(20), "published"))


@pytest.mark.parametrize("block", [5, 8192])
def test_a_collapsed_model_is_ranked_by_what_it_says(block: int) -> None:
    """All descriptions within float32's rounding of each other: decided in float64."""
    ground = unit_rows(1, 300, 0) + 1e-7 * unit_rows(30, 300, 1)
    aerial = unit_rows(1, 300, 0) + 1e-7 * unit_rows(40, 300, 2)
    dense = (ground[:, None].astype(float) * aerial.astype(float)).sum(axis=2)
    found = ranked(ground, aerial, np.arange(30), reference_block=block)
    np.testing.assert_array_equal(found.ranks("pessimistic"), ranks(dense, np.arange(30)))


def test_a_model_that_says_one_thing_ties_with_everything() -> None:
    same = np.repeat(unit_rows(1, 30, 0), 50, axis=0)
    found = ranked(same, same, np.arange(50), reference_block=7)
    assert (found.above.max(), set(found.tied.tolist())) == (0, {49})


@pytest.mark.parametrize("block", [3, 8192])
def test_an_unknown_heading_takes_the_best_shift(block: int) -> None:
    columns, tiles, total = unit_rows(12, 9, 0).reshape(12, 3, 3), unit_rows(20, 15, 1), 5
    every = np.stack(
        [shifts(photo, total, every_turn(total, 2)).astype(float) @ tiles.T.astype(float) for photo in columns]
    )
    ground = np.concatenate([columns.reshape(12, 9), np.zeros((12, 6), np.float32)], axis=1)
    found = ranked(ground, tiles, np.arange(12), turns=10, columns=5, reference_block=block, query_block=block)
    np.testing.assert_array_equal(found.ranks("pessimistic"), ranks(every.max(axis=1), np.arange(12)))
    np.testing.assert_array_equal(found.shift, every.argmax(axis=1)[np.arange(12), np.arange(12)])


def test_known_and_unknown_headings_may_be_mixed() -> None:
    ground, aerial, positive = unit_rows(9, 12, 0), unit_rows(15, 12, 1), np.arange(9)
    turns = np.array([1, 4, 4, 1, 1, 4, 1, 4, 4])
    mixed = rank(ground, aerial, RightAnswers.one_each(positive), turns, Layout(columns=4))
    for tries in (1, 4):
        alike = turns == tries
        alone = ranked(ground, aerial, positive, turns=tries, columns=4)
        np.testing.assert_array_equal(mixed.ranks("pessimistic")[alike], alone.ranks("pessimistic")[alike])


def test_the_best_of_several_right_references_counts() -> None:
    ground, aerial = unit_rows(4, 8, 0), unit_rows(30, 8, 1)
    right = RightAnswers(np.array([0, 2, 2, 5, 6]), np.array([3, 29, 0, 1, 2, 17]))
    mask = np.zeros((4, 30), dtype=bool)
    mask[[0, 0, 2, 2, 2, 3], right.rows] = True
    dense = ground.astype(float) @ aerial.T.astype(float)
    found = rank(ground, aerial, right, np.ones(4, dtype=np.int64), Layout(reference_block=11))
    np.testing.assert_array_equal(found.ranks("pessimistic")[[0, 2, 3]], hit_ranks(dense, mask)[[0, 2, 3]])
    assert (found.ranks("published")[1], found.above[1]) == (NEVER, 30)


def test_random_descriptions_hit_as_often_as_chance() -> None:
    found = ranked(unit_rows(1000, 32, 0), unit_rows(1000, 32, 1), np.arange(1000))
    for k in (10, 100, 500):
        spread = 4 * np.sqrt(k / 1000 * (1 - k / 1000) / 1000)
        assert abs(recall_at(found.ranks("pessimistic"), k) - k / 1000) < spread


def test_fewer_references_than_are_asked_for() -> None:
    found = ranked(unit_rows(2, 8, 0), unit_rows(3, 8, 1), np.array([0, 1]), keep=5)
    assert np.sort(found.top, axis=1).tolist() == [[0, 1, 2]] * 2


def test_maps_on_disk_are_read_as_arrays_are(tmp_path: Path) -> None:
    ground, aerial = unit_rows(30, 16, 0), unit_rows(50, 16, 1)
    np.save(tmp_path / "aerial.npy", aerial)
    mapped = ranked(ground, np.load(tmp_path / "aerial.npy", mmap_mode="r"), np.arange(30))
    np.testing.assert_array_equal(mapped.ranks("published"), ranked(ground, aerial, np.arange(30)).ranks("published"))


def test_what_is_not_finite_is_refused() -> None:
    aerial = unit_rows(9, 8, 1)
    aerial[4, 2] = np.nan
    with pytest.raises(EncoderNonFinite):
        ranked(unit_rows(2, 8, 0), aerial, np.array([0, 1]))


def test_progress_ends_with_all_queries() -> None:
    told: list[int] = []
    right = RightAnswers.one_each(np.arange(10))
    rank(
        unit_rows(10, 4, 0), unit_rows(10, 4, 1), right, np.ones(10, dtype=np.int64), Layout(query_block=4), told.append
    )
    assert told == [4, 8, 10]


@pytest.fixture
def golden(shared: Path) -> Callable[[str], Any]:
    document = json.loads((shared / "golden" / "small_goldens_meta.json").read_text())
    return lambda name: document[name]


def test_golden_recall_one_to_one(golden: Callable[[str], Any]) -> None:
    reference, expected = normal(30, 400, 32), golden("recall_one_to_one")
    query = reference + 1.5 * normal(31, 400, 32)
    found = ranked(unit(query), unit(reference), np.arange(400)).ranks("published")
    assert [100 * recall_at(found, k) for k in expected["topk"]] == pytest.approx(expected["result_percent"])


def test_golden_recall_of_ties(golden: Callable[[str], Any]) -> None:
    reference = normal(30, 400, 32)
    reference[1::2] = reference[::2]
    found = ranked(unit(reference), unit(reference), np.arange(400))
    expected = golden("recall_ties")["result_percent"]
    assert [100 * recall_at(found.ranks("published"), k) for k in (1, 5, 10, 4)] == expected
    assert recall_at(found.ranks("pessimistic"), 1) == 0.0


@pytest.mark.parametrize(("query_block", "reference_block"), BLOCKS)
def test_a_reference_is_as_similar_as_its_best_cell(query_block: int, reference_block: int) -> None:
    ground, aerial, positive = unit_rows(60, 24, 0), unit_rows(130 * 9, 24, 1), np.arange(60) * 2
    turned = np.stack([np.roll(ground.reshape(60, 4, 6), shift, axis=1).reshape(60, 24) for shift in range(4)], axis=1)
    each = (turned.astype(float) @ aerial.T.astype(float)).reshape(60, 4, 130, 9)  # (Q, S, N, C)
    dense = each.max(axis=(1, 3))
    blocks = {"query_block": query_block, "reference_block": reference_block}
    found = ranked(ground, aerial, positive, 4, columns=4, cells=9, **blocks)
    np.testing.assert_array_equal(found.ranks("pessimistic"), ranks(dense, positive))
    np.testing.assert_array_equal(found.top, np.argsort(-dense, axis=1)[:, :5])
    np.testing.assert_array_equal(found.shift, each.max(axis=3)[np.arange(60), :, positive].argmax(axis=1))
