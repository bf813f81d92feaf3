"""What photos are worth to a fleet with bad GPS: `python -m benchmarks.fleet --work DIR --fov 360`.

A sample city that no model was trained on is indexed; simulated vehicles drive through it and take photos. Their fixes
are corrected by the core itself, without a service between: fixes by themselves with fresh normal errors, and the
alarms among them; whole drives with errors that walk, with speed and course and without; the same with photos of
another city.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.bundle import open_index
from index.search import Searcher
from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder
from models.geo import distance_m, offset
from models.sample_city import City
from service.fleet.correct import correct
from service.fleet.fix import Corrected, Fix, Options
from service.fleet.gaussian import chi2_quantile, round_radius
from service.fleet.observation import LEAST_REACH_M, Observation, Photos, observe
from service.index_localizer import IndexLocalizer
from service.query import CameraHints, Query
from service.simulation.binomial import interval
from service.simulation.drives import Drive, Plan, draw_fleet
from service.simulation.gnss import Receiver
from service.simulation.photos import plan_shots, render_shots
from service.simulation.world import build_city, index_of
from service.view import View

START = datetime(2026, 6, 1, tzinfo=UTC)
RATES = (0.1, 0.05, 0.01, 0.001)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Fixes, what their photos say, and the truth, (n,) lat and lon."""

    fixes: list[Fix]
    observations: dict[int, Observation]
    lat: Floats
    lon: Floats

    def bare(self) -> Sample:
        """Without speed and course."""
        return replace(self, fixes=[replace(fix, speed_mps=None, heading_deg=None) for fix in self.fixes])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="Folder for city, index and photos, kept.")
    parser.add_argument("--city", type=int, default=5203)
    parser.add_argument("--foreign", type=int, default=5202, help="City of the photos that match nothing.")
    parser.add_argument("--extent", type=float, default=1000.0)
    parser.add_argument("--fov", type=float, default=360.0)
    parser.add_argument("--sigma", type=float, default=20.0)
    parser.add_argument("--vehicles", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3, help="Fixes a photo, where fixes are alone.")
    told = parser.parse_args()
    model = open_model_bundle(default_bundle_path())
    encoder = OnnxEncoder(model)
    index = index_of(told.city, told.extent, model, told.work)
    localizer = IndexLocalizer(encoder, Searcher(open_index(index, encoder)))
    source = localizer.likelihoods
    if source is None:
        raise SystemExit("The default bundle has no calibration.")
    city = build_city(told.city, told.extent)
    plan = Plan(vehicles=told.vehicles, receiver=Receiver(sigma_m=told.sigma))
    drives = draw_fleet(city, plan)
    views = photographed(city, drives, plan, told.fov, localizer, told.work)
    print(f"city {told.city}, {told.fov:g}°, sigma {told.sigma:g} m, {sum(map(len, views))} photos")
    print(f"{'':34}{'n':>6}{'moved':>8}{'before':>8}{'after':>7}{'ratio':>7}{'in R68':>8}{'in R95':>8}{'R95':>7}")
    alone = fixes_alone(drives, views, source, told.sigma, told.repeats)
    tell("fixes alone, fresh errors", alone, smooth=True)
    along = fixes_along(drives, views, source)
    tell("fixes alone, of the drives", along, smooth=False)
    tell("drives, speed and course told", along)
    tell("drives, positions only", along.bare())
    elsewhere = build_city(told.foreign, told.extent)
    others = draw_fleet(elsewhere, plan)
    foreign = photographed(elsewhere, others, plan, told.fov, localizer, told.work)
    lost = fixes_along(drives, [exchanged(drive, own) for drive, own in zip(drives, foreign, strict=True)], source)
    tell("photos of another city, alone", lost, smooth=False)
    tell("photos of another city, drives", lost)
    tell("the same, positions only", lost.bare())
    alarms(alone)
    costs(drives[0], views[0], source)


def photographed(
    city: City, drives: Sequence[Drive], plan: Plan, fov_deg: float, localizer: IndexLocalizer, work: Path
) -> list[dict[int, View]]:
    """Take and describe the photos of drives; by step, a drive each."""
    shots = [plan_shots(city, number, drive, fov_deg, plan.seed) for number, drive in enumerate(drives)]
    files = iter(render_shots(city, [shot for own in shots for shot in own.values()], work / "photos", 2))
    query = Query(camera=CameraHints(fov_deg=fov_deg, projection="panorama" if fov_deg > 120 else "perspective"))
    described = []
    for own in shots:
        views = {}
        for step in own:
            prepared = localizer.prepare(localizer.decode(next(files).read_bytes()), query)
            views[step] = View(prepared, localizer.describe(prepared))
        described.append(views)
    return described


def exchanged(drive: Drive, views: Mapping[int, View]) -> dict[int, View]:
    """Give a drive the photos of another one, in order."""
    return dict(zip((int(step) for step in np.flatnonzero(drive.takes_photo)), views.values(), strict=False))


