"""Correct a call's fixes, one for one: `observe` each photo wherever searches run, then `correct` them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from service.fleet.belonging import judged
from service.fleet.drives import Drive, drives_of
from service.fleet.fix import ASSUMED_ACCURACY_M, ASSUMED_PERCENTILE, Corrected, Fix, FleetNotice, Options
from service.fleet.following import follow
from service.fleet.gaussian import chi2_quantile
from service.fleet.motion import Movement
from service.fleet.observation import NEAR_POLE_DEG, Observation
from service.fleet.persistence import contradicted
from service.fleet.single import alone, by_motion, by_photo, innovation, kept, normals

STALE_S = 2.0
"""A photo that is older or newer than its fix by more was taken elsewhere."""
BY_SEVERAL = 0.5
"""Share of the false alarms that is left to what several photos say together."""
TOLD_BY_PHOTOS_NATS = 0.1
"""What the photos of a drive have to tell of a fix before it is moved."""


def correct(
    fixes: Sequence[Fix], observations: Mapping[int, Observation], options: Options, movement: Movement | None = None
) -> tuple[list[Corrected], list[FleetNotice]]:
    """Answer fixes in their order.

    Args:
        fixes: of any devices, in any order; their indexes differ.
        observations: of the photos, by the index of their fix (`observation.observe`).
        movement: of every device; None: what its own drive shows.
    """
    stale = tuple(fix.index for fix in fixes if fix.index in observations and _is_stale(fix))
    photos = {index: photo for index, photo in observations.items() if index not in stale}
    if options.smooth:
        photos = judged(fixes, photos)
    drives, notices = drives_of(fixes)
    followed = drives if options.smooth else []
    rate, rates, again = options.false_alarm_rate, dict[int, float](), set[int]()
    for drive in followed:
        own = {step: photos[fix.index] for step, fix in enumerate(drive.fixes) if fix.index in photos}
        if len(own) > 1:
            rates |= {drive.fixes[step].index: rate * (1.0 - BY_SEVERAL) for step in own}
            again |= {drive.fixes[step].index for step in contradicted(drive, own, rate * BY_SEVERAL)}
    found = {
        fix.index: _single(fix, photos.get(fix.index), rates.get(fix.index, rate), fix.index in again) for fix in fixes
    }
    for drive in followed:
        found.update(_along(drive, photos, found, movement))
    return [found[fix.index] for fix in fixes], [*notices, *_notices(fixes, found, stale)]


def _is_stale(fix: Fix) -> bool:
    if fix.timestamp is None or fix.photo_time is None:
        return False
    return abs((fix.timestamp - fix.photo_time).total_seconds()) > STALE_S


def _single(fix: Fix, photo: Observation | None, rate: float, is_contradicted: bool) -> Corrected:
    """Answer a fix by itself."""
    if photo is None:
        return kept(fix)
    chi2 = innovation(photo, fix.sigma_m)
    if is_contradicted or (chi2 is not None and chi2 > chi2_quantile(1.0 - rate)):
        return replace(kept(fix, "rejected_outlier"), innovation_chi2=chi2, photo=photo.alone.place)
    if not photo.is_covered:
        return kept(fix, "not_localized")
    tilted = alone(fix, photo)
    if not tilted.supports(photo):
        return replace(kept(fix), innovation_chi2=chi2)
    return by_photo(fix, tilted, chi2)


def _along(
    drive: Drive, photos: Mapping[int, Observation], single: Mapping[int, Corrected], movement: Movement | None
) -> dict[int, Corrected]:
    """Answer the fixes of a drive that photos tell of; what was rejected or has no imagery stays as it is."""
    status = [single[fix.index].status for fix in drive.fixes]
    rejected = np.array([word == "rejected_outlier" for word in status])
    read = {
        step: photos[fix.index]
        for step, fix in enumerate(drive.fixes)
        if fix.index in photos and status[step] in ("corrected", "kept")
    }
    telling = {step for step, word in enumerate(status) if word == "corrected"}
    followed = follow(drive, read, telling, rejected, movement) if read else None
    if followed is None:
        return {}
    found, believed = {}, normals(followed.apart, followed.covariance)
    for step, fix in enumerate(drive.fixes):
        if status[step] not in ("corrected", "kept"):
            continue
        chi2 = single[fix.index].innovation_chi2
        unexplained = followed.unexplained.get(step)
        if unexplained is not None or followed.gained_nats[step] >= TOLD_BY_PHOTOS_NATS:
            answer = by_motion(fix, step, believed, unexplained)
        else:
            answer = kept(fix)
        found[fix.index] = replace(answer, innovation_chi2=chi2)
    return found


def _notices(fixes: Sequence[Fix], found: Mapping[int, Corrected], stale: tuple[int, ...]) -> list[FleetNotice]:
    assumed_m = (
        f"No accuracy was told; a radius of {ASSUMED_ACCURACY_M:g} m that holds {ASSUMED_PERCENTILE:g} % was assumed."
    )
    told = [
        ("accuracy_assumed", assumed_m, [fix.index for fix in fixes if fix.accuracy_m is None]),
        (
            "accuracy_percentile_assumed",
            f"The accuracy has no percentile; {ASSUMED_PERCENTILE:g} % was assumed.",
            [fix.index for fix in fixes if fix.accuracy_m is not None and fix.accuracy_percentile is None],
        ),
        (
            "photo_not_of_fix",
            f"The photo was taken more than {STALE_S:g} s before or after its fix; it was not used.",
            list(stale),
        ),
        (
            "outside_coverage",
            "No imagery lies around these fixes.",
            [index for index, answer in found.items() if answer.status == "not_localized"],
        ),
        ("near_pole", "Too near a pole for a flat map; kept.", [f.index for f in fixes if abs(f.lat) >= NEAR_POLE_DEG]),
    ]
    return [FleetNotice(code, detail, tuple(sorted(indexes))) for code, detail, indexes in told if indexes]
