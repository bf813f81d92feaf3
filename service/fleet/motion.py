"""How vehicles move and how their GPS errs, as a chain: constant velocity, and an error that walks.

The state is east, north (metres), east and north velocity (m/s), and the walking part of the error along both axes, in
standard deviations of the fix. GPS errs between houses by reflections that stay while the vehicle does: most of an
error is still there some seconds later, so ten fixes in ten seconds are hardly better than one. A model of fresh noise
would shrink its radii with every fix; here the error walks (Gauss and Markov, first order) and photos tell it apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.fleet.fix import Fix
from service.fleet.kalman import Chain

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SIZE = 6
STANDING_MPS = 0.5
FIRST_POSITION_M, FIRST_SPEED_MPS = 1000.0, 30.0
"""Spread of what is thought before the first fix: next to nothing is."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Numbers of the model.

    Attributes:
        acceleration: spectral density of the acceleration along each axis, m^2/s^3; 2 is a car in a town.
        tau_s: the walking part of an error forgets itself as exp(-t / tau). white: share of an error's variance that
            is new with every fix.
        speed_mps, course_deg: standard deviations of a speed and of a course that a fix tells.
    """

    acceleration: float = 2.0
    tau_s: float = 40.0
    white: float = 0.1
    speed_mps: float = 0.5
    course_deg: float = 5.0


def chain_of(fixes: Sequence[Fix], xy_m: Floats, seconds: Floats, is_left_out: Bools, movement: Movement) -> Chain:
    """Build the chain of one device.

    Args:
        fixes: in time order. xy_m: (N, 2) of them, metres of a flat frame. seconds: (N,), never falling.
        is_left_out: (N,) fixes that are not believed.
    """
    steps = np.diff(seconds, prepend=seconds[:1])
    information, vector = np.zeros((len(fixes), SIZE, SIZE)), np.zeros((len(fixes), SIZE))
    log_scale = 0.0
    for k, fix in enumerate(fixes):
        if is_left_out[k]:
            continue
        log_scale += _measure_position(fix.sigma_m, xy_m[k], movement, information[k], vector[k])
        log_scale += _measure_velocity(fix, movement, information[k], vector[k])
    spread = np.array([FIRST_POSITION_M, FIRST_POSITION_M, FIRST_SPEED_MPS, FIRST_SPEED_MPS, 1.0, 1.0])
    spread[:2] += 10.0 * fixes[0].sigma_m
    return Chain(
        first=np.concatenate([xy_m[0], np.zeros(4)]),
        first_covariance=np.diag(spread**2),
        transition=_transitions(steps, movement),
        noise=_noises(steps, movement),
        information=information,
        vector=vector,
        log_scale=log_scale,
    )


def _measure_position(sigma_m: float, xy_m: Floats, movement: Movement, information: Floats, vector: Floats) -> float:
    """z = x + sigma (sqrt(1 - white) u + sqrt(white) n); give the log of what does not depend on the state."""
    looks = np.zeros((2, SIZE))
    looks[[0, 1], [0, 1]] = 1.0
    looks[[0, 1], [4, 5]] = sigma_m * math.sqrt(1.0 - movement.white)
    weight = 1.0 / (sigma_m**2 * movement.white)
    information += weight * looks.T @ looks
    vector += weight * looks.T @ xy_m
    return _log_scale(xy_m, np.eye(2) * weight)


def _measure_velocity(fix: Fix, movement: Movement, information: Floats, vector: Floats) -> float:
    """Speed and course together are a velocity; a speed alone tells only that one stands."""
    if fix.speed_mps is None:
        return 0.0
    if fix.speed_mps < STANDING_MPS:
        velocity, covariance = np.zeros(2), np.eye(2) * movement.speed_mps**2
    elif fix.heading_deg is not None:
        turn = math.radians(fix.heading_deg)
        along, across = np.array([math.sin(turn), math.cos(turn)]), np.array([math.cos(turn), -math.sin(turn)])
        aside = math.hypot(fix.speed_mps * math.radians(movement.course_deg), movement.speed_mps)
        velocity = fix.speed_mps * along
        covariance = movement.speed_mps**2 * np.outer(along, along) + aside**2 * np.outer(across, across)
    else:
        return 0.0
    weight = np.linalg.inv(covariance)
    information[2:4, 2:4] += weight
    vector[2:4] += weight @ velocity
    return _log_scale(velocity, np.asarray(weight, np.float64))


def _log_scale(value: Floats, weight: Floats) -> float:
    """-(z' R^-1 z + log det 2 pi R) / 2 of a measurement (2,) with its inverse covariance (2, 2)."""
    return float(-(value @ weight @ value) + np.log(np.linalg.det(weight))) / 2.0 - math.log(2.0 * math.pi)


def _transitions(steps: Floats, movement: Movement) -> Floats:
    found = np.broadcast_to(np.eye(SIZE), (len(steps), SIZE, SIZE)).copy()
    found[:, [0, 1], [2, 3]] = steps[:, None]
    found[:, [4, 5], [4, 5]] = np.exp(-steps / movement.tau_s)[:, None]
    return found


def _noises(steps: Floats, movement: Movement) -> Floats:
    """Of white acceleration, integrated over a step, and of what an error forgot (Bar-Shalom et al., 2001, 6.2)."""
    found = np.zeros((len(steps), SIZE, SIZE))
    q = movement.acceleration
    for axis in (0, 1):
        found[:, axis, axis] = q * steps**3 / 3.0
        found[:, axis, axis + 2] = found[:, axis + 2, axis] = q * steps**2 / 2.0
        found[:, axis + 2, axis + 2] = q * steps
        found[:, axis + 4, axis + 4] = -np.expm1(-2.0 * steps / movement.tau_s)
    return found