def fixes_alone(
    drives: Sequence[Drive], views: Sequence[Mapping[int, View]], source: Photos, sigma_m: float, repeats: int
) -> Sample:
    """A normal error, fresh for every fix, at every photo; no times."""
    rng = np.random.default_rng(1)
    fixes: list[Fix] = []
    observations, truth = {}, []
    for drive, own in zip(drives, views, strict=True):
        for step in [step for step in own for _ in range(repeats)]:
            lat, lon = offset(drive.lat[step], drive.lon[step], *rng.normal(0.0, sigma_m, 2))
            fix = Fix(len(fixes), drive.device_id, None, float(lat), float(lon), round_radius(sigma_m, 0.68), 68)
            fixes.append(fix)
            observations[fix.index] = observe(fix, own[step], source)
            truth.append((drive.lat[step], drive.lon[step]))
    return Sample(fixes, observations, *np.array(truth).T)


def fixes_along(drives: Sequence[Drive], views: Sequence[Mapping[int, View]], source: Photos) -> Sample:
    """Every fix of the drives, with speed and course where the receiver knew them."""
    fixes: list[Fix] = []
    observations, truth = {}, []
    for drive, own in zip(drives, views, strict=True):
        for step in np.flatnonzero(drive.fixes.has_fix).tolist():
            course = float(drive.course_deg[step])
            fix = Fix(
                index=len(fixes),
                device_id=drive.device_id,
                timestamp=START + timedelta(seconds=float(drive.motion.seconds[step])),
                lat=float(drive.gps_lat[step]),
                lon=float(drive.gps_lon[step]),
                accuracy_m=float(drive.fixes.accuracy_m[step]),
                accuracy_percentile=68,
                heading_deg=None if np.isnan(course) else course,
                speed_mps=float(drive.speed_mps[step]),
            )
            fixes.append(fix)
            if step in own:
                observations[fix.index] = observe(fix, own[step], source)
            truth.append((drive.lat[step], drive.lon[step]))
    return Sample(fixes, observations, *np.array(truth).T)


def tell(name: str, sample: Sample, smooth: bool = True) -> None:
    """Correct a sample and print its row; without the smoother only fixes with photos count."""
    answers, _ = correct(sample.fixes, sample.observations, Options(smooth=smooth))
    has_photo = np.array([fix.index in sample.observations for fix in sample.fixes])
    counted = np.ones(len(answers), np.bool_) if smooth else has_photo
    before = distance_m([fix.lat for fix in sample.fixes], [fix.lon for fix in sample.fixes], sample.lat, sample.lon)
    after = distance_m(*_places(answers), sample.lat, sample.lon)
    radius_68, radius_95 = np.array([(answer.radius_m_68, answer.radius_m_95) for answer in answers]).T
    moved = np.array([answer.status == "corrected" for answer in answers])
    medians = float(np.median(before[counted])), float(np.median(after[counted]))
    print(
        f"{name:34}{counted.sum():6}{moved[counted].mean():8.1%}{medians[0]:8.1f}{medians[1]:7.1f}"
        f"{medians[1] / medians[0]:7.2f}{(after <= radius_68)[counted].mean():8.1%}"
        f"{(after <= radius_95)[counted].mean():8.1%}{np.median(radius_95[counted]):7.1f}"
    )


def _places(answers: Sequence[Corrected]) -> tuple[list[float], list[float]]:
    return [answer.lat for answer in answers], [answer.lon for answer in answers]


def alarms(sample: Sample) -> None:
    """Count honest fixes beyond each gate, beside what the rate asked for allows of as many."""
    answers, _ = correct(sample.fixes, sample.observations, Options(smooth=False))
    told = np.array([answer.innovation_chi2 or 0.0 for answer in answers])
    for rate in RATES:
        count = int((told > chi2_quantile(1.0 - rate)).sum())
        low, high = interval(count, len(told))
        print(f"alarms at {rate:6.1%}: {count} of {len(told)}, {count / len(told):.2%} ({low:.2%} to {high:.2%})")


def costs(drive: Drive, views: Mapping[int, View], source: Photos) -> None:
    """Time one drive's photos: all of `observe`, and of it the search around the fix."""
    sample = fixes_along([drive], [views], source)
    fixes = [sample.fixes[index] for index in sample.observations]
    started = time.perf_counter()
    for fix, view in zip(fixes, views.values(), strict=True):
        observe(fix, view, source)
    whole_s = time.perf_counter() - started
    started = time.perf_counter()
    for fix, view in zip(fixes, views.values(), strict=True):
        source.near(view, fix.lat, fix.lon, LEAST_REACH_M)
    near_s = time.perf_counter() - started
    started = time.perf_counter()
    correct(sample.fixes, sample.observations, Options())
    print(
        f"a photo observed: {whole_s / len(fixes):.3f} s, {near_s / len(fixes):.3f} s of it search within "
        f"{LEAST_REACH_M:g} m; {len(sample.fixes)} fixes corrected: {time.perf_counter() - started:.2f} s"
    )


if __name__ == "__main__":
    main()
