"""Photos: one moment and camera a vehicle, taken where the vehicle is, rendered once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.sample_city import City
from service.simulation.drives import Drive
from service.simulation.photos import PANORAMA_PX, PHOTO_PX, exact_fov_deg, plan_shots, render_shots


def test_a_vehicle_photographs_what_lies_ahead_of_it_at_one_moment(city: City, drives: list[Drive]) -> None:
    shots = plan_shots(city, 1, drives[1], 90.0, 4)
    assert list(shots) == np.flatnonzero(drives[1].takes_photo).tolist()
    assert len({shot.look for shot in shots.values()}) == 1
    for step, shot in shots.items():
        assert (shot.x_m, shot.y_m) == tuple(drives[1].motion.xy_m[step])
        assert shot.heading_deg == drives[1].heading_deg[step]
        assert shot.fov_deg == 90.0


@pytest.mark.parametrize(("asked", "got"), [(360.0, 360.0), (121.0, 360.0), (90.0, 90.0), (70.0, 69.39)])
def test_fields_of_view_are_those_that_exif_can_say(asked: float, got: float) -> None:
    assert exact_fov_deg(asked) == pytest.approx(got, abs=0.01)


def test_the_name_of_a_photo_follows_from_everything_it_shows(city: City, drives: list[Drive]) -> None:
    shots = [shot for fov in (90.0, 360.0) for shot in plan_shots(city, 0, drives[0], fov, 4).values()]
    names = {shot.file_in(Path(), city) for shot in shots}
    assert len(names) == len(shots)
    assert names == {shot.file_in(Path(), city) for shot in shots}


@pytest.mark.slow
def test_photos_are_rendered_once_and_say_their_field_of_view(city: City, drives: list[Drive], tmp_path: Path) -> None:
    shots = [
        next(iter(plan_shots(city, number, drives[number], fov, 4).values())) for number, fov in ((0, 90), (1, 360))
    ]
    done: list[int] = []
    files = render_shots(city, shots, tmp_path, 2, done.append)
    assert sum(done) == 2
    sizes = []
    for file in files:
        with Image.open(file) as picture:
            sizes.append(picture.size)
    assert sizes == [PHOTO_PX, PANORAMA_PX]
    before = [file.stat().st_mtime_ns for file in files]
    assert render_shots(city, shots, tmp_path, 1) == files
    assert [file.stat().st_mtime_ns for file in files] == before
