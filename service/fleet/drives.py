"""A call's fixes as drives: one device in time order, in one flat frame, without a gap or a leap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.geo import distance_m, enu_m
from service.fleet.fix import Fix, FleetNotice
from service.fleet.observation import NEAR_POLE_DEG

Floats = NDArray[np.float64]
LONGEST_GAP_S, WIDEST_FRAME_M = 300.0, 20_000.0
FASTEST_MPS, LEAP_SIGMAS = 100.0, 8.0
"""A fix that lies further from the last one than any vehicle gets is another vehicle, or a leap of the receiver."""


@dataclass(frozen=True, slots=True)
class Drive:
    """Fixes (N,) of one device in time order, metres (N, 2) from the first one, seconds (N,) since it."""

    fixes: tuple[Fix, ...]
    xy_m: Floats
    seconds: Floats


def drives_of(fixes: Sequence[Fix]) -> tuple[list[Drive], list[FleetNotice]]:
    """Cut a call into drives of two fixes and more; fixes without a time, and near a pole, are in none."""
    of_device: dict[str, list[Fix]] = {}
    for fix in fixes:
        if fix.timestamp is not None and abs(fix.lat) < NEAR_POLE_DEG:
            of_device.setdefault(fix.device_id, []).append(fix)
    late = tuple(sorted(index for own in of_device.values() for index in _late(own)))
    twice, drives, leaps = [], [], []
    for own in of_device.values():
        own.sort(key=_time)
        twice += [b.index for a, b in pairwise(own) if a.timestamp == b.timestamp]
        start = 0
        for k in range(1, len(own) + 1):
            leap = k < len(own) and _leaps(own[k - 1], own[k])
            if leap:
                leaps.append(own[k].index)
            if k == len(own) or leap or _parts(own[start], own[k - 1], own[k]):
                if k - start > 1:
                    drives.append(_drive(own[start:k]))
                start = k
    notices = [
        FleetNotice("timestamps_out_of_sequence", "Fixes older than one of their device before them; sorted.", late),
        FleetNotice("timestamps_repeated", "Fixes with the time of another one of their device.", tuple(sorted(twice))),
        FleetNotice(
            "implausible_motion",
            f"Fixes that their device cannot have reached at {FASTEST_MPS:g} m/s; a new drive begins with them.",
            tuple(sorted(leaps)),
        ),
    ]
    return drives, [notice for notice in notices if notice.fix_indexes]


def _time(fix: Fix) -> float:
    return 0.0 if fix.timestamp is None else fix.timestamp.timestamp()


def _late(fixes: Sequence[Fix]) -> list[int]:
    """Indexes of fixes that come after a later one."""
    latest, found = -np.inf, []
    for fix in fixes:
        if _time(fix) < latest:
            found.append(fix.index)
        latest = max(latest, _time(fix))
    return found


def _leaps(before: Fix, after: Fix) -> bool:
    apart = float(distance_m(before.lat, before.lon, after.lat, after.lon))
    errors = LEAP_SIGMAS * float(np.hypot(before.sigma_m, after.sigma_m))
    return apart > FASTEST_MPS * (_time(after) - _time(before)) + errors


def _parts(first: Fix, before: Fix, after: Fix) -> bool:
    """Is there too long a gap, or too long a way from the first one?"""
    if _time(after) - _time(before) > LONGEST_GAP_S:
        return True
    return float(distance_m(first.lat, first.lon, after.lat, after.lon)) > WIDEST_FRAME_M


def _drive(fixes: Sequence[Fix]) -> Drive:
    lat, lon = np.array([fix.lat for fix in fixes]), np.array([fix.lon for fix in fixes])
    east_m, north_m = enu_m(lat, lon, lat[0], lon[0])
    seconds = np.array([_time(fix) for fix in fixes])
    return Drive(tuple(fixes), np.stack([east_m, north_m], axis=1), seconds - seconds[0])
