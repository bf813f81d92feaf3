"""The small rules in front of the search: cameras, priors, settings, packages."""

from __future__ import annotations

import numpy as np
import pytest

from index.gallery import TileFacts
from index.tiles import Bounds
from models.errors import EnvironmentConflict, UsageError
from models.image import Photo
from service import environment
from service.camera import camera_for
from service.query import Answer, CameraHints, Candidate, make_prior, prior_radius_m
from service.responses import localize_response
from service.settings import Settings, load_settings, refuse_unknown_names


def photo(width: int = 400, height: int = 300, focal: float | None = None, says: bool = False) -> Photo:
    return Photo(np.zeros((height, width, 3), np.uint8), width, height, focal, says)


CAMERAS = [
    ("the request wins", photo(focal=28), CameraHints(fov_deg=50), "perspective", 50.0, []),
    ("EXIF next", photo(focal=28), CameraHints(), "perspective", 63.44, ["fov_from_exif"]),
    ("EXIF unwanted", photo(focal=28), CameraHints(use_focal_length=False), "perspective", 70.0, ["fov_assumed"]),
    ("EXIF of a telescope", photo(focal=1000), CameraHints(), "perspective", 10.0, ["fov_from_exif"]),
    ("nothing known", photo(), CameraHints(), "perspective", 70.0, ["fov_assumed"]),
    ("says it is a panorama", photo(800, 400, says=True), CameraHints(), "panorama", 360.0, []),
    ("says so, but is not wide", photo(400, 300, says=True), CameraHints(), "perspective", 70.0, ["fov_assumed"]),
    ("wide, but does not say so", photo(800, 400), CameraHints(), "perspective", 70.0, ["fov_assumed"]),
    ("panorama by request", photo(), CameraHints(projection="panorama"), "panorama", 360.0, []),
    ("too wide for a lens", photo(), CameraHints(fov_deg=200), "panorama", 200.0, []),
    ("panorama denied", photo(800, 400, says=True), CameraHints(90.0, "perspective"), "perspective", 90.0, []),
]  # fmt: skip


@pytest.mark.parametrize(("picture", "hints", "projection", "fov", "codes"), [row[1:] for row in CAMERAS])
def test_camera_rules(picture: Photo, hints: CameraHints, projection: str, fov: float, codes: list[str]) -> None:
    camera, notices = camera_for(picture, hints)
    assert (camera.projection, [notice.code for notice in notices]) == (projection, codes)
    assert camera.fov_deg == pytest.approx(fov, abs=0.01)


@pytest.mark.parametrize(
    ("accuracy", "percentile", "radius"),
    [
        (100, 95, 100.0),
        (100, 68, 162.15),
        (100, 50, 207.89),
        (100, 39.3469, 244.77),
        (1, 95, 25.0),
        (99_999, 50, 100_000),
    ],
)
def test_prior_radius_is_that_of_95_percent(accuracy: float, percentile: float, radius: float) -> None:
    assert prior_radius_m(accuracy, percentile) == pytest.approx(radius, abs=0.01)


@pytest.mark.parametrize(
    ("accuracy", "percentile", "radius_m", "codes"),
    [
        (60.0, 95.0, None, []),
        (60.0, None, None, ["accuracy_percentile_assumed"]),
        (None, None, None, ["prior_accuracy_assumed"]),
        (60.0, None, 40.0, []),
    ],
)
def test_prior_says_what_it_assumed(
    accuracy: float | None, percentile: float | None, radius_m: float | None, codes: list[str]
) -> None:
    prior = make_prior(52.5, 13.4, accuracy, percentile, radius_m)
    assert [notice.code for notice in prior.notices] == codes
    assert prior.radius_m == radius_m or radius_m is None


def test_settings_come_from_the_environment_and_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYFIX_PORT", "9000")
    monkeypatch.setenv("SKYFIX_PLACES", "3")
    settings = load_settings({}, port=9001, host=None)
    assert (settings.port, settings.places, settings.host) == (9001, 3, "127.0.0.1")


def test_unknown_setting_is_refused_with_the_closest_name() -> None:
    with pytest.raises(UsageError, match=r"SKYFIX_PROT is not a setting. Did you mean SKYFIX_PORT\?"):
        refuse_unknown_names({"SKYFIX_PROT": "1", "PATH": "/bin"})
    refuse_unknown_names({"SKYFIX_REAL_DATA": "/data", "skyfix_port": "1"})


@pytest.mark.parametrize(("name", "value"), [("port", 70000), ("provider", "tpu"), ("places", 0), ("top_k", 51)])
def test_setting_out_of_range_is_named(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"SKYFIX_{name.upper()}"):
        load_settings({}, **{name: value})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1


@pytest.mark.parametrize("pair", environment.PAIRS)
def test_packages_that_overwrite_each_other(pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "is_installed", lambda name: name in pair)
    with pytest.raises(EnvironmentConflict, match=pair[1]):
        environment.check_environment()


def test_missing_package_names_its_extra() -> None:
    assert "`train` extra" in (environment.missing_package_message("torch.nn") or "")
    assert "(or `gpu`)" in (environment.missing_package_message("faiss") or "")
    assert environment.missing_package_message("no_such_module") is None


def test_headings_are_rounded_inside_the_circle() -> None:
    tile = TileFacts("a", Bounds(13.0, 52.0, 13.123456789, 53.0), None, None)
    candidate = Candidate(1, 52.123456789, 13.0, 0.5, tile, heading_deg=359.999, distance_to_prior_m=1.23456)
    answer = Answer((candidate,), "prior", 1, "a@1", "b@1", ())
    response = localize_response(answer, "id", {"decode": 0.0123456})
    assert response.heading is not None
    assert response.position is not None
    assert (response.heading.deg, response.position.lat) == (0.0, 52.1234568)
    assert (response.candidates[0].distance_to_prior_m, response.timings_ms) == (1.23, {"decode": 12.35})
    assert response.candidates[0].tile.bounds[2] == 13.1234568
