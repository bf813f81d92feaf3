"""City metres on Earth."""

from dataclasses import replace

import pytest

from models.sample_city import City, Georeference, SampleCityError


@pytest.mark.parametrize(
    ("lat", "lon", "epsg"), [(48.0, 9.0, 32632), (-33.9, 151.2, 32756), (60.0, -179.9, 32601), (10.0, 180.0, 32660)]
)
def test_zone(lat: float, lon: float, epsg: int) -> None:
    assert Georeference.at(lat, lon).epsg == epsg


def test_round_trip() -> None:
    place = Georeference.at(52.5, 13.4)
    lat, lon = place.city_to_wgs84(123.0, 456.0)
    assert place.wgs84_to_city(lat, lon) == pytest.approx((123.0, 456.0), abs=1e-4)
    assert (lat, lon) == pytest.approx((52.5041, 13.4018), abs=5e-4)


@pytest.mark.parametrize(("lon", "expected"), [(9.0, 0.0), (11.0, 1.486), (7.0, -1.486)])
def test_convergence_at_48_degrees(lon: float, expected: float) -> None:
    """2 degrees off the central meridian: 2 x sin(48 degrees) = 1.486."""
    assert Georeference.at(48.0, lon).convergence_deg(0.0, 0.0) == pytest.approx(expected, abs=0.01)


def test_headings_count_from_true_north(city: City) -> None:
    east = replace(city, georeference=Georeference.at(48.0, 11.0))
    assert city.grid_heading_deg(90.0) == pytest.approx(90.0, abs=0.01)
    assert east.grid_heading_deg(90.0) == pytest.approx(90.0 - 1.487, abs=0.01)


def test_refuses_the_poles() -> None:
    with pytest.raises(SampleCityError, match="UTM"):
        Georeference.at(88.0, 0.0)
