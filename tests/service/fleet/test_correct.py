"""Fixes with photos whose truth is known: what is moved, what is kept, what is an alarm."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models.errors import ParameterError
from models.geo import distance_m, enu_m
from service.fleet.correct import correct
from service.fleet.fix import Corrected, Fix, FleetNotice, Options
from service.fleet.gaussian import chi2_quantile
from service.fleet.observation import Observation, observe
from service.simulation.binomial import interval
from service.view import View
from tests.service.fleet.made import NOISE_M, NOTHING, MadeCity, fix_at, glimpse

CITY = MadeCity()
START = datetime(2026, 6, 1, 8, tzinfo=UTC)


def answer(fix: Fix, view: View, options: Options | None = None, city: MadeCity = CITY) -> Corrected:
    return correct([fix], {fix.index: observe(fix, view, city)}, options or Options())[0][0]


def drive(
    city: MadeCity = CITY, device: str = "van", first: int = 0, off_m: float = 25.0, sigma_m: float = 20.0
) -> list[Fix]:
    """Eastwards at 10 m/s, a fix a second, each `off_m` north of where it is."""
    return [
        replace(
            fix_at(city, first + k, 10.0 * k - 150.0, off_m, sigma_m),
            device_id=device,
            timestamp=START + timedelta(seconds=k),
            heading_deg=90.0,
            speed_mps=10.0,
        )
        for k in range(30)
    ]


def photos(fixes: list[Fix], *seconds: int, city: MadeCity = CITY) -> dict[int, Observation]:
    """Photos of where the drive really was, at some of its seconds."""
    return {fixes[k].index: observe(fixes[k], glimpse((10.0 * k - 150.0, 0.0)), city) for k in seconds}


def test_an_uninformative_photo_leaves_the_fix_bit_for_bit() -> None:
    fix = replace(fix_at(CITY, 0, 12.3, -45.6), lat=52.500123456789)
    found = answer(fix, NOTHING)
    assert (found.status, found.lat, found.lon) == ("kept", fix.lat, fix.lon)
    assert (found.moved_m, found.visual_used) == (0.0, False)
    assert found.radius_m_68 == pytest.approx(fix.accuracy_m)
    assert found == correct([fix], {}, Options())[0][0]


def test_fix_and_photo_of_one_place_are_a_product_of_normals() -> None:
    """Photo N(0, 6^2), fix N(30, 20^2): mean 30 x 36 / 436, variance 36 x 400 / 436, roughly."""
    found = answer(fix_at(CITY, 0, 30.0, 0.0), glimpse((0.0, 0.0)))
    east, north = enu_m(found.lat, found.lon, CITY.lat, CITY.lon)
    assert (found.status, found.visual_used) == ("corrected", True)
    assert float(east) == pytest.approx(30 * 36 / 436, abs=1.0)
    assert float(north) == pytest.approx(0.0, abs=0.1)
    assert found.covariance_enu_m2[0] == pytest.approx(36 * 400 / 436, rel=0.25)
    assert found.moved_m == pytest.approx(30 * 400 / 436, abs=1.0)
    assert found.innovation_chi2 == pytest.approx(900 / 436, rel=0.15)


def test_the_fix_decides_between_two_places_that_look_alike() -> None:
    found = answer(fix_at(CITY, 0, -70.0, 10.0), glimpse((-80.0, 0.0), (120.0, 0.0)))
    assert distance_m(found.lat, found.lon, *CITY.at(-80.0, 0.0)) < 3.0


def test_a_fix_far_from_its_photo_is_an_alarm_and_both_places_are_told() -> None:
    fix = fix_at(CITY, 0, 60.0, 0.0, sigma_m=8.0)
    found = answer(fix, glimpse((0.0, 0.0)), Options(false_alarm_rate=0.02))
    assert (found.status, found.lat, found.lon, found.moved_m) == ("rejected_outlier", fix.lat, fix.lon, 0.0)
    assert found.photo is not None
    assert distance_m(found.photo.lat, found.photo.lon, CITY.lat, CITY.lon) < 3.0
    assert found.innovation_chi2 is not None
    assert found.innovation_chi2 > chi2_quantile(0.98)


def test_a_fix_beyond_what_is_looked_at_is_an_alarm_by_the_whole_index() -> None:
    found = answer(fix_at(CITY, 0, 290.0, 290.0, sigma_m=3.0), glimpse((-200.0, -200.0)), Options(0.02))
    assert found.status == "rejected_outlier"
    assert found.photo is not None
    assert distance_m(found.photo.lat, found.photo.lon, *CITY.at(-200.0, -200.0)) < 3.0


def test_a_photo_that_may_be_of_two_places_rings_no_alarm_at_either() -> None:
    found = answer(fix_at(CITY, 0, 80.0, 0.0), glimpse((-80.0, 0.0), (80.0, 0.0)), Options(0.05))
    assert found.status == "corrected"


@pytest.fixture(scope="module")
def honest() -> tuple[list[Fix], dict[int, Observation]]:
    """Two hundred fixes at the city's middle with photos of it, errors drawn from what they promise."""
    rng = np.random.default_rng(5)
    fixes, seen = [], {}
    for index in range(200):
        fixes.append(fix_at(CITY, index, *rng.normal(0.0, 20.0, 2)))
        seen[index] = observe(fixes[-1], glimpse(tuple(rng.normal(0.0, NOISE_M, 2))), CITY)
    return fixes, seen


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_alarms_of_honest_fixes_come_at_the_rate_asked_for(
    rate: float, honest: tuple[list[Fix], dict[int, Observation]]
) -> None:
    answers, _ = correct(*honest, Options(rate))
    low, high = interval(sum(found.status == "rejected_outlier" for found in answers), len(answers))
    assert low <= rate <= high


