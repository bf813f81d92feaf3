"""Cities differ from one another in what a real photograph may differ in, and none of it follows the compass."""

import numpy as np
import pytest

from models.sample_city import City, draw_places
from models.sample_city.character import Character, Kind
from models.sample_city.horizon import DIRECTIONS, draw_horizon
from models.sample_city.materials import Material
from models.sample_city.streets import Street, lay_out


def characters(count: int) -> list[Character]:
    return [Character.draw(np.random.default_rng([i, 77])) for i in range(count)]


def main_direction_deg(streets: list[Street]) -> float:
    """Direction of the first cut of the plan, degrees in [0, 180)."""
    first = streets[4].path
    step = first[-1] - first[0]
    return float(np.degrees(np.arctan2(step[1], step[0])) % 180.0)


def test_every_kind_of_place_is_drawn() -> None:
    kinds = [c.kind for c in characters(200)]
    assert all(kinds.count(kind) > 15 for kind in Kind)


def test_streets_run_in_every_direction() -> None:
    turns = [main_direction_deg(lay_out(300.0, np.random.default_rng(i), Character())[0]) for i in range(60)]
    assert np.histogram(turns, bins=4, range=(0.0, 180.0))[0].min() >= 6


@pytest.mark.parametrize("material", [Material.ASPHALT, Material.GRASS, Material.SOIL, Material.PAVEMENT])
def test_the_ground_has_other_colours_elsewhere(material: Material) -> None:
    colours = np.array([c.palette.ground[material] for c in characters(60)])
    assert colours.std(axis=0).min() > 0.04


def test_walls_and_roofs_have_other_colours_elsewhere() -> None:
    for name in ("plaster", "tiles", "flat_roofs", "greens"):
        means = np.array([np.mean(getattr(c.palette, name), axis=0) for c in characters(60)])
        assert means.std(axis=0).min() > 0.03


def test_the_country_is_open_and_the_old_town_is_built() -> None:
    built = {}
    for kind in (Kind.OLD_TOWN, Kind.SUBURB, Kind.COUNTRY):
        cities = [City.generate(s, 250.0, character=Character.draw(np.random.default_rng(s), kind)) for s in (1, 2, 3)]
        built[kind] = np.mean([(city.taken == 2).mean() for city in cities])
    assert built[Kind.OLD_TOWN] > 1.3 * built[Kind.SUBURB] > 2.0 * built[Kind.COUNTRY]


def test_even_open_country_has_room_for_as_many_places() -> None:
    city = City.generate(2, 400.0, character=Character.draw(np.random.default_rng(2), Kind.COUNTRY))
    assert len(draw_places(city, 125, np.random.default_rng(0))) == 125


def test_character_follows_from_the_seed_of_the_city(city: City) -> None:
    assert city.character.palette.ground.tobytes() == City.generate(3, 100.0).character.palette.ground.tobytes()


def test_the_skyline_differs_by_direction_and_by_city() -> None:
    lines = np.array([draw_horizon(i, c)[:, 0] for i, c in enumerate(characters(40))])
    assert lines.shape[1] == DIRECTIONS
    assert np.ptp(lines, axis=1).min() > 0.005
    assert lines.max(axis=1).std() > 0.02
    assert lines.mean(axis=0).std() < 0.4 * lines.std(axis=0).mean()
    assert np.abs(np.diff(lines, axis=1, append=lines[:, :1])).mean() < 0.01
