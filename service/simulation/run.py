"""One run from the city to the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from models.bundle import ModelBundle
from models.errors import OutputUnwritable, UsageError
from models.sample_city import City
from service.client.wire import KEY_VARIABLE
from service.pictures.background import Orthophoto
from service.simulation.asking_alone import localize
from service.simulation.calls import Caller
from service.simulation.correcting import Question, correct
from service.simulation.drives import Drive, Plan, draw_fleet
from service.simulation.figures import figures_of
from service.simulation.following import follow
from service.simulation.outcome import Answered, Outcome, outcome_of
from service.simulation.photos import exact_fov_deg, plan_shots, render_shots
from service.simulation.pictures import draw_track
from service.simulation.report import Arm, Report, summary, write_report
from service.simulation.world import build_city, index_of, ortho_of, seen_in_training, serving

Photos = Mapping[int, Path]
ASKED_AT_ONCE = 2
"""Calls under way: one is decoded while another is searched."""
PICTURES = 4


@dataclass(frozen=True, slots=True)
class Run:
    """All that a run is told."""

    seed: int
    out: Path
    work: Path
    model: ModelBundle
    extent_m: float = 1000.0
    plan: Plan = field(default_factory=Plan)
    fov_deg: float = 360.0
    use: Literal["correct", "track", "localize"] = "correct"
    question: Question = field(default_factory=Question)
    photos_only: bool = False
    baseline: bool = True
    alarm_rate: float | None = None
    urls: tuple[str, ...] = ()
    """Of a running service; none has one run here."""
    replicas: int = 1
    foreign: int | None = None
    workers: int = 1
    pace: float = 0.0
    """Of /track: simulated seconds a second, 0 as quickly as answers come."""
    command: str = ""


def simulate(run: Run, tell: Callable[[str], None]) -> tuple[Report, Path]:
    """Build the city, drive, photograph, ask, report; give the report and its page.

    Raises:
        UsageError: no street to drive on, nothing to send, or both a service and one to run.
        OutputUnwritable: the folder cannot be made or written to.
        SimulationFailed: the service refuses.
    """
    if run.urls and (run.foreign is not None or run.replicas > 1):
        raise UsageError("Another city's index and replicas go with --serve; what --url serves is its own affair.")
    try:
        run.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputUnwritable(f"{run.out} cannot be made: {error.strerror}.") from error
    city = build_city(run.seed, run.extent_m)
    drives = draw_fleet(city, run.plan)
    if run.photos_only:
        drives = [only_photo_steps(drive) for drive in drives]
    if not any((drive.takes_photo if run.use == "localize" else drive.fixes.has_fix).any() for drive in drives):
        raise UsageError("Nothing is to be sent: no vehicle takes a photo in that time. Take photos more often.")
    tell(f"{len(drives)} vehicles, {sum(len(drive) for drive in drives):,} moments")
    photos = photograph(city, drives, run, tell)
    with ExitStack() as stack:
        urls: Sequence[str] = run.urls
        if not urls:
            tell("Index")
            index = index_of(run.seed if run.foreign is None else run.foreign, run.extent_m, run.model, run.work)
            urls = stack.enter_context(serving(index, run.model, run.replicas))
        caller = stack.enter_context(Caller(urls, os.environ.get(KEY_VARIABLE)))
        tell(f"Ask {', '.join(urls)}")
        arms = list(ask(caller, drives, photos, run, tell))
    for arm in arms:
        tell(f"{arm.name}: {summary(arm)}")
    tell("Pictures")
    report = Report(title_of(run), facts_of(run, city, caller), arms, draw_tracks(drives, arms[0], run))
    return report, write_report(run.out, report)


def photograph(city: City, drives: Sequence[Drive], run: Run, tell: Callable[[str], None]) -> list[Photos]:
    """Render the photos of all drives; by step, a drive each."""
    shots = [plan_shots(city, number, drive, run.fov_deg, run.plan.seed) for number, drive in enumerate(drives)]
    tell(f"{sum(map(len, shots))} photos")
    files = iter(render_shots(city, [shot for own in shots for shot in own.values()], run.work / "photos", run.workers))
    return [{step: next(files) for step in own} for own in shots]


def only_photo_steps(drive: Drive) -> Drive:
    """Leave only the fixes that come with a photo."""
    fixes = replace(drive.fixes, has_fix=drive.fixes.has_fix & drive.takes_photo)
    return replace(drive, fixes=fixes)


def ask(
    caller: Caller, drives: Sequence[Drive], photos: Sequence[Photos], run: Run, tell: Callable[[str], None]
) -> list[Arm]:
    """Have the drives answered: with their photos, then without, to see what the smoother does alone."""
    with_photos = f"photos of {exact_fov_deg(run.fov_deg):.4g}°"
    if run.use == "localize":
        answers = _each(lambda drive, own: localize(caller, drive, own), drives, photos)
        return [_arm(f"each photo alone, {with_photos}", outcome_of(drives, answers), run)]
    if run.use == "track":
        return [_arm(f"followed, {with_photos}", outcome_of(drives, track(caller, drives, photos, run, tell)), run)]
    answers = _each(lambda drive, own: correct(caller, drive, own, run.question), drives, photos)
    arms = [_arm(f"corrected, {with_photos}", outcome_of(drives, answers), run)]
    if run.baseline:
        answers = _each(lambda drive, _: correct(caller, drive, {}, run.question), drives, photos)
        arms.append(_arm("corrected, no photos", outcome_of(drives, answers, with_photos=False), run))
    return arms


def track(
    caller: Caller, drives: Sequence[Drive], photos: Sequence[Photos], run: Run, tell: Callable[[str], None]
) -> list[list[Answered]]:
    """Follow all vehicles at once, each step by step."""
    with ThreadPoolExecutor(len(drives) if run.pace else ASKED_AT_ONCE) as pool:
        found = list(pool.map(lambda drive, own: follow(caller, drive, own, run.pace), drives, photos))
    tell(
        f"{sum(one.steps for one in found):,} steps, each answered once and in its place, {caller.repeated} repeated, "
        f"the latest {max(one.latest_s for one in found):.2f} s late, tokens of up to "
        f"{max(one.token_bytes for one in found):,} bytes"
    )
    return [one.answers for one in found]


def _each(
    answer: Callable[[Drive, Photos], list[Answered]], drives: Sequence[Drive], photos: Sequence[Photos]
) -> list[list[Answered]]:
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        return list(pool.map(answer, drives, photos))


def _arm(name: str, outcome: Outcome, run: Run) -> Arm:
    return Arm(name, outcome, figures_of(outcome, run.alarm_rate, run.plan.step_s))


def draw_tracks(drives: Sequence[Drive], arm: Arm, run: Run) -> dict[str, Path]:
    """Draw some vehicles: the most and the least improved, and those between; by caption."""
    outcome, background = arm.outcome, Orthophoto([ortho_of(run.seed, run.extent_m, run.work)])
    shares = {}
    for number in np.unique(outcome.vehicle).tolist():
        own = outcome.only(outcome.vehicle == number)
        shares[number] = float(np.median(own.after_m) / max(float(np.median(own.before_m)), 1e-9))
    ranked = sorted(shares, key=lambda number: shares[number])
    chosen = [ranked[place] for place in np.unique(np.linspace(0, len(ranked) - 1, PICTURES).round().astype(int))]
    drawn = {}
    for number in chosen:
        own, drive = outcome.only(outcome.vehicle == number), drives[number]
        caption = (
            f"{drive.device_id}: median error {np.median(own.before_m):.1f} m before, "
            f"{np.median(own.after_m):.1f} m after"
        )
        drawn[caption] = run.out / f"{drive.device_id}.png"
        draw_track(drive, own, background, caption, drawn[caption])
    return drawn


def title_of(run: Run) -> str:
    fov_deg, sigma_m = exact_fov_deg(run.fov_deg), run.plan.receiver.sigma_m
    return f"Fleet in sample city {run.seed}: GPS sigma {sigma_m:g} m, photos of {fov_deg:.4g}°"


def facts_of(run: Run, city: City, caller: Caller) -> dict[str, str]:
    """What a reader has to know to have the run again."""
    receiver, plan = run.plan.receiver, run.plan
    seen = seen_in_training(run.model, run.seed)
    minutes = plan.duration_s / 60
    facts = {
        "city": f"seed {run.seed}, {city.character.kind.value}, {run.extent_m:g} m, {seen}",
        "index": "of the same city" if run.foreign is None else f"of another city, seed {run.foreign}",
        "model": run.model.manifest.title,
        "fleet": f"{plan.vehicles} vehicles, {minutes:g} min, a fix every {plan.step_s:g} s, seed {plan.seed}",
        "GPS": (
            f"sigma {receiver.sigma_m:g} m an axis over the fleet, by hidden sky; {1 - receiver.white:.0%} of the "
            f"variance walks with a memory of {receiver.tau_s[0]:g} to {receiver.tau_s[1]:g} s; stated accuracy "
            f"x {receiver.stated:g}; {receiver.outages_per_hour:g} outages an hour"
        ),
        "photos": f"every {plan.photo_every_s:g} s, {exact_fov_deg(run.fov_deg):.4g}°, one moment and camera a vehicle",
        "asked": f"/{run.use}, {caller.asked} calls, {caller.repeated} repeated",
    }
    if plan.spoof is not None:
        spoof, unit = plan.spoof, "m at once" if plan.spoof.kind == "jump" else "m/s"
        facts["spoofed"] = (
            f"{plan.spoofed_vehicles:.0%} of the vehicles by {spoof.metres:g} {unit} from {spoof.after_s:g} s on"
        )
    return facts | ({"command": run.command} if run.command else {})
