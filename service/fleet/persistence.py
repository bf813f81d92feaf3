"""Do the photos of a drive go on contradicting its fixes? A little by each of them, which no single one could say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.fleet.drives import Drive
from service.fleet.gaussian import inverse_2, round_covariance
from service.fleet.motion import Movement
from service.fleet.observation import Observation
from service.fleet.tilt import Tilted, tilt

Floats = NDArray[np.float64]
STRAYS_M = 25.0
"""What is led astray is so far from where it was led at the last photo, along each axis."""
LEAST_GAIN, FORGIVEN = 0.5, 0.1
"""Nats that a photo has to add to be the one that rings, and that each is forgiven."""
MOST_OVER = 3.0
"""Contradiction that is remembered beyond an alarm, in nats: photos that agree again end it soon."""


@dataclass(frozen=True, slots=True)
class _Belief:
    """A normal, (2,) and (2, 2): of an honest error in its standard deviations, or of where one was led, metres."""

    mean: Floats
    covariance: Floats


def contradicted(drive: Drive, photos: Mapping[int, Observation], alarm_rate: float) -> set[int]:
    """Give the steps at whose photo the contradiction of all photos so far passes an alarm.

    Two stories are told of every photo before it is looked at. Honest: the fix errs as it says, its error walks, so it
    is near what the last photos left of it. Astray: the vehicle is anywhere around, or as far from its fix as at the
    last photo. The logarithm of how much better the second foretold the photo is summed up, never below 0 (Page's
    CUSUM). As neither story knows the photo that it foretells, the ratio has mean 1 where fixes are honest, and a sum
    of log(1 / rate) is reached at most once in 1 / rate photos on average, whatever photos depend on.

    Args:
        photos: by step.

    Source: Page (Biometrika 1954); Lorden (Annals of Statistics 1971), theorem 2; Shin, Ramdas and Rinaldo, E-detectors
    (2023).
    """
    usual, alarm = Movement(), math.log(1.0 / alarm_rate)
    walking = math.sqrt(1.0 - usual.white)
    error, before = _Belief(np.zeros(2), np.eye(2)), 0.0
    led: _Belief | None = None
    against, found = 0.0, set[int]()
    for step in sorted(photos):
        photo, sigma_m = photos[step], drive.fixes[step].sigma_m
        faded = math.exp(-(drive.seconds[step] - before) / usual.tau_s)
        before = float(drive.seconds[step])
        error = _Belief(faded * error.mean, faded**2 * error.covariance + (1.0 - faded**2) * np.eye(2))
        spread = sigma_m**2 * ((1.0 - usual.white) * error.covariance + usual.white * np.eye(2))
        honest = tilt(photo, -sigma_m * walking * error.mean, spread)
        fresh = tilt(photo, np.zeros(2), round_covariance(sigma_m))
        near = np.logaddexp(honest.log_factor, fresh.log_factor) - math.log(2.0)
        there = photo.alone.log_factor
        astray = None if led is None else tilt(photo, led.mean, led.covariance + round_covariance(STRAYS_M))
        if astray is not None:
            there = float(np.logaddexp(there, astray.log_factor) - math.log(2.0))
        gain = _heard(there, photo.outside) - _heard(near, photo.outside)
        against = min(max(0.0, against + gain - FORGIVEN), alarm + MOST_OVER)
        is_of_here = photo.outside < 0.5 and photo.alone.place is not None
        if against >= alarm and gain >= LEAST_GAIN and is_of_here:
            found.add(step)
        error = _learned(error, honest, -sigma_m * walking * error.mean, spread, -sigma_m * walking)
        led = _led(photo, astray)
    return found


def _heard(log_factor: float, outside: float) -> float:
    """Log of how likely a photo is that may be of nothing."""
    return float(np.logaddexp(math.log(outside), math.log1p(-outside) + log_factor))


def _learned(error: _Belief, tilted: Tilted, mean: Floats, spread: Floats, scale: float) -> _Belief:
    """Carry what a photo told of the place, `scale` times the error and fresh noise, back to the error."""
    told_mean, told = tilted.mixture.moments()
    gain = scale * error.covariance @ inverse_2(spread)
    return _Belief(error.mean + gain @ (told_mean - mean), error.covariance + gain @ (told - spread) @ gain.T)


def _led(photo: Observation, astray: Tilted | None) -> _Belief | None:
    """Where the vehicle was from its fix: by the last photos, or by this one alone."""
    if astray is not None and astray.explains:
        return _Belief(*astray.mixture.moments())
    if photo.alone.parts is None:
        return None if astray is None else _Belief(*astray.mixture.moments())
    best = int(photo.alone.parts.weight.argmax())
    return _Belief(photo.alone.parts.mean[best], photo.alone.parts.covariance[best])
