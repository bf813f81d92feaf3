"""Tracks against single photos and a plain particle filter, on a sample city that no model has seen; steps timed.

    python -m benchmarks.tracks --work DIR [--fov 90] [--vehicles 8] [--wrong 0.3]

Each vehicle drives with odometry that errs and takes a photo every two seconds. A share of the photos is replaced,
half by photos of other places of the city, half by pictures that show no place. Three are asked after every photo: the
tracker, the photo alone as POST /localize answers it, and a bootstrap particle filter with the same odometry, the same
likelihoods and the best of a few temperatures. Found is what errs by less than the side of the square of ground that a
tile stands for, which is less than what it shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from index.bundle import open_index
from index.search import Searcher
from models.bundle import default_bundle_path, open_model_bundle
from models.calibration.nothing import pictures_of_nothing
from models.encoder import OnnxEncoder
from models.geo import distance_m, enu_m
from models.image import Photo
from service.index_localizer import IndexLocalizer
from service.likelihood import LikelihoodSource
from service.query import CameraHints, Query
from service.simulation.drives import Drive, Plan, draw_fleet
from service.simulation.photos import plan_shots, render_shots
from service.simulation.world import build_city, index_of
from service.tracking import Observation, Odometry, PhotoFrame, belief_of, tracker_of
from service.view import View
from tests.service.tracking.particles import ParticleFilter

SEED, EXTENT_M = 5301, 1000.0
STREAM = 417
TEMPERATURES = (1.0, 0.5, 0.25)
PARTICLES = 5000
Floats = NDArray[np.float64]


@dataclass
class Track:
    """Errors in metres after each photo, and what the tracker said."""

    tracked: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    particles: dict[float, list[float]] = field(default_factory=lambda: {each: [] for each in TEMPERATURES})
    localized: list[bool] = field(default_factory=list)
    within_95: list[bool] = field(default_factory=list)
    step_ms: list[float] = field(default_factory=list)
    token_bytes: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Lookup:
    """All cells of a gallery, and which of them is nearest to a place."""

    source: LikelihoodSource
    lat: float
    lon: float
    rows: NDArray[np.int64]
    cells: NDArray[np.int64]
    x_m: Floats
    y_m: Floats

    @classmethod
    def of(cls, source: LikelihoodSource) -> Lookup:
        about = source.gallery.about
        lat, lon = about.middle
        rows = np.repeat(np.arange(about.tiles), about.cells)
        cells = np.tile(np.arange(about.cells), about.tiles)
        x_m, y_m = enu_m(*source.gallery.cell_lat_lon(rows, cells), lat, lon)
        return cls(source, lat, lon, rows, cells, x_m, y_m)

    def nearest(self) -> Callable[[Floats, Floats], NDArray[np.int64]]:
        """Give the cell of each place, -1 where the next is further than a cell away."""
        side = self.source.spacing_m
        low_x, low_y = self.x_m.min() - side, self.y_m.min() - side
        shape = int((self.y_m.max() - low_y) / side) + 3, int((self.x_m.max() - low_x) / side) + 3
        grid = np.full(shape, -1, np.int64)
        grid[((self.y_m - low_y) / side).astype(int), ((self.x_m - low_x) / side).astype(int)] = np.arange(
            len(self.x_m)
        )

        def find(x_m: Floats, y_m: Floats) -> NDArray[np.int64]:
            best, found = np.full(len(x_m), side), np.full(len(x_m), -1, np.int64)
            row, column = ((y_m - low_y) / side).astype(int), ((x_m - low_x) / side).astype(int)
            for down in (-1, 0, 1):
                for right in (-1, 0, 1):
                    inside = (row + down >= 0) & (row + down < shape[0]) & (column + right >= 0)
                    inside &= column + right < shape[1]
                    cell = np.where(inside, grid[(row + down) % shape[0], (column + right) % shape[1]], -1)
                    away = np.where(cell >= 0, np.hypot(self.x_m[cell] - x_m, self.y_m[cell] - y_m), np.inf)
                    nearer = away < best
                    best, found = np.where(nearer, away, best), np.where(nearer, cell, found)
            return found

        return find


def views_of(localizer: IndexLocalizer, photos: Sequence[bytes | NDArray[np.uint8]], fov_deg: float) -> list[View]:
    views = []
    for photo in photos:
        if isinstance(photo, bytes):
            query = Query()
            decoded = localizer.decode(photo)
        else:
            query, decoded = Query(camera=CameraHints(fov_deg=fov_deg)), Photo(photo, photo.shape[1], photo.shape[0])
        prepared = localizer.prepare(decoded, query)
        views.append(View(prepared, localizer.describe(prepared)))
    return views


def follow(
    drive: Drive,
    steps: Sequence[int],
    views: Sequence[View],
    localizer: IndexLocalizer,
    lookup: Lookup,
    filters: dict[float, ParticleFilter],
) -> Track:
    """Take a drive's photos one after another."""
    source, track, belief = lookup.source, Track(), None
    tracker = tracker_of(source)
    before = steps[0]
    for step, view in zip(steps, views, strict=True):
        forward_m, turn_deg = _odometry(drive, before, step)
        motion = None if step == before else Odometry(forward_m, turn_deg)
        began = time.process_time()
        frame = PhotoFrame(source, view)
        found = tracker.step(belief, Observation(float(drive.motion.seconds[step]), frame, motion=motion))
        token = found.belief.to_bytes()
        track.step_ms.append(1e3 * (time.process_time() - began))
        track.token_bytes.append(len(token) * 4 // 3 + 96)
        belief = belief_of(token)
        truth = float(drive.lat[step]), float(drive.lon[step])
        places = found.estimate.places
        error = float(distance_m(places[0].lat, places[0].lon, *truth)) if places else np.inf
        track.tracked.append(error)
        track.localized.append(found.estimate.status == "localized")
        track.within_95.append(error <= found.estimate.radius_m_95)
        alone = localizer.search(Query(), view.prepared, view.columns).candidates
        track.alone.append(float(distance_m(alone[0].lat, alone[0].lon, *truth)) if alone else np.inf)
        likely = source.at(view, lookup.rows, lookup.cells, lookup.lat, lookup.lon)
        heading = likely.evidence.ground.heading_deg
        x_m, y_m = (float(v) for v in enu_m(*truth, lookup.lat, lookup.lon))
        for temperature, particles in filters.items():
            place = particles.step(
                temperature * likely.log_ratio,
                np.zeros(len(lookup.rows)) if heading is None else np.radians(heading),
                np.radians(10.0) / np.sqrt(temperature),
                forward_m,
                float(np.radians(turn_deg)),
            )
            track.particles[temperature].append(float(np.hypot(place[0] - x_m, place[1] - y_m)))
        before = step
    return track


def _odometry(drive: Drive, before: int, step: int) -> tuple[float, float]:
    """Metres and degrees between two steps, added up as a car does it: a chord along the mean heading."""
    taken = slice(before + 1, step + 1)
    turn = np.cumsum(np.radians(drive.odometry.turn_deg[taken]))
    if not len(turn):
        return 0.0, 0.0
    middle = turn - np.radians(drive.odometry.turn_deg[taken]) / 2
    east, north = (float((drive.odometry.metres[taken] * wave(middle)).sum()) for wave in (np.sin, np.cos))
    half = float(turn[-1]) / 2
    return east * np.sin(half) + north * np.cos(half), float(np.degrees(turn[-1]))


@click.command()
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Folder of the city, index and photos.")
@click.option("--fov", "fovs", type=float, multiple=True, default=(90.0, 360.0))
@click.option("--vehicles", default=8)
@click.option("--seconds", default=120.0)
@click.option("--photos", default=60, help="Of each vehicle, from the first on.")
@click.option("--wrong", type=float, multiple=True, default=(0.0, 0.3, 0.5), help="Share of photos that are wrong.")
@click.option("--render-only", is_flag=True)
def main(
    work: Path,
    fovs: tuple[float, ...],
    vehicles: int,
    seconds: float,
    photos: int,
    wrong: tuple[float, ...],
    render_only: bool,
) -> None:
    model = open_model_bundle(default_bundle_path())
    index = open_index(index_of(SEED, EXTENT_M, model, work))
    localizer = IndexLocalizer(OnnxEncoder(model), Searcher(index))
    source = localizer.likelihoods
    if source is None:
        raise click.ClickException("the model is not calibrated")
    city = build_city(SEED, EXTENT_M)
    plan = Plan(vehicles=vehicles, duration_s=seconds, photo_every_s=2.0, seed=1)
    drives = draw_fleet(city, plan)
    tile_m = source.spacing_m * float(np.sqrt(source.gallery.about.cells))
    print(f"{index.manifest.title}: {len(index)} tiles; found within {tile_m:.0f} m, the side of the ground of a tile")
    print(
        "| fov | wrong | last position found: track | particles | alone | median error: track | particles | alone "
        "| localized | of those found | in 95 % radius | step, ms of a core (95 %) | token bytes (most) |"
    )
    print("|" + "---|" * 13)
    for fov_deg in fovs:
        shots = [plan_shots(city, number, drive, fov_deg, plan.seed) for number, drive in enumerate(drives)]
        files = [render_shots(city, list(each.values()), work / "photos", 1) for each in shots]
        if render_only:
            continue
        views = [views_of(localizer, [file.read_bytes() for file in each[:photos]], fov_deg) for each in files]
        nothing = views_of(localizer, pictures_of_nothing(16, 1), min(fov_deg, 90.0))
        lookup = Lookup.of(source)
        for share in wrong:
            tracks = []
            for number, drive in enumerate(drives):
                rng = np.random.default_rng([STREAM, number])
                shown = _spoilt(views, number, nothing, share, rng)
                filters = {
                    each: ParticleFilter(lookup.x_m, lookup.y_m, source.spacing_m, PARTICLES, rng, lookup.nearest())
                    for each in TEMPERATURES
                }
                tracks.append(follow(drive, list(shots[number])[:photos], shown, localizer, lookup, filters))
            print(_row(fov_deg, share, tracks, tile_m))


def _spoilt(
    views: list[list[View]], number: int, nothing: list[View], share: float, rng: np.random.Generator
) -> list[View]:
    """A vehicle's photos, some of them replaced by other vehicles' and by pictures of nothing."""
    others = [view for other, each in enumerate(views) if other != number for view in each]
    shown = []
    for view in views[number]:
        pool = others if rng.random() < 0.5 else nothing
        other = pool[int(rng.integers(len(pool)))]
        shown.append(other if rng.random() < share else view)
    return shown


def _row(fov_deg: float, share: float, tracks: list[Track], tile_m: float) -> str:
    best = min(TEMPERATURES, key=lambda each: np.median([track.particles[each][-1] for track in tracks]))
    last = {"track": [track.tracked[-1] for track in tracks], "particles": [t.particles[best][-1] for t in tracks]}
    alone = np.concatenate([track.alone for track in tracks])
    tracked = np.concatenate([track.tracked for track in tracks])
    particles = np.concatenate([track.particles[best] for track in tracks])
    localized = np.concatenate([track.localized for track in tracks])
    held = np.concatenate([track.within_95 for track in tracks])
    ms = np.concatenate([track.step_ms for track in tracks])
    size = max(max(track.token_bytes) for track in tracks)
    found = {name: sum(error < tile_m for error in errors) for name, errors in last.items()}
    return (
        f"| {fov_deg:g} | {share:.0%} | {found['track']} of {len(tracks)} | {found['particles']} of {len(tracks)} "
        f"| {(alone < tile_m).mean():.0%} of photos | {np.median(tracked):.1f} m | {np.median(particles):.1f} m "
        f"| {np.median(alone):.1f} m | {localized.mean():.0%} | {(tracked[localized] < tile_m).mean():.1%} "
        f"| {held[localized].mean():.1%} | {np.median(ms):.1f} ({np.quantile(ms, 0.95):.0f}) | {size} |"
    )


if __name__ == "__main__":
    main()
