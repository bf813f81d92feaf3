"""A small city whose geometry takes a quarter of a second, and a short drive through it."""

from __future__ import annotations

import pytest

from models.sample_city import City
from service.simulation.drives import Drive, Plan, draw_fleet

PLAN = Plan(vehicles=3, duration_s=120.0, seed=4, inset_m=30.0)


@pytest.fixture(scope="session")
def city() -> City:
    return City.generate(7302, 400.0)


@pytest.fixture(scope="session")
def drives(city: City) -> list[Drive]:
    return draw_fleet(city, PLAN)
