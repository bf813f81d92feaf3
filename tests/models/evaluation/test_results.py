from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.datasets.pairset import PairSet, Positions
from models.encoder import FakeEncoder
from models.evaluation.embeddings import Embeddings, Meta
from models.evaluation.measured import Measured
from models.evaluation.ranking import Layout, Ranking, rank
from models.evaluation.results import read_one_percent, summarise, summarise_errors
from models.evaluation.settings import Settings
from tests.models.evaluation.vectors import Float32s, normal, unit, unit_rows

Ints = NDArray[np.int64]
NONE = np.empty((0, 0), dtype=np.int64)


def measured(
    ground: Float32s,
    aerial: Float32s,
    positive: Ints,
    semi: Ints = NONE,
    positions: Positions | None = None,
    protocol: str = "own",
) -> Measured:
    """Rank plain vectors as a run would."""
    count = len(ground)
    pairs = PairSet(
        name="made",
        ground=tuple(Path(f"g{i}") for i in range(count)),
        aerial=tuple(Path(f"a{i}") for i in range(len(aerial))),
        positive=positive,
        semi_positive=semi if semi.size else np.empty((count, 0), dtype=np.int64),
        heading_deg=np.full(count, np.nan),
        fov_deg=np.full(count, 360.0),
        positions=positions,
    )
    meta = Meta(
        model="m@1",
        model_sha256="0" * 64,
        data_set="made",
        files_sha256="0" * 64,
        queries=count,
        gallery=len(aerial),
        columns=1,
        channels=ground.shape[1],
    )
    photos = np.tile([1.0, 1.0, np.nan], (count, 1))
    made = Embeddings(Path(), meta, ground, aerial, photos)
    empty = Measured(FakeEncoder().manifest, pairs, protocol, Settings(), made, Ranking.empty(0, 0))
    ranking = rank(ground, aerial, empty.protocol.right(pairs), np.ones(count, dtype=np.int64), Layout())
    return replace(empty, ranking=ranking)


def test_golden_hit_rate_of_vigor(shared: Path) -> None:
    expected = json.loads((shared / "golden" / "small_goldens_meta.json").read_text())["vigor_hit_rate"]
    reference = unit(normal(40, 300, 24).astype(np.float32))
    labels = np.array([np.random.RandomState(100 + i).permutation(300)[:4] for i in range(200)])
    mixed = reference[labels[:, 0]] + 0.9 * reference[labels[:, 1]] + 0.5 * reference[labels[:, 2]]
    query = unit(mixed + 0.15 * normal(41, 200, 24).astype(np.float32))
    found = summarise(measured(query, reference, labels[:, 0], labels[:, 1:], protocol="vigor-same"), "").published
    printed = (
        f"Recall@1: {100 * found.recall_at_1:.4f} - Recall@5: {100 * found.recall_at_5:.4f} - "
        f"Recall@10: {100 * found.recall_at_10:.4f} - Recall@top1: {100 * found.recall_at_1_percent:.4f} - "
        f"Hit_Rate: {100 * (found.hit_rate or 0):.4f}"
    )
    assert printed == expected["official_output"]
    assert found.of("floor").k == expected["top1pct_k"]


@pytest.mark.parametrize(("semi", "hit"), [([[1, 2]], 1.0), ([[1, -1]], 0.0), ([[3, -1]], 0.0), ([[2, 1]], 1.0)])
def test_a_hit_has_nothing_but_semi_positives_before_it(semi: list[list[int]], hit: float) -> None:
    query, aerial = np.array([[0.1, 0.7, 0.6, 0.2]], np.float32), np.eye(4, dtype=np.float32)
    found = summarise(measured(query, aerial, np.array([3]), np.array(semi), protocol="vigor-same"), "")
    assert (found.recall_at_1, found.recall_at_5, found.hit_rate) == (0.0, 1.0, hit)


