"""The files of one drive through a sample city: what docs/tracks.md is tried on.

    python -m benchmarks.drive_files --out /tmp/drive
    python -m benchmarks.drive_files --out /tmp/drive --compare /tmp/drive/out.gpx

The first writes photos/ (named by their times), drive.mp4, gps.gpx, truth.gpx, odometry.csv, ortho.tif and an index;
the second says how far a track lies from the truth, and its fixes likewise.
"""

from __future__ import annotations

import argparse
import csv
import math
import shutil
import sys
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from models.bundle import default_bundle_path, open_model_bundle
from models.geo import distance_m
from models.sample_city import City
from service.simulation.drives import Drive, Plan, draw_fleet
from service.simulation.photos import plan_shots, render_shots
from service.simulation.world import build_city, index_of, ortho_of
from service.track_files.gpx import read_gpx
from service.track_files.gpx_writing import write_gpx
from service.track_files.points import Track, TrackPoint
from service.track_files.values import say_time

BEGIN = datetime(2026, 11, 21, 9, 0, 0, tzinfo=UTC)
FILM_PX = (320, 240)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--city", type=int, default=5201)
    parser.add_argument("--extent", type=float, default=800.0)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--photo-every", type=float, default=2.0)
    parser.add_argument("--fov", type=float, default=90.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compare", type=Path, help="A track to hold against truth.gpx; nothing is written.")
    arguments = parser.parse_args()
    if arguments.compare:
        compare(arguments.out / "truth.gpx", arguments.compare)
        return
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    city = build_city(arguments.city, arguments.extent)
    plan = Plan(1, 60 * arguments.minutes, 1.0, arguments.photo_every, arguments.seed)
    (drive,) = draw_fleet(city, plan)
    write_photos(city, drive, arguments.fov, arguments.seed, out)
    write_logs(drive, out)
    shutil.copyfile(ortho_of(arguments.city, arguments.extent, out / "work"), out / "ortho.tif")
    index = index_of(arguments.city, arguments.extent, open_model_bundle(default_bundle_path()), out / "work")
    print(f"index: {index}")


def write_photos(city: City, drive: Drive, fov_deg: float, seed: int, out: Path) -> None:
    """Render what the camera saw, into files named by their times, and a film of them."""
    shots = plan_shots(city, 0, drive, fov_deg, seed)
    files = render_shots(city, list(shots.values()), out / "work" / "shots", 1)
    (out / "photos").mkdir(exist_ok=True)
    for step, file in zip(shots, files, strict=True):
        shutil.copyfile(file, out / "photos" / f"{moment(drive, step):%Y-%m-%dT%H-%M-%SZ}.jpg")
    print(f"{len(files)} photos over {drive.motion.seconds[-1]:.0f} s")
    write_film([(float(drive.motion.seconds[step]), file) for step, file in zip(shots, files, strict=True)], out)


def write_film(shots: list[tuple[float, Path]], out: Path) -> None:
    """Write a film whose frames are the photos, at their times."""
    first = min(second for second, _ in shots)
    created = say_time(BEGIN + timedelta(seconds=first))
    with av.open(str(out / "drive.mp4"), "w", options={"movflags": "use_metadata_tags"}) as film:
        film.metadata["creation_time"] = created
        stream = film.add_stream("libx264", rate=1000)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *FILM_PX, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.options = {"crf": "16"}
        for second, file in shots:
            frame = av.VideoFrame.from_ndarray(
                np.asarray(Image.open(file).convert("RGB").resize(FILM_PX)), format="rgb24"
            )
            frame.pts, frame.time_base = round(1000 * (second - first)), Fraction(1, 1000)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))


def write_logs(drive: Drive, out: Path) -> None:
    """Write where it was, what its receiver said, and what its wheels and gyro counted."""
    steps = range(len(drive))
    truth = [TrackPoint(drive.lat[n], drive.lon[n], moment(drive, n)) for n in steps]
    fixes = [
        TrackPoint(drive.gps_lat[n], drive.gps_lon[n], moment(drive, n), None, drive.fixes.accuracy_m[n], 68.0)
        for n in steps
        if drive.fixes.has_fix[n]
    ]
    write_gpx(out / "truth.gpx", [Track(tuple(truth), "truth")])
    write_gpx(out / "gps.gpx", [Track(tuple(fixes), "gps")])
    with (out / "odometry.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("time", "forward_m", "turn_deg"))
        for n in steps:
            odometry = drive.odometry
            writer.writerow((say_time(moment(drive, n)), f"{odometry.metres[n]:.3f}", f"{odometry.turn_deg[n]:.3f}"))


def moment(drive: Drive, step: int) -> datetime:
    return BEGIN + timedelta(seconds=float(drive.motion.seconds[step]))


def compare(truth: Path, track: Path) -> None:
    """Print how far the points of a track lie from where the camera was at their times."""
    where = {point.timestamp: (point.lat, point.lon) for point in read_gpx(truth).points}
    points = [point for point in read_gpx(track).points if point.timestamp in where]
    if not points:
        sys.exit(f"No point of {track} has a time of {truth}.")
    errors = np.array([float(distance_m(p.lat, p.lon, *where[p.timestamp])) for p in points])
    radii = np.array([p.accuracy_m if p.accuracy_percentile == 95.0 and p.accuracy_m else math.nan for p in points])
    far = np.quantile(errors, 0.95)
    print(f"{track.name}: {len(points)} points, median error {np.median(errors):.1f} m, 95 % within {far:.1f} m")
    if np.isfinite(radii).any():
        print(f"within their 95 % radius: {(errors <= radii).sum()} of {len(points)}")


if __name__ == "__main__":
    main()
