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
    at, at_vector, at_scale = _positions(np.array([fix.sigma_m for fix in fixes]), xy_m, movement)
    going, going_vector, going_scale = _velocities(fixes, movement)
    information, vector, log_scale = at + going, at_vector + going_vector, at_scale + going_scale
    information[is_left_out], vector[is_left_out], log_scale[is_left_out] = 0.0, 0.0, 0.0
    spread = np.array([FIRST_POSITION_M, FIRST_POSITION_M, FIRST_SPEED_MPS, FIRST_SPEED_MPS, 1.0, 1.0])
    spread[:2] += 10.0 * fixes[0].sigma_m
    return Chain(
        first=np.concatenate([xy_m[0], np.zeros(4)]),
        first_covariance=np.diag(spread**2),
        transition=_transitions(steps, movement),
        noise=_noises(steps, movement),
        information=information,
        vector=vector,
        log_scale=float(log_scale.sum()),
    )


def _positions(sigma_m: Floats, xy_m: Floats, movement: Movement) -> tuple[Floats, Floats, Floats]:
    """z = x + sigma (sqrt(1 - white) u + sqrt(white) n): information (N, S, S), vectors (N, S), log scales (N,)."""
    looks = np.zeros((len(sigma_m), 2, SIZE))
    looks[:, [0, 1], [0, 1]] = 1.0
    looks[:, [0, 1], [4, 5]] = (sigma_m * math.sqrt(1.0 - movement.white))[:, None]
    weight = 1.0 / (sigma_m**2 * movement.white)
    turned = weight[:, None, None] * looks.swapaxes(1, 2)
    scale = np.log(weight) - weight * (xy_m**2).sum(axis=1) / 2.0 - math.log(2.0 * math.pi)
    return turned @ looks, np.einsum("nsi,ni->ns", turned, xy_m), scale


def _velocities(fixes: Sequence[Fix], movement: Movement) -> tuple[Floats, Floats, Floats]:
    """Speed and course together are a velocity; a speed alone tells only that one stands. As of `_positions`."""
    speed = np.array([np.nan if fix.speed_mps is None else fix.speed_mps for fix in fixes])
    course = np.radians([np.nan if fix.heading_deg is None else fix.heading_deg for fix in fixes])
    stands = speed < STANDING_MPS
    known = stands | ~np.isnan(speed + course)
    speed = np.where(known & ~stands, speed, 0.0)
    turn = np.where(known & ~stands, course, 0.0)
    along = np.stack([np.sin(turn), np.cos(turn)], axis=1)
    across = np.stack([along[:, 1], -along[:, 0]], axis=1)
    ahead = known / movement.speed_mps**2
    aside = known / ((speed * math.radians(movement.course_deg)) ** 2 + movement.speed_mps**2)
    information, vector = np.zeros((len(fixes), SIZE, SIZE)), np.zeros((len(fixes), SIZE))
    information[:, 2:4, 2:4] = (
        ahead[:, None, None] * along[:, :, None] * along[:, None, :]
        + aside[:, None, None] * across[:, :, None] * across[:, None, :]
    )
    vector[:, 2:4] = (ahead * speed)[:, None] * along
    scale = np.zeros(len(fixes))
    scale[known] = np.log(ahead[known] * aside[known]) / 2.0 - ahead[known] * speed[known] ** 2 / 2.0
    return information, vector, scale - known * math.log(2.0 * math.pi)


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
