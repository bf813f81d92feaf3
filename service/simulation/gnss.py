"""GPS as it errs between houses: a bias that walks, noise on top, outages, and a spoofer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
R68 = math.sqrt(-2.0 * math.log(1.0 - 0.68))
"""Radius that holds 68 % of a round normal of standard deviation 1 along each axis: 1.51."""
OPEN, HIDDEN = 0.5, 2.0
"""An error grows with the share of the sky that is hidden: OPEN + HIDDEN x share, before it is scaled."""


@dataclass(frozen=True, slots=True)
class Spoof:
    """From a time on all positions are moved: at once, or further by the second."""

    kind: Literal["jump", "drift"]
    metres: float
    """How far at once, or metres a second."""
    after_s: float

    def shift_m(self, seconds: Floats) -> Floats:
        """(n,) metres by which positions are moved."""
        since = seconds - self.after_s
        return np.where(since < 0, 0.0, self.metres if self.kind == "jump" else self.metres * since)


@dataclass(frozen=True, slots=True)
class Receiver:
    """What kind of receiver the vehicles have.

    Attributes:
        sigma_m: standard deviation of the error along each axis, root mean square over the fleet.
        white: share of the variance that is new with every fix; the rest walks.
        tau_s: the walking part forgets itself as exp(-t / tau), tau drawn for each vehicle in this range.
        stated: factor on the accuracy that a fix states; 1 is honest, less is optimistic.
        outages_per_hour, outage_s: how often no position is had, and for how long (from, to).
    """

    sigma_m: float = 20.0
    white: float = 0.04
    tau_s: tuple[float, float] = (20.0, 60.0)
    stated: float = 1.0
    outages_per_hour: float = 6.0
    outage_s: tuple[float, float] = (5.0, 20.0)


@dataclass(frozen=True, slots=True)
class Fixes:
    """What the receiver said: error_m (n, 2) east and north, accuracy_m (n,) radius it calls 68 %, has_fix (n,)."""

    error_m: Floats
    accuracy_m: Floats
    has_fix: Bools
    is_spoofed: Bools


def walk(seconds: Floats, tau_s: float, rng: np.random.Generator) -> Floats:
    """First-order Gauss-Markov process of variance 1: (n, 2), independent axes, correlation exp(-dt / tau)."""
    noise = rng.standard_normal((len(seconds), 2))
    keep = np.exp(-np.diff(seconds) / tau_s)
    for i, kept in enumerate(keep, start=1):
        noise[i] = kept * noise[i - 1] + math.sqrt(1.0 - kept * kept) * noise[i]
    return noise


def sigmas(hidden: list[Floats], sigma_m: float) -> list[Floats]:
    """Standard deviation along each axis at every moment of every vehicle, by the sky that is hidden there.

    Their root mean square over the fleet is sigma_m.
    """
    shapes = [OPEN + HIDDEN * share for share in hidden]
    scale = sigma_m / math.sqrt(float(np.mean(np.concatenate(shapes) ** 2)))
    return [scale * shape for shape in shapes]


def receive(
    seconds: Floats, sigma_m: Floats, receiver: Receiver, rng: np.random.Generator, spoof: Spoof | None = None
) -> Fixes:
    """Err as a receiver does, at every moment (n,) with its standard deviation (n,)."""
    tau = float(rng.uniform(*receiver.tau_s))
    walking = math.sqrt(1.0 - receiver.white) * walk(seconds, tau, rng)
    fresh = math.sqrt(receiver.white) * rng.standard_normal((len(seconds), 2))
    error = sigma_m[:, None] * (walking + fresh)
    has_fix = ~_outages(seconds, receiver, rng)
    turn = rng.uniform(0.0, 2.0 * np.pi)
    is_spoofed = np.zeros(len(seconds), np.bool_)
    if spoof is not None:
        shift = spoof.shift_m(seconds)
        is_spoofed = shift > 0
        error = error + shift[:, None] * np.array([np.cos(turn), np.sin(turn)])
    return Fixes(error, receiver.stated * R68 * sigma_m, has_fix, is_spoofed)


def _outages(seconds: Floats, receiver: Receiver, rng: np.random.Generator) -> Bools:
    """(n,) true where no position is had."""
    span = float(seconds[-1] - seconds[0])
    count = int(rng.poisson(receiver.outages_per_hour * span / 3600.0))
    dark = np.zeros(len(seconds), np.bool_)
    for start in rng.uniform(seconds[0], seconds[-1], count):
        dark |= (seconds >= start) & (seconds < start + rng.uniform(*receiver.outage_s))
    return dark