def test_radii_hold_what_they_say(honest: tuple[list[Fix], dict[int, Observation]]) -> None:
    answers, _ = correct(*honest, Options(1e-6))
    away = distance_m([one.lat for one in answers], [one.lon for one in answers], CITY.lat, CITY.lon)
    assert 0.62 < (away <= [one.radius_m_68 for one in answers]).mean() < 0.82
    assert 0.92 < (away <= [one.radius_m_95 for one in answers]).mean() < 0.995


def test_off_the_index_is_not_localized_and_says_so() -> None:
    fix = replace(fix_at(CITY, 0, 0.0, 0.0), lat=10.0)
    (found,), notices = correct([fix], {0: observe(fix, NOTHING, CITY)}, Options())
    assert (found.status, found.lat) == ("not_localized", 10.0)
    assert [(notice.code, notice.fix_indexes) for notice in notices] == [("outside_coverage", (0,))]


def test_photos_move_the_fixes_between_them() -> None:
    fixes = drive()
    found, notices = correct(fixes, photos(fixes, 5, 15, 25), Options())
    assert notices == []
    north = np.array([float(enu_m(one.lat, one.lon, CITY.lat, CITY.lon)[1]) for one in found])
    assert np.abs(north).max() < 6.0
    assert {one.status for one in found} == {"corrected"}
    assert [one.index for one in found if one.visual_used] == [5, 15, 25]
    assert found[29].radius_m_95 > found[25].radius_m_95


def test_without_a_photo_nothing_is_moved() -> None:
    fixes = drive()
    found, _ = correct(fixes, {}, Options())
    assert [(one.status, one.lat, one.lon) for one in found] == [("kept", fix.lat, fix.lon) for fix in fixes]
    blank, _ = correct(fixes, {4: observe(fixes[4], NOTHING, CITY)}, Options())
    assert blank == found


def test_photos_do_not_reach_across_a_gap() -> None:
    fixes = drive()
    late = [replace(fix, index=100 + fix.index, timestamp=_later(fix, 1000)) for fix in drive()]
    found, _ = correct([*fixes, *late], photos(fixes, 5, 15), Options())
    assert {one.status for one in found[len(fixes) :]} == {"kept"}


def test_devices_and_order_do_not_matter() -> None:
    van, bus = drive(), drive(device="bus", first=100, off_m=-18.0)
    seen = photos(van, 5, 20) | photos(bus, 8)
    plain = {one.index: one for one in correct([*van, *bus], seen, Options())[0]}
    mixed = [fix for pair in zip(bus, van, strict=True) for fix in pair]
    assert {one.index: one for one in correct(mixed, seen, Options())[0]} == plain
    alone = correct(van, photos(van, 5, 20), Options())[0]
    assert alone == [plain[fix.index] for fix in van]


def test_time_running_backwards_is_told_and_sorted() -> None:
    fixes = drive()
    seen = photos(fixes, 5, 20)
    inorder = {one.index: one for one in correct(fixes, seen, Options())[0]}
    shuffled = [*fixes[:10], fixes[12], fixes[10], fixes[11], *fixes[13:]]
    found, notices = correct(shuffled, seen, Options())
    assert [one.index for one in found] == [fix.index for fix in shuffled]
    assert {one.index: one for one in found} == inorder
    assert _by_code(notices) == {"timestamps_out_of_sequence": (10, 11)}