@pytest.mark.parametrize(("semi", "against", "published"), [(0, 1.0, 1.0), (2, 0.0, 1.0)])
def test_a_tied_semi_positive_is_taken_away_as_well(semi: int, against: float, published: float) -> None:
    query, aerial = np.array([[0.5, 0.5, 0.1]], np.float32), np.eye(3, dtype=np.float32)
    found = summarise(measured(query, aerial, np.array([1]), np.array([[semi]]), protocol="vigor-same"), "")
    assert (found.hit_rate, found.published.hit_rate) == (against, published)
    assert (found.recall_at_1, found.published.recall_at_1) == (0.0, 1.0)


def test_both_rules_and_all_readings_are_in_one_row() -> None:
    same = np.repeat(unit_rows(1, 8, 0), 300, axis=0)
    found = summarise(measured(same, same, np.arange(300)), "the command")
    assert (found.ties, found.recall_at_1, found.published.ties, found.published.recall_at_1) == (
        "pessimistic",
        0.0,
        "published",
        1.0,
    )
    assert [(one.convention, one.k) for one in found.one_percent] == [
        ("floor", 3),
        ("floor-plus-one", 4),
        ("rounded-plus-one", 4),
    ]
    assert (found.queries, found.gallery, found.command) == (300, 300, "the command")
    assert found.model_dump(mode="json")["published"]["recall_at_10"] == 1.0


def test_a_protocol_reads_one_percent_as_its_publication_does() -> None:
    ranks_at_k = np.array([87, 88, 89, 90])
    by_name = {one.convention: one.recall for one in read_one_percent(ranks_at_k, 8884)}
    assert by_name == {"floor": 0.25, "floor-plus-one": 0.5, "rounded-plus-one": 0.75}


def test_five_metres_make_neighbours_right() -> None:
    aerial, query = np.eye(3, dtype=np.float32), np.array([[0.2, 0.1, 0.9], [0.9, 0.2, 0.1]], np.float32)
    places = np.array([[0.0, 0.0], [3.0, 4.0], [500.0, 0.0]])
    positions = Positions("metres", places[:2], places)
    near = summarise(measured(query, aerial, np.array([0, 1]), NONE, positions, "cvact-test-5m"), "")
    strict = summarise(measured(query, aerial, np.array([0, 1]), NONE, positions, "cvact-test"), "")
    assert (near.recall_at_1, strict.recall_at_1) == (0.5, 0.0)
    assert (near.one_percent_convention, strict.one_percent_convention) == ("floor-plus-one", "floor")
    assert near.errors == strict.errors
    assert (near.errors and near.errors.recall_at_5m, near.median_error_m) == (0.5, (500.0 + 5.0) / 2)


def test_photos_without_any_right_tile_are_counted_as_missed() -> None:
    aerial, query = np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)
    positions = Positions("metres", np.array([[0.0, 0.0], [900.0, 0.0]]), np.array([[0.0, 0.0], [50.0, 0.0]]))
    found = summarise(measured(query, aerial, np.array([0, 1]), NONE, positions, "cvact-test-5m"), "")
    assert (found.without_right_answer, found.recall_at_1, found.published.recall_at_10) == (1, 0.5, 0.5)


def test_average_precision_is_that_of_university() -> None:
    aerial, query = np.eye(2, dtype=np.float32), np.array([[0.2, 0.9], [0.1, 0.9]], np.float32)
    found = summarise(measured(query, aerial, np.array([1, 0]), protocol="university-drone"), "")
    assert (found.average_precision, summarise(measured(query, aerial, np.array([1, 0])), "").average_precision) == (
        (1 + 0.25) / 2,
        None,
    )


def test_errors_are_summarised_where_known() -> None:
    errors = summarise_errors(np.array([0.0, 4.0, 26.0, np.nan, 10.0]))
    assert errors is not None
    assert (errors.queries, errors.mean_error_m, errors.median_error_m) == (4, 10.0, 7.0)
    assert (errors.recall_at_5m, errors.recall_at_10m, errors.recall_at_25m, errors.recall_at_50m) == (
        0.5,
        0.75,
        0.75,
        1.0,
    )
    assert summarise_errors(np.array([np.nan])) is None
