"""How a camera moved between two observations, and what that makes of a belief."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from service.tracking.belief import FLAT_RAD, Components, Floats
from service.tracking.options import Options

TWO_PI = 2.0 * math.pi
LEAST_TURN_RAD = math.radians(0.5)


@dataclass(frozen=True, slots=True)
class Odometry:
    """What wheels, steps or a visual odometry say since the last observation.

    Attributes:
        forward_m: along the middle of the way between the old and the new heading; negative is backwards.
        turn_deg: clockwise.
        forward_sigma_m, turn_sigma_deg: standard deviations; by what such sensors usually do where None.
    """

    forward_m: float
    turn_deg: float = 0.0
    forward_sigma_m: float | None = None
    turn_sigma_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Velocity:
    """Speed, and the heading it goes to, clockwise from true north; without one straight on."""

    speed_mps: float
    heading_deg: float | None = None
    heading_sigma_deg: float = 15.0


Motion = Odometry | Velocity


def predict(held: Components, motion: Motion | None, elapsed_s: float, options: Options) -> tuple[Components, float]:
    """Move a belief on by the time that passed.

    Args:
        motion: None: it may have moved as things do.

    Returns:
        The components, and how far it moved in metres; negative where nothing says so.
    """
    match motion:
        case Odometry():
            forward_m = motion.forward_m
            sigma_m = motion.forward_sigma_m
            sigma_m = 0.05 * abs(forward_m) + 0.1 * math.sqrt(elapsed_s) if sigma_m is None else sigma_m
            sigma = motion.turn_sigma_deg
            sigma = 0.5 + 0.05 * abs(motion.turn_deg) + 0.1 * math.sqrt(elapsed_s) if sigma is None else sigma
            turned = math.radians(motion.turn_deg), math.radians(sigma)
            return _driven(held, (forward_m, sigma_m), turned, elapsed_s, options), abs(forward_m)
        case Velocity():
            if motion.heading_deg is not None:
                held = headed(held, math.radians(motion.heading_deg), math.radians(motion.heading_sigma_deg))
            forward_m = motion.speed_mps * elapsed_s
            lasting_s = min(elapsed_s, options.walk_tau_s)
            sigma_m = elapsed_s * (0.3 + 0.1 * motion.speed_mps + 0.5 * lasting_s)
            sigma_m = min(sigma_m, elapsed_s * options.fastest_mps / 3)
            turn = math.radians(10.0) * math.sqrt(elapsed_s)
            return _driven(held, (forward_m, sigma_m), (0.0, turn), elapsed_s, options), forward_m
    covariance = held.covariance.copy()
    usual_mps, tau = options.fastest_mps / 3, options.walk_tau_s
    walked = usual_mps**2 * tau * (elapsed_s - tau * -math.expm1(-elapsed_s / tau))
    covariance[:, 0, 0] += walked + options.drift_m2_per_s * elapsed_s
    covariance[:, 1, 1] += walked + options.drift_m2_per_s * elapsed_s
    covariance[:, 2, 2] += math.radians(45.0) ** 2 * elapsed_s
    return flattened(Components(held.mean, covariance, held.weight)), -1.0 if elapsed_s > 0 else 0.0


def _driven(
    held: Components,
    forward: tuple[float, float],
    turn: tuple[float, float],
    elapsed_s: float,
    options: Options,
) -> Components:
    """Drive on by metres and radians, each with its standard deviation.

    With a normal heading u of variance v, E[sin u] = exp(-v / 2) sin(mean), and by Stein's lemma a covariance with u
    becomes one with the step by the mean slope of the step; so components with wide headings spread as they should,
    and what a narrow heading errs is not forgotten from step to step.
    """
    (metres, sigma_m), (turn_rad, turn_sigma) = forward, turn
    mean, covariance = held.mean.copy(), held.covariance.copy()
    middle = mean[:, 2] + turn_rad / 2
    own = covariance[:, 2, 2]
    spread = own + turn_sigma**2 / 4
    shrunk, twice = np.exp(-spread / 2), np.exp(-2 * spread)
    sine, cosine = shrunk * np.sin(middle), shrunk * np.cos(middle)
    second = metres**2 + sigma_m**2
    step = metres * np.column_stack([sine, cosine])
    wave_s, wave_c = twice * np.sin(2 * middle), twice * np.cos(2 * middle)
    squares = np.empty((len(held), 2, 2))
    squares[:, 0, 0], squares[:, 1, 1] = second * (1 - wave_c) / 2, second * (1 + wave_c) / 2
    squares[:, 0, 1] = squares[:, 1, 0] = second * wave_s / 2
    slope = metres * np.column_stack([cosine, -sine])
    tied = covariance[:, :2, 2, None] * slope[:, None, :]
    covariance[:, :2, :2] += squares - step[:, :, None] * step[:, None, :] + tied + np.swapaxes(tied, 1, 2)
    covariance[:, 0, 0] += options.drift_m2_per_s * elapsed_s
    covariance[:, 1, 1] += options.drift_m2_per_s * elapsed_s
    across = covariance[:, :2, 2] + slope * (own + turn_sigma**2 / 2)[:, None]
    covariance[:, :2, 2] = covariance[:, 2, :2] = across
    covariance[:, 2, 2] = own + turn_sigma**2
    mean[:, :2] += step
    mean[:, 2] = (mean[:, 2] + turn_rad) % TWO_PI
    return flattened(Components(mean, covariance, held.weight))


def flattened(held: Components) -> Components:
    """A heading that spreads over the whole circle is any heading, and tied to nothing."""
    flat = held.covariance[:, 2, 2] >= FLAT_RAD**2
    if not flat.any():
        return held
    covariance = held.covariance.copy()
    covariance[flat, 2, :] = covariance[flat, :, 2] = 0.0
    covariance[flat, 2, 2] = FLAT_RAD**2
    return Components(held.mean, covariance, held.weight)


def headed(held: Components, heading_rad: float, sigma_rad: float) -> Components:
    """Take a measured heading in; one that contradicts a component counts as a rough one there."""
    off = turn_rad(heading_rad, held.mean[:, 2])
    own = held.covariance[:, 2, 2]
    rough = np.maximum(sigma_rad**2, off**2 / 9 - own)
    gain = held.covariance[:, :, 2] / (own + rough)[:, None]
    mean = held.mean + gain * off[:, None]
    mean[:, 2] %= TWO_PI
    covariance = held.covariance - gain[:, :, None] * gain[:, None, :] * (own + rough)[:, None, None]
    return Components(mean, covariance, held.weight)


def turn_rad(heading: Floats | float, from_: Floats | float) -> Floats:
    """Smallest turn from one heading to another, in [-pi, pi)."""
    turned: Floats = (np.asarray(heading, dtype=np.float64) - from_ + math.pi) % TWO_PI - math.pi
    return turned
