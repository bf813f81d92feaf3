"""The photos of a fleet: what each vehicle's camera sees, rendered once and kept by what it depends on."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from models.artefact import canonical_json
from models.sample_city import GENERATION, Appearance, City, render_panorama, render_photo
from models.sample_city.jpeg import focal_length_35mm, write_panorama, write_photo
from service.simulation.drives import STREAM, Drive

PANORAMA_PX, PANORAMA_UP_DEG = (512, 128), 90.0
PHOTO_PX = (320, 240)
WHOLE_CIRCLE_DEG, WIDEST_DEG = 360.0, 120.0
HEIGHT_M = (1.5, 2.6)
QUALITY = 92
"""Of the file; what the camera itself compressed away is in its Appearance."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo: where, which way (of the middle, from true north), how wide, and how the city looks just then."""

    x_m: float
    y_m: float
    heading_deg: float
    fov_deg: float
    height_m: float
    look: Appearance

    def file_in(self, folder: Path, city: City) -> Path:
        """Name of the picture; the same name is the same picture."""
        parts = [GENERATION, city.seed, city.extent_m, PANORAMA_PX, PHOTO_PX, QUALITY, asdict(self)]
        return folder / f"{hashlib.sha256(canonical_json(parts)).hexdigest()[:24]}.jpg"


def exact_fov_deg(fov_deg: float) -> float:
    """Give the nearest field of view that a whole focal length in 35 mm terms can say; the whole circle above 120."""
    if fov_deg > WIDEST_DEG:
        return WHOLE_CIRCLE_DEG
    return float(2.0 * np.degrees(np.arctan(18.0 / round(focal_length_35mm(fov_deg)))))


def plan_shots(city: City, number: int, drive: Drive, fov_deg: float, seed: int) -> dict[int, Shot]:
    """Say what vehicle `number` photographs, by the step of its drive: one moment and one camera a vehicle."""
    rng = np.random.default_rng([STREAM, city.seed, seed, number, 2])
    look, height_m = Appearance.draw(rng), float(rng.uniform(*HEIGHT_M))
    fov_deg = exact_fov_deg(fov_deg)
    return {
        int(step): Shot(
            x_m=float(drive.motion.xy_m[step, 0]),
            y_m=float(drive.motion.xy_m[step, 1]),
            heading_deg=float(drive.heading_deg[step]),
            fov_deg=fov_deg,
            height_m=height_m,
            look=look,
        )
        for step in np.flatnonzero(drive.takes_photo)
    }


def render_shots(
    city: City, shots: Sequence[Shot], folder: Path, workers: int, on_done: Callable[[int], None] = lambda _: None
) -> list[Path]:
    """Render what is not in the folder yet; give the files in order.

    Args:
        shots: those of one moment side by side, as a moment's shadows are cast once for all of them.
        workers: processes; each builds the city for itself.
        on_done: told how many more are done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [shot.file_in(folder, city) for shot in shots]
    missing = [(shot, file) for shot, file in zip(shots, files, strict=True) if not file.is_file()]
    on_done(len(shots) - len(missing))
    batches = _by_moment(missing)
    if workers <= 1 or len(batches) <= 1:
        for batch in batches:
            on_done(_render(city, batch))
        return files
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(batches)), context, _build, (city.seed, city.extent_m)) as pool:
        for count in pool.map(_render_here, batches):
            on_done(count)
    return files


def _by_moment(missing: Sequence[tuple[Shot, Path]]) -> list[list[tuple[Shot, Path]]]:
    batches: dict[Appearance, list[tuple[Shot, Path]]] = {}
    for shot, file in missing:
        batches.setdefault(shot.look, []).append((shot, file))
    return list(batches.values())


_city: City | None = None


def _build(seed: int, extent_m: float) -> None:
    global _city
    _city = City.generate(seed, extent_m)


def _render_here(batch: Sequence[tuple[Shot, Path]]) -> int:
    if _city is None:
        raise RuntimeError("a process renders before it has built its city")
    return _render(_city, batch)


def _render(city: City, batch: Sequence[tuple[Shot, Path]]) -> int:
    for shot, file in batch:
        take(city, shot, file)
    return len(batch)


def take(city: City, shot: Shot, file: Path) -> None:
    """Render a photo into a file that says its field of view and not where it was taken."""
    pose = shot.x_m, shot.y_m, shot.heading_deg
    draft = file.with_suffix(".part")
    if shot.fov_deg >= WHOLE_CIRCLE_DEG:
        pixels = render_panorama(city, shot.look, *pose, *PANORAMA_PX, PANORAMA_UP_DEG, shot.height_m)
        write_panorama(draft, pixels, QUALITY)
    else:
        pixels = render_photo(city, shot.look, *pose, shot.fov_deg, *PHOTO_PX, shot.height_m)
        write_photo(draft, pixels, shot.fov_deg, QUALITY)
    draft.replace(file)
