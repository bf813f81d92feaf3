"""Intervals against values of tables, coverage and alarms against counts made by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from service.simulation.binomial import counts_of, interval, share_of
from service.simulation.figures import alarms_of, chi2_tails, figures_of, ratio_of, spread_of
from service.simulation.outcome import Outcome


def outcome(before_m: list[float], after_m: list[float], **changes: object) -> Outcome:
    """Answers of two vehicles by turns, all with a photo that was used, radii of 10 and 20 m."""
    count = len(before_m)
    fields: dict[str, object] = {
        "vehicle": np.arange(count) % 2,
        "step": np.arange(count),
        "before_m": np.array(before_m),
        "after_m": np.array(after_m),
        "radius_68_m": np.full(count, 10.0),
        "radius_95_m": np.full(count, 20.0),
        "photo_m": np.full(count, math.nan),
        "photo_lat": np.full(count, math.nan),
        "photo_lon": np.full(count, math.nan),
        "lat": np.zeros(count),
        "lon": np.zeros(count),
        "status": np.full(count, "corrected", dtype="<U16"),
        "chi2": np.full(count, math.nan),
        "has_photo": np.ones(count, np.bool_),
        "visual_used": np.ones(count, np.bool_),
        "is_spoofed": np.zeros(count, np.bool_),
        "sigma_m": np.full(count, 20.0),
        "hidden": np.zeros(count),
    }
    return Outcome(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (5, 10, 0.1871, 0.8129), (1, 20, 0.0013, 0.2487)],
)
def test_clopper_pearson_as_in_tables(hits: int, count: int, low: float, high: float) -> None:
    assert interval(hits, count) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("rate", "count", "fewest", "most"), [(0.5, 10, 2, 8), (0.01, 100, 0, 3), (0.001, 10, 0, 0), (0.05, 1000, 37, 64)]
)
def test_counts_that_a_rate_allows(rate: float, count: int, fewest: int, most: int) -> None:
    assert counts_of(rate, count) == (fewest, most)


def test_vehicles_that_differ_widen_the_interval_and_equal_ones_do_not() -> None:
    vehicle = np.repeat(np.arange(10), 100)
    uneven = share_of(np.repeat([True] * 9 + [False], 100), vehicle)
    even = share_of(np.tile([True] * 9 + [False], 100), vehicle)
    assert uneven.share == even.share == 0.9
    assert uneven.low_by_vehicle is not None
    assert uneven.low_by_vehicle < uneven.low - 0.1
    assert even.low_by_vehicle == pytest.approx(0.9)
    assert share_of(np.zeros(0, np.bool_), np.zeros(0, np.int64)).count == 0
    assert share_of(np.array([True]), np.array([3])).low_by_vehicle is None


def test_spread_and_ratio_are_of_the_medians() -> None:
    spread = spread_of(np.arange(101.0))
    assert (spread.count, spread.median_m, spread.p68_m, spread.p95_m) == (101, 50.0, 68.0, 95.0)
    ratio = ratio_of(outcome([20.0] * 8, [5.0] * 8))
    assert (ratio.median, ratio.low, ratio.high) == (0.25, 0.25, 0.25)


def test_radii_are_counted_only_where_they_are_said() -> None:
    radius = np.array([10.0, 10.0, 10.0, math.nan])
    group = figures_of(outcome([20.0] * 4, [5.0, 15.0, 25.0, 5.0], radius_68_m=radius)).group("all fixes")
    assert (group.in_68.hits, group.in_68.count) == (1, 3)
    assert (group.in_95.hits, group.in_95.count) == (3, 4)


def test_alarms_of_honest_and_spoofed_fixes_are_told_apart() -> None:
    made = outcome(
        [5.0] * 10,
        [5.0] * 10,
        status=np.array(["rejected_outlier"] + ["corrected"] * 6 + ["kept", "rejected_outlier", "corrected"]),
        visual_used=np.array([False] + [True] * 6 + [False] * 2 + [True]),
        is_spoofed=np.arange(10) >= 6,
        photo_m=np.array([50.0] + [math.nan] * 7 + [3.0, math.nan]),
    )
    alarms = alarms_of(made, 0.05, 1.0)
    assert (alarms.false.hits, alarms.false.count) == (1, 6)
    assert (alarms.fewest, alarms.most) == counts_of(0.05, 6)
    assert alarms.caught is not None
    assert (alarms.caught.hits, alarms.caught.count) == (1, 4)
    assert alarms.delay_s == (2.0, None)
    assert alarms.photo_of_caught is not None
    assert (alarms.photo_of_caught.count, alarms.photo_of_caught.median_m) == (1, 3.0)


def test_innovations_of_a_chi_square_pass_each_bound_as_often_as_they_should() -> None:
    chi2 = -2.0 * np.log(np.random.default_rng(1).random(100_000))
    for chance, share in chi2_tails(np.append(chi2, math.nan)).items():
        assert share == pytest.approx(float(chance), abs=0.005)


def test_figures_are_json_and_leave_empty_groups_out() -> None:
    figures = figures_of(outcome([20.0, 10.0], [5.0, 0.0]), 0.01)
    told = json.loads(json.dumps(figures.as_json(), allow_nan=False))
    assert [group["name"] for group in told["groups"]] == [
        "all fixes",
        "with a photo",
        "photo used",
        "sky hidden 0% to 5%",
    ]
    assert told["statuses"] == {"corrected": 2}
    assert told["alarms"]["caught"] is None