def test_a_fix_sent_twice_counts_hardly_more_than_once() -> None:
    fixes = drive()
    twice = [*fixes, *(replace(fix, index=100 + fix.index) for fix in fixes)]
    once, _ = correct(fixes, photos(fixes, 15), Options())
    found, notices = correct(twice, photos(fixes, 15), Options())
    assert _by_code(notices).keys() >= {"timestamps_repeated"}
    assert found[18].radius_m_95 > 0.8 * once[18].radius_m_95


def test_two_vehicles_under_one_name_are_not_joined() -> None:
    fixes = drive()[:6]
    far = [replace(fix, index=100 + fix.index, lat=fix.lat + 1.0) for fix in drive()[:6]]
    mixed = [fix for pair in zip(fixes, far, strict=True) for fix in pair]
    found, notices = correct(mixed, photos(fixes, 2), Options())
    assert "implausible_motion" in _by_code(notices)
    assert {one.status for one in found if one.index >= 100} == {"kept"}


def test_a_photo_of_another_time_is_not_used() -> None:
    fix = replace(fix_at(CITY, 3, 30.0, 0.0), timestamp=START, photo_time=START - timedelta(seconds=30))
    (found,), notices = correct([fix], {3: observe(fix, glimpse((0.0, 0.0)), CITY)}, Options())
    assert found.status == "kept"
    assert _by_code(notices) == {"photo_not_of_fix": (3,)}


def test_an_alarm_in_a_drive_moves_no_other_fix() -> None:
    fixes = drive(off_m=0.0, sigma_m=8.0)
    leapt = replace(fixes[10], lat=CITY.at(0.0, 60.0)[0])
    fixes[10] = leapt
    found, _ = correct(fixes, photos(fixes, 10), Options(0.02))
    assert found[10].status == "rejected_outlier"
    assert {one.status for one in found if one.index != 10} == {"kept"}


@pytest.mark.parametrize(("lat", "lon"), [(52.5, 180.0), (52.5, -179.9995), (-52.5, 13.4)])
def test_the_antimeridian_and_the_south_are_like_anywhere(lat: float, lon: float) -> None:
    there = MadeCity(lat, lon)
    here_fixes, there_fixes = drive(), drive(there)
    here, _ = correct(here_fixes, photos(here_fixes, 5, 25), Options())
    found, _ = correct(there_fixes, photos(there_fixes, 5, 25, city=there), Options())
    for mine, other in itertools.islice(zip(here, found, strict=True), 0, None, 5):
        assert enu_m(mine.lat, mine.lon, CITY.lat, CITY.lon) == pytest.approx(
            enu_m(other.lat, other.lon, there.lat, there.lon), abs=0.02
        )
        assert mine.radius_m_95 == pytest.approx(other.radius_m_95, abs=0.01)
        assert -180.0 <= other.lon < 180.0


def test_a_pole_is_refused_with_a_notice() -> None:
    pole = MadeCity(89.99, 0.0)
    fix = fix_at(pole, 0, 0.0, 0.0)
    (found,), notices = correct([fix], {0: observe(fix, NOTHING, pole)}, Options())
    assert (found.status, found.lat, found.lon) == ("not_localized", fix.lat, fix.lon)
    assert "near_pole" in _by_code(notices)


def test_what_was_not_told_is_assumed_and_said() -> None:
    vague = replace(fix_at(CITY, 0, 0.0, 0.0), accuracy_m=None, accuracy_percentile=None)
    half = replace(fix_at(CITY, 1, 0.0, 0.0), accuracy_percentile=None)
    found, notices = correct([vague, half], {}, Options())
    assert found[0].radius_m_68 == pytest.approx(50.0)
    assert _by_code(notices) == {"accuracy_assumed": (0,), "accuracy_percentile_assumed": (1,)}


@pytest.mark.parametrize("rate", [0.0, -1.0, 0.6, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ParameterError, match="false_alarm_rate"):
        Options(rate)


def _later(fix: Fix, seconds: float) -> datetime:
    assert fix.timestamp is not None
    return fix.timestamp + timedelta(seconds=seconds)


def _by_code(notices: list[FleetNotice]) -> dict[str, tuple[int, ...]]:
    return {notice.code: notice.fix_indexes for notice in notices}
