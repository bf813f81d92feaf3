"""The receiver errs as it was told to: spread, memory, honesty, outages, spoofing."""

from __future__ import annotations

import numpy as np
import pytest

from service.simulation.gnss import R68, Receiver, Spoof, receive, sigmas, walk

LONG = np.arange(200_000.0)
QUIET = Receiver(outages_per_hour=0.0)


def test_the_walk_has_variance_one_and_forgets_itself_as_told() -> None:
    steps = walk(LONG, 30.0, np.random.default_rng(2))
    assert steps.std(axis=0) == pytest.approx([1.0, 1.0], abs=0.04)
    for lag in (10, 30, 60):
        correlation = (steps[lag:] * steps[:-lag]).mean() / (steps**2).mean()
        assert correlation == pytest.approx(np.exp(-lag / 30.0), abs=0.03)
    assert (steps[:, 0] * steps[:, 1]).mean() == pytest.approx(0.0, abs=0.05)


def test_the_walk_knows_uneven_steps() -> None:
    seconds = np.cumsum(np.tile([1.0, 19.0], 50_000))
    steps = walk(seconds, 20.0, np.random.default_rng(3))
    over_19 = (steps[1::2] * steps[:-1:2]).mean()
    assert over_19 == pytest.approx(np.exp(-19.0 / 20.0), abs=0.03)


def test_errors_have_the_spread_asked_for_and_the_accuracy_stated_holds_68_percent() -> None:
    fixes = receive(LONG, np.full(len(LONG), 20.0), QUIET, np.random.default_rng(4))
    assert fixes.error_m.std(axis=0) == pytest.approx([20.0, 20.0], rel=0.05)
    within = np.hypot(*fixes.error_m.T) <= fixes.accuracy_m
    assert within.mean() == pytest.approx(0.68, abs=0.02)
    assert fixes.accuracy_m[0] == pytest.approx(20.0 * R68)
    assert fixes.has_fix.all()


def test_an_optimistic_receiver_states_less() -> None:
    fixes = receive(LONG[:10], np.full(10, 20.0), Receiver(stated=0.5), np.random.default_rng(4))
    assert fixes.accuracy_m == pytest.approx(np.full(10, 10.0 * R68))


def test_white_noise_is_the_part_that_differs_from_fix_to_fix() -> None:
    fixes = receive(LONG, np.full(len(LONG), 10.0), Receiver(white=1.0), np.random.default_rng(6))
    assert (fixes.error_m[1:] * fixes.error_m[:-1]).mean() == pytest.approx(0.0, abs=1.0)


def test_sigmas_rise_with_hidden_sky_and_mean_what_was_asked() -> None:
    open_land, street = sigmas([np.zeros(5), np.full(5, 0.5)], 20.0)
    assert street[0] / open_land[0] == pytest.approx(3.0)
    assert np.sqrt((np.concatenate([open_land, street]) ** 2).mean()) == pytest.approx(20.0)


def test_a_spoofer_moves_everything_from_a_time_on() -> None:
    seconds, sigma = np.arange(100.0), np.full(100, 5.0)
    honest = receive(seconds, sigma, QUIET, np.random.default_rng(7))
    jump = receive(seconds, sigma, QUIET, np.random.default_rng(7), Spoof("jump", 80.0, 40.0))
    drift = receive(seconds, sigma, QUIET, np.random.default_rng(7), Spoof("drift", 2.0, 40.0))
    moved = np.hypot(*(jump.error_m - honest.error_m).T)
    assert moved == pytest.approx(np.where(seconds >= 40.0, 80.0, 0.0))
    assert jump.is_spoofed.tolist() == (seconds >= 40.0).tolist()
    assert np.hypot(*(drift.error_m - honest.error_m).T)[-1] == pytest.approx(2.0 * 59.0)


def test_outages_take_fixes_away_for_as_long_as_told() -> None:
    receiver = Receiver(outages_per_hour=30.0, outage_s=(10.0, 10.0))
    has_fix = receive(LONG, np.full(len(LONG), 5.0), receiver, np.random.default_rng(8)).has_fix
    expected = 1.0 - np.exp(-30.0 * 10.0 / 3600.0)
    assert (~has_fix).mean() == pytest.approx(expected, abs=0.01)
