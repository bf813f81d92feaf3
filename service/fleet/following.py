"""Photos along a drive: each is read in the light of the others, and all fixes in the light of the photos."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.fleet.drives import Drive
from service.fleet.fitting import fitted_movement
from service.fleet.gaussian import inverse_2, round_covariance
from service.fleet.kalman import Smoothed, smooth
from service.fleet.motion import SIZE, Movement, chain_of
from service.fleet.observation import Observation
from service.fleet.tilt import Tilted, tilt

Floats = NDArray[np.float64]
ROUNDS = 3
LEAST_PRECISION = 1e-12


@dataclass(frozen=True, slots=True)
class Followed:
    """What is believed along a drive.

    Attributes:
        apart: (N, 2) metres from each fix to where it is believed to be. covariance: (N, 2, 2).
        gained_nats: (N,) what the photos told of each position beyond fixes and motion: half the logarithm of the
            ratio of determinants.
        unexplained: by step, of the photos that have their say in the light of all others: the probability that they
            tell nothing.
    """

    apart: Floats
    covariance: Floats
    gained_nats: Floats
    unexplained: dict[int, float]


def follow(
    drive: Drive,
    photos: Mapping[int, Observation],
    telling: Set[int],
    is_left_out: NDArray[np.bool_],
    movement: Movement | None,
) -> Followed | None:
    """Smooth a drive; None where no photo supports anything.

    A photo's posterior has several modes, a chain takes normals only. So each photo is put to what everything else says
    of the place (the cavity), which resolves most of them, and what it adds to that is kept as a normal; again, until
    the photos agree.

    Args:
        photos: by step. telling: steps whose photo tells of the place even without the others.
        is_left_out: (N,) fixes that are not believed. movement: None: what the drive itself shows.

    Source: expectation propagation (Minka, UAI 2001), a site a photo.
    """
    usual = movement or Movement()
    bare = chain_of(drive.fixes, drive.xy_m, drive.seconds, is_left_out, usual)
    before = smooth(bare)
    sites = _Sites(len(drive.fixes), telling)
    found, unexplained = before, dict[int, float]()
    for number in range(ROUNDS):
        tilted = {step: sites.renew(step, found, drive.xy_m[step], photo) for step, photo in photos.items()}
        unexplained = {step: one.unexplained for step, one in tilted.items() if sites.has_say(step, one, photos[step])}
        if not sites.any:
            return None
        if number == 0 and movement is None:
            usual = fitted_movement(drive, is_left_out, sites.information, sites.vector)
            bare = chain_of(drive.fixes, drive.xy_m, drive.seconds, is_left_out, usual)
            before = smooth(bare)
        found = smooth(bare.with_more(sites.information, sites.vector))
    covariance = found.covariance[:, :2, :2]
    gained = np.log(np.linalg.det(before.covariance[:, :2, :2]) / np.linalg.det(covariance)) / 2.0
    return Followed(found.mean[:, :2] - drive.xy_m, covariance, gained, unexplained)


class _Sites:
    """What each photo adds to a chain."""

    def __init__(self, steps: int, telling: Set[int]) -> None:
        self.information, self.vector = np.zeros((steps, SIZE, SIZE)), np.zeros((steps, SIZE))
        self._telling = telling

    def has_say(self, step: int, tilted: Tilted, photo: Observation) -> bool:
        """Beside others a photo may tell little that is new; what counts is that it explains the place."""
        return tilted.explains if step in self._telling else tilted.supports(photo)

    @property
    def any(self) -> bool:
        return bool(self.information.any())

    def renew(self, step: int, found: Smoothed, fix_xy_m: Floats, photo: Observation) -> Tilted:
        """Put a photo to what all others say, and keep what it adds.

        That is taken from a cavity a cell wider than it is: one within a single cell would see that cell alone, and
        take its narrow kernel for what the photo knows.
        """
        own, own_vector = self.information[step, :2, :2], self.vector[step, :2]
        whole = inverse_2(found.covariance[step, :2, :2])
        precision = whole - own
        cavity = inverse_2(precision)
        mean = cavity @ (whole @ found.mean[step, :2] - own_vector)
        tilted = tilt(photo, mean - fix_xy_m, cavity)
        information, vector = np.zeros((2, 2)), np.zeros(2)
        if self.has_say(step, tilted, photo):
            wide = cavity + round_covariance(photo.spacing_m)
            centre, spread = tilt(photo, mean - fix_xy_m, wide).mixture.moments()
            before, after = inverse_2(wide), inverse_2(spread)
            information, vector = _positive(after - before, after @ (centre + fix_xy_m) - before @ mean)
        self.information[step, :2, :2], self.vector[step, :2] = information, vector
        return tilted


def _positive(information: Floats, vector: Floats) -> tuple[Floats, Floats]:
    """Drop the directions in which a photo made things less certain."""
    values, axes = np.linalg.eigh(information)
    kept = values > LEAST_PRECISION
    axes = axes[:, kept]
    return axes @ np.diag(values[kept]) @ axes.T, axes @ axes.T @ vector
