"""Moments and cameras: how often they are ordinary, and what each field does to a picture."""

from dataclasses import replace

import numpy as np
import pytest

from models.sample_city import Appearance, City, render_panorama, render_photo, render_tile
from models.sample_city.solids import U8


@pytest.fixture(scope="module")
def drawn() -> list[Appearance]:
    return [Appearance.draw(np.random.default_rng([9, i])) for i in range(600)]


def test_three_of_four_moments_are_ordinary_days(drawn: list[Appearance]) -> None:
    assert 0.68 < np.mean([a.is_ordinary_day for a in drawn]) < 0.82


def test_the_sun_stands_on_either_side_of_the_equator(drawn: list[Appearance]) -> None:
    northern = np.mean([np.cos(np.radians(a.sun_azimuth_deg)) > 0.0 for a in drawn])
    assert 0.2 < northern < 0.5


def test_light_and_camera_are_drawn_independently(drawn: list[Appearance]) -> None:
    table = np.array([(a.exposure, a.saturation, a.sky_gain, a.haze_per_km, a.darkness) for a in drawn])
    assert np.abs(np.corrcoef(table.T) - np.eye(5))[:3, 3:].max() < 0.15


def panorama(city: City, look: Appearance) -> U8:
    return render_panorama(city, look, 100.0, 100.0, 0.0, 96, 24)


def test_night_is_dark_from_the_street_and_day_from_above(city: City, overcast: Appearance) -> None:
    night = replace(overcast, darkness=1.0)
    assert panorama(city, night).mean() < 0.45 * panorama(city, overcast).mean()
    above = [render_tile(city, look, 100.0, 100.0, 40.0, 40) for look in (overcast, night)]
    np.testing.assert_array_equal(above[0], above[1])


def test_no_saturation_leaves_grey(city: City, overcast: Appearance) -> None:
    image = panorama(city, replace(overcast, saturation=0.0, hue_deg=30.0)).astype(int)
    assert np.ptp(image, axis=2).max() <= 1


def test_veil_lifts_the_shadows_and_gamma_moves_the_middle(city: City, overcast: Appearance) -> None:
    plain = panorama(city, overcast)
    assert np.percentile(panorama(city, replace(overcast, veil=0.3)), 2) > np.percentile(plain, 2) + 20
    assert panorama(city, replace(overcast, gamma=1.4)).mean() < plain.mean() - 10


def test_vignette_darkens_corners_of_a_photo_and_keeps_a_panorama_even_along_the_horizon(
    city: City, overcast: Appearance
) -> None:
    dim = replace(overcast, vignette=0.6)
    photo, plain = (render_photo(city, a, 100.0, 100.0, 0.0, 60.0, 64, 48).astype(int) for a in (dim, overcast))
    assert (plain - photo)[:6, :6].mean() > 3 * abs((plain - photo)[20:28, 28:36].mean()) + 5
    assert np.abs(panorama(city, dim).astype(int) - panorama(city, overcast))[12].max() <= 2


def test_colour_shift_recolours_by_the_moment_and_moves_nothing(city: City, overcast: Appearance) -> None:
    first, second = (panorama(city, replace(overcast, colour_shift=0.2, texture_seed=s)) for s in (1, 2))
    assert np.abs(first.astype(int) - second).mean() > 4.0
    assert np.array_equal(first, panorama(city, replace(overcast, colour_shift=0.2)))
