"""The city follows from its seed, and its places are where a camera can stand."""

import numpy as np
import pytest

from models.sample_city import Appearance, City, SampleCityError, contact_sheet, draw_places, render_tile


@pytest.fixture(scope="module")
def again() -> City:
    return City.generate(3, 200.0)


def test_same_seed_same_city(city: City, again: City) -> None:
    assert again.ground.tobytes() == city.ground.tobytes()
    assert again.solids.shape.tobytes() == city.solids.shape.tobytes()


def test_same_arguments_same_bytes(city: City, again: City, overcast: Appearance) -> None:
    first, second = (render_tile(c, overcast, 100.0, 100.0, 60.0, 48) for c in (city, again))
    assert first.tobytes() == second.tobytes()


def test_another_seed_another_city(city: City) -> None:
    assert (City.generate(4, 200.0).ground != city.ground).mean() > 0.3


def test_the_world_holds_what_a_city_has(city: City) -> None:
    assert len(np.unique(city.ground)) >= 8
    assert len(np.unique(city.solids.kind[:, 1])) >= 6
    assert len(city.slots) > 50


@pytest.mark.parametrize("extent", [20.0, 9000.0, float("nan")])
def test_refuses_extents(extent: float) -> None:
    with pytest.raises(SampleCityError, match="100 to 5000"):
        City.generate(1, extent)


def test_places_are_apart_and_clear(city: City) -> None:
    places = draw_places(city, 40, np.random.default_rng(0), 10.0)
    gaps = np.hypot(places.x_m[:, None] - places.x_m, places.y_m[:, None] - places.y_m) + 1e3 * np.eye(40)
    cells = city.taken[((places.y_m + 150.0) * 2).astype(int), ((places.x_m + 150.0) * 2).astype(int)]
    assert gaps.min() >= 10.0
    assert np.isin(cells, (0, 1)).all()
    assert ((places.street_heading_deg >= 0.0) & (places.street_heading_deg < 360.0)).all()


def test_too_many_places_says_how_many_fit(city: City) -> None:
    with pytest.raises(SampleCityError, match=r"found room for \d+ places"):
        draw_places(city, 60, np.random.default_rng(0), 60.0)


def test_appearances_follow_from_the_generator() -> None:
    draw = [Appearance.draw(np.random.default_rng(s)) for s in (1, 1, 2)]
    assert draw[0] == draw[1] != draw[2]


def test_contact_sheet(city: City) -> None:
    assert contact_sheet(city, 1, np.random.default_rng(0)).shape == (128, 938, 3)
