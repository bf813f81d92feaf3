"""A generated city, and bare ground on which a test puts exactly what it looks for."""

from collections.abc import Callable

import numpy as np
import pytest

from models.sample_city import Appearance, City, Georeference
from models.sample_city.materials import Material
from models.sample_city.solids import SolidList

MakeCity = Callable[[SolidList], City]


@pytest.fixture(scope="session")
def city() -> City:
    return City.generate(3, 200.0)


@pytest.fixture(scope="session")
def overcast() -> Appearance:
    return Appearance(cloud_cover=1.0, haze_per_km=0.0)


@pytest.fixture(scope="session")
def bare() -> MakeCity:
    """Make a city of 160 m of asphalt with the given solids, placed in world metres (city metres + 152)."""

    def make(solids: SolidList) -> City:
        return City(
            seed=1,
            extent_m=160.0,
            margin_m=152.0,
            size_m=464.0,
            ground=np.full((1856, 1856), Material.ASPHALT, np.uint8),
            taken=np.zeros((928, 928), np.uint8),
            solids=solids.table(),
            marks=np.zeros((0, 7), np.float32),
            slots=np.zeros((0, 4), np.float32),
            streets=(),
            georeference=Georeference.at(48.0, 10.5),
        )

    return make
