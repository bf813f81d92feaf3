from __future__ import annotations

import numpy as np
import pytest

from models.encoder import FakeEncoder
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.conditions import CLEAR, OCCLUDED, USUAL, Condition, all_conditions, moment_of, spoil
from models.evaluation.corruptions.catalogue import CORRUPTIONS
from models.evaluation.endurance import Endurance, _row, measure_endurance
from models.evaluation.photographs import Photo, Setting
from models.sample_city import Appearance

NARROW = Setting(90.0, "unknown")
SEVERITIES = (2, 5)
ALL = all_conditions(SEVERITIES)


@pytest.fixture(scope="module")
def benchmark() -> CityBenchmark:
    return CityBenchmark.render(3, 6, 100.0)


@pytest.fixture(scope="module")
def clear(benchmark: CityBenchmark) -> list[Photo]:
    return benchmark.take_photos(NARROW, moment_of(ALL[0]))


@pytest.fixture(scope="module")
def found(benchmark: CityBenchmark) -> Endurance:
    return measure_endurance(benchmark, FakeEncoder(), [NARROW], SEVERITIES)


def test_conditions_have_a_fixed_order() -> None:
    names = [condition.name for condition in ALL]
    assert names[:10] == [
        "clear-day",
        "usual-mix",
        "night",
        "dusk",
        "snow-cover",
        "leaf-off",
        "rain",
        "fog-bank",
        "changed-10",
        "occluded-30",
    ]
    assert names[10:] == [name for name in CORRUPTIONS for _ in SEVERITIES]
    assert [condition.severity for condition in ALL[9:13]] == [None, 2, 5, 2]
    assert len(all_conditions((1, 2, 3, 4, 5))) == 10 + 16 * 5


@pytest.mark.parametrize("condition", ALL[1:], ids=lambda condition: f"{condition.name}-{condition.severity}")
def test_every_condition_changes_the_pictures_and_nothing_else(
    benchmark: CityBenchmark, clear: list[Photo], condition: Condition
) -> None:
    photos = benchmark.take_photos(NARROW, moment_of(condition)) if condition.rendered else clear
    spoiled = list(spoil(photos, condition, 0, FakeEncoder().manifest))
    assert [camera for _, camera in spoiled] == [camera for _, camera in clear]
    changed = [a.shape != b.shape or bool((a != b).any()) for (a, _), (b, _) in zip(spoiled, clear, strict=True)]
    assert any(changed) if condition.family == "change" else all(changed)


def test_the_clear_day_is_the_same_each_time_and_clear(benchmark: CityBenchmark, clear: list[Photo]) -> None:
    for (first, _), (again, _) in zip(clear, benchmark.take_photos(NARROW, moment_of(ALL[0])), strict=True):
        np.testing.assert_array_equal(first, again)
    drawn = Appearance.draw(np.random.default_rng(0))
    moment = moment_of(ALL[0])(drawn)
    assert moment.is_ordinary_day
    assert (moment.sun_azimuth_deg, moment.car_seed) == (drawn.sun_azimuth_deg, drawn.car_seed)


def test_what_spoils_a_photo_depends_on_its_own_index(clear: list[Photo]) -> None:
    occluded = next(condition for condition in ALL if condition.name == OCCLUDED)
    manifest = FakeEncoder().manifest
    both, alone, other = (
        [pixels for pixels, _ in spoil(clear[:count], occluded, seed, manifest)]
        for count, seed in ((2, 0), (1, 0), (1, 1))
    )
    np.testing.assert_array_equal(both[0], alone[0])
    assert (both[0] != other[0]).any()
    assert (both[0] != both[1]).any()


def test_the_usual_mix_is_the_ordinary_evaluation(benchmark: CityBenchmark, found: Endurance) -> None:
    (ordinary,) = benchmark.score(FakeEncoder(), [NARROW])
    row = next(row for row in found.rows if row.condition == USUAL)
    assert (row.recall_at_1, row.recall_at_5) == (ordinary.recall_at_1, ordinary.recall_at_5)
    assert found.protocol == ordinary.protocol
    assert (found.queries, found.gallery) == (ordinary.queries, ordinary.gallery)


def test_rows_follow_the_conditions_and_drops_the_clear_day(found: Endurance) -> None:
    assert [(row.condition, row.severity) for row in found.rows] == [(one.name, one.severity) for one in ALL]
    clear = found.rows[0]
    assert (clear.condition, clear.drop_at_1, clear.drop_at_5, clear.drop_at_1_error) == (CLEAR, 0, 0, 0)
    for row in found.rows:
        assert row.drop_at_1 == pytest.approx(clear.recall_at_1 - row.recall_at_1)
        assert row.drop_at_5 == pytest.approx(clear.recall_at_5 - row.recall_at_5)


def test_the_error_of_a_drop_is_that_of_paired_photos() -> None:
    clear, rank = np.array([0, 0, 0, 3]), np.array([0, 7, 2, 0])
    row = _row(ALL[2], NARROW, rank, clear)
    assert (row.recall_at_1, row.recall_at_5, row.drop_at_1, row.drop_at_5) == (0.5, 0.75, 0.25, 0.25)
    assert row.drop_at_1_error == pytest.approx(np.std([0, 1, 1, -1]) / 2)
