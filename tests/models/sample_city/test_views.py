"""What the two views share and what only one of them sees."""

from dataclasses import replace

import numpy as np
import pytest

from models.sample_city import (
    AerialView,
    Appearance,
    City,
    SampleCityError,
    Season,
    draw_places,
    render_orthophoto,
    render_panorama,
    render_photo,
    render_tile,
)
from models.sample_city.solids import PLAIN, U8, WALL, SolidList

from .conftest import MakeCity


def tower(bare: MakeCity, hidden: bool = False) -> City:
    """A tower of 20 m with red walls and a green roof, 20 m north of (80, 80); behind it perhaps a lower blue box."""
    solids = SolidList()
    solids.frustum((232.0, 257.0), 0.0, (8.0, 5.0), (0.0, 20.0), WALL, (0.8, 0.05, 0.05), (0.05, 0.8, 0.05), style=0)
    if hidden:
        solids.frustum((232.0, 270.0), 0.0, (3.0, 3.0), (0.0, 9.0), PLAIN, (0.05, 0.05, 0.9))
    return bare(solids)


def share(image: U8, band: int) -> float:
    """Share of pixels in which one band is twice as strong as the others."""
    others = np.delete(image.astype(int), band, axis=2).max(axis=2)
    return float((image[..., band] > 2 * others + 20).mean())


def test_walls_are_seen_from_the_street_only(bare: MakeCity, overcast: Appearance) -> None:
    city = tower(bare)
    assert share(render_panorama(city, overcast, 80.0, 80.0, 0.0), 0) > 0.02
    assert share(render_orthophoto(city, overcast, 0.5), 0) == 0.0


def test_flat_roofs_are_seen_from_above_only(bare: MakeCity, overcast: Appearance) -> None:
    city = tower(bare)
    assert share(render_orthophoto(city, overcast, 0.5, (60.0, 80.0, 100.0, 120.0)), 1) > 0.05
    assert share(render_panorama(city, overcast, 80.0, 80.0, 0.0), 1) == 0.0


def test_a_wall_hides_what_is_behind_it(bare: MakeCity, overcast: Appearance) -> None:
    shut, seen = (render_panorama(tower(bare, True), overcast, 80.0, y, 0.0) for y in (80.0, 140.0))
    assert share(shut, 2) == 0.0
    assert share(seen, 2) > 0.002


def test_shadow_falls_away_from_the_sun(bare: MakeCity) -> None:
    south = Appearance(sun_azimuth_deg=180.0, sun_elevation_deg=45.0, cloud_cover=0.0)
    image = render_orthophoto(tower(bare), south, 0.5).mean(axis=2)
    north_side, south_side = image[((160 - 120) * 2), 160], image[((160 - 85) * 2), 160]
    assert north_side < 0.7 * south_side


def test_panorama_rolls_with_the_heading(city: City) -> None:
    look = Appearance(noise_sigma=4.0)
    first = render_panorama(city, look, 100.0, 100.0, 20.0, 144, 36)
    second = render_panorama(city, look, 100.0, 100.0, 20.0 + 5 * 2.5, 144, 36)
    np.testing.assert_array_equal(np.roll(first, -5, axis=1), second)


def test_photo_agrees_with_panorama(city: City, overcast: Appearance) -> None:
    panorama = render_panorama(city, overcast, 100.0, 100.0, 0.0, 1440, 360, 90.0, 2.0)
    photo = render_photo(city, overcast, 100.0, 100.0, 30.0, 60.0, 200, 150, 2.0)
    column = 720 + round(30.0 * 4.0)
    strip = photo[60:90, 99:101].mean(axis=(0, 1))
    rows = [round(180 + 4.0 * np.degrees(np.arctan((r - 75) / 173.2))) for r in (60, 90)]
    assert strip == pytest.approx(panorama[rows[0] : rows[1], column - 1 : column + 1].mean(axis=(0, 1)), abs=6.0)


def test_tilted_photo_agrees_with_level_photo(city: City, overcast: Appearance) -> None:
    level = render_photo(city, overcast, 100.0, 100.0, 30.0, 60.0, 120, 90, 2.0)
    tilted = render_photo(city, overcast, 100.0, 100.0, 30.0, 60.0, 120, 90, 2.0, pitch_deg=1e-6)
    assert np.abs(level.astype(int) - tilted).mean() < 5.0


def test_cars_move_and_buildings_stay(city: City, overcast: Appearance) -> None:
    before = render_orthophoto(city, overcast, 0.5).astype(int)
    after = render_orthophoto(city, replace(overcast, car_seed=99), 0.5).astype(int)
    changed = np.abs(before - after).max(axis=2) > 12
    built = np.repeat(np.repeat(city.taken[300:700, 300:700] == 2, 1, axis=0), 1, axis=1)[::-1]
    assert changed.mean() > 0.002
    assert changed[built].mean() < 0.002


def test_grain_is_not_shared(city: City, overcast: Appearance) -> None:
    first, second = (render_tile(city, replace(overcast, texture_seed=s), 100.0, 100.0, 40.0, 80) for s in (1, 2))
    assert (first != second).mean() > 0.5


def test_tile_is_the_orthophoto_reduced(city: City, overcast: Appearance) -> None:
    ortho = (
        render_orthophoto(city, overcast, 0.25, (60.0, 60.0, 124.0, 124.0)).reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    )
    tile = AerialView(city, overcast).tile(92.0, 92.0, 64.0, 64)
    assert np.abs(tile - ortho).max() < 1.0
    assert np.abs(render_tile(city, overcast, 92.0, 92.0, 64.0, 64) - ortho).max() < 1.0


@pytest.mark.parametrize("season", Season)
def test_every_season_and_the_sphere_render(city: City, season: Season) -> None:
    image = render_panorama(city, Appearance(season=season), 100.0, 100.0, 0.0, 64, 32, 180.0)
    assert image.shape == (32, 64, 3)
    assert image.std() > 20.0


def test_colour_histograms_do_not_tell_the_place(city: City) -> None:
    rng = np.random.default_rng(5)
    places = draw_places(city, 100, rng, 6.0)
    looks = [[Appearance.draw(rng) for _ in range(2)] for _ in range(2)]
    ground, aerial = [], []
    for i, (x, y) in enumerate(zip(places.x_m, places.y_m, strict=True)):
        ground.append(histogram(render_panorama(city, looks[0][i % 2], x, y, 0.0, 96, 24)))
        aerial.append(histogram(render_tile(city, looks[1][i // 2 % 2], x, y, 64.0, 48)))
    best = (np.array(ground) @ np.array(aerial).T).argmax(axis=1)
    assert (best == np.arange(100)).mean() <= 0.08


def histogram(image: U8) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    counts = np.bincount((image.reshape(-1, 3) // 64) @ np.array([16, 4, 1]), minlength=64).astype(np.float64)
    return np.asarray(counts / np.linalg.norm(counts))


def test_refuses_bounds_beyond_the_margin(city: City, overcast: Appearance) -> None:
    with pytest.raises(SampleCityError, match="leave the city"):
        render_orthophoto(city, overcast, 1.0, (-500.0, 0.0, 10.0, 10.0))


@pytest.mark.parametrize("fov", [0.0, 170.0])
def test_refuses_a_field_of_view(city: City, overcast: Appearance, fov: float) -> None:
    with pytest.raises(SampleCityError, match="fov_deg"):
        render_photo(city, overcast, 10.0, 10.0, 0.0, fov, 10, 10)
