"""What the photos of one device say together: that they are of elsewhere, and that its fixes drift away from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from service.fleet.belonging import judged, shares_outside
from service.fleet.correct import correct
from service.fleet.drives import drives_of
from service.fleet.fix import Fix, Options
from service.fleet.observation import Observation, observe
from service.fleet.persistence import contradicted
from tests.service.fleet.made import NOISE_M, MadeCity, fix_at, glimpse

CITY = MadeCity()
DOUBTFUL = MadeCity(telling=1.0)
"""Photos of it say where they are of, and hardly that they are of it at all."""
START = datetime(2026, 6, 1, 8, tzinfo=UTC)


def drive(city: MadeCity, drift_mps: float, rng: np.random.Generator) -> tuple[list[Fix], dict[int, Observation]]:
    """Ten minutes eastwards at 1 m/s, a fix and a photo every 20 s; the fixes err by 20 m and drift north."""
    fixes, seen = [], {}
    error = rng.normal(0.0, 20.0, 2)
    for k in range(30):
        east, kept = 20.0 * k - 290.0, np.exp(-20.0 / 40.0)
        error = kept * error + np.sqrt(1.0 - kept**2) * rng.normal(0.0, 20.0, 2)
        fix = fix_at(city, k, east + error[0], error[1] + drift_mps * 20.0 * k - 150.0, 20.0)
        fixes.append(replace(fix, timestamp=START + timedelta(seconds=20 * k), heading_deg=90.0, speed_mps=1.0))
        seen[k] = observe(fixes[k], glimpse((east + rng.normal(0, NOISE_M), -150.0 + rng.normal(0, NOISE_M))), city)
    return fixes, seen


def test_a_photo_alone_has_an_even_chance_to_be_of_here() -> None:
    assert shares_outside(np.array([7.0])) == pytest.approx([0.5], abs=1e-9)


def test_photos_are_judged_by_the_others_of_their_device() -> None:
    """Of n that surely are of here the mean of Beta(1/2, n + 1/2): the photo's own word does not count."""
    assert shares_outside(np.array([50.0] * 9 + [-50.0])) == pytest.approx([1.5 / 10] * 9 + [0.5 / 10], rel=0.02)
    assert (shares_outside(np.full(20, -50.0)) > 0.95).all()


def test_devices_are_judged_apart() -> None:
    fixes = [replace(fix_at(CITY, k, 0.0, 0.0), device_id="abroad" if k % 2 else "here") for k in range(12)]
    places = [(0.0, 0.0) if k % 2 == 0 else (300.0, -300.0) for k in range(12)]
    seen = {fix.index: observe(fix, glimpse(place), CITY) for fix, place in zip(fixes, places, strict=True)}
    for fix in fixes:
        if fix.device_id == "abroad":
            lost = replace(seen[fix.index].alone, log_told=-9.0)
            seen[fix.index] = replace(seen[fix.index], log_ratio=seen[fix.index].log_ratio * 0.0 - 9.0, alone=lost)
    outside = {index: photo.outside for index, photo in judged(fixes, seen).items()}
    assert max(outside[k] for k in range(0, 12, 2)) < 0.15
    assert min(outside[k] for k in range(1, 12, 2)) > 0.85


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_drift_is_an_alarm_by_photos_that_ring_none_alone(seed: int) -> None:
    fixes, seen = drive(DOUBTFUL, 0.35, np.random.default_rng(seed))
    alone, _ = correct(fixes, seen, Options(0.001, smooth=False))
    found, _ = correct(fixes, seen, Options(0.001))
    assert "rejected_outlier" not in {one.status for one in alone}
    rung = [one.index for one in found if one.status == "rejected_outlier"]
    assert len(rung) >= 5
    assert rung[0] >= 3


def test_honest_drives_ring_no_more_often_than_asked() -> None:
    """Ten drives of thirty photos at a rate of 5 %: some fifteen alarms would be as asked."""
    rung = 0
    for seed in range(10):
        fixes, seen = drive(DOUBTFUL, 0.0, np.random.default_rng(100 + seed))
        (whole,), _ = drives_of(fixes)
        rung += len(contradicted(whole, judged(fixes, seen), 0.05))
    assert rung <= 15
