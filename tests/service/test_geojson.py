"""Answers as GeoJSON: the ellipse by known covariances, and who gets it."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from models.geo import enu_m
from service.examples import EXAMPLES
from service.geojson import CHI_SQUARED_95, LonLat, ellipse, feature_collection, prefers_geojson
from service.responses import LocalizeResponse
from tests.service.conftest import Client
from tests.service.documents import check_answer

R95 = math.sqrt(CHI_SQUARED_95)


def area(ring: tuple[LonLat, ...]) -> float:
    """Twice the signed area; positive is counterclockwise."""
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring))


@pytest.mark.parametrize(
    ("covariance", "east_m", "north_m"),
    [
        ((4.0, 0.0, 0.0, 9.0), 2 * R95, 3 * R95),
        ((9.0, 0.0, 0.0, 4.0), 3 * R95, 2 * R95),
        ((5.0, 4.0, 4.0, 5.0), math.sqrt(5) * R95, math.sqrt(5) * R95),
        ((5.0, -4.0, -4.0, 5.0), math.sqrt(5) * R95, math.sqrt(5) * R95),
        ((0.0, 0.0, 0.0, 0.0), 0.0, 0.0),
    ],
)
def test_it_reaches_as_far_as_its_variances(covariance: tuple[float, ...], east_m: float, north_m: float) -> None:
    (ring,) = ellipse(60.0, 25.0, covariance)
    offsets = [enu_m(lat, lon, 60.0, 25.0) for lon, lat in ring]
    assert max(abs(east) for east, _ in offsets) == pytest.approx(east_m, abs=0.02 + 0.005 * east_m)
    assert max(abs(north) for _, north in offsets) == pytest.approx(north_m, abs=0.02 + 0.005 * north_m)
    assert ring[0] == ring[-1]
    assert area(ring) > 0 or covariance[0] == 0


def test_a_slanted_one_leans_where_its_covariance_says() -> None:
    (ring,) = ellipse(0.0, 0.0, (5.0, 4.0, 4.0, 5.0))
    farthest = max(ring, key=lambda point: math.hypot(*point))
    assert farthest[0] * farthest[1] > 0


@pytest.mark.parametrize("lon", [179.9999, -179.9999])
def test_the_antimeridian_cuts_it_in_two(lon: float) -> None:
    rings = ellipse(10.0, lon, (400.0, 0.0, 0.0, 400.0))
    assert len(rings) == 2
    for ring in rings:
        assert ring[0] == ring[-1]
        assert area(ring) > 0
        assert all(-180 <= x <= 180 for x, _ in ring)
        assert max(x for x, _ in ring) - min(x for x, _ in ring) < 1
    assert {math.copysign(1, ring[0][0]) for ring in rings} == {1.0, -1.0}
    sides = {round(abs(x), 7) for ring in rings for x, _ in ring if abs(x) == 180}
    assert sides == {180.0}


def test_candidates_are_points_and_the_rest_stands_beside_them() -> None:
    answer = LocalizeResponse.model_validate(EXAMPLES["localized"].answer)
    drawn = feature_collection(answer).model_dump(mode="json", exclude_none=True)
    first, second, shape = drawn["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [9.0047883, 48.0005576]}
    assert (first["properties"]["kind"], second["properties"]["rank"]) == ("candidate", 2)
    assert (shape["geometry"]["type"], shape["properties"]["percentile"]) == ("Polygon", 95)
    beside = {name: value for name, value in drawn.items() if name not in ("type", "features")}
    given = EXAMPLES["localized"].answer
    assert beside == {name: given[name] for name in given if name not in ("position", "candidates")}


def test_nowhere_is_an_empty_collection() -> None:
    answer = LocalizeResponse.model_validate(EXAMPLES["outside_coverage"].answer)
    assert feature_collection(answer).features == ()


@pytest.mark.parametrize(
    ("accept", "geojson"),
    [
        ("application/geo+json", True),
        ("Application/GEO+json; q=0.9, */*;q=0.8", True),
        ("application/geo+json;q=0.5, application/json", False),
        ("application/geo+json;q=0", False),
        ("application/geo+json;q=2", False),
        ("application/geo+json;q=x", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_who_gets_it(accept: str, geojson: bool) -> None:
    assert prefers_geojson(accept) is geojson


def test_the_service_draws_for_who_asks(client: Client, photo: bytes) -> None:
    headers = {"Content-Type": "image/png", "Accept": "application/geo+json"}
    answer = client.request("POST", "/localize", content=photo, headers=headers, params={"projection": "panorama"})
    assert answer.headers["content-type"] == "application/geo+json"
    check_answer(answer, "/localize")
    plain = client.raw(photo, projection="panorama")
    check_answer(plain, "/localize")
    best = plain.json()["candidates"][0]
    assert answer.json()["features"][0]["geometry"]["coordinates"] == [best["lon"], best["lat"]]
    refused = client.request("POST", "/localize", content=b"", headers=headers)
    assert refused.headers["content-type"] == "application/problem+json"
