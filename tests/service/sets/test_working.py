"""The prior of a set, and which key may ask for what."""

from __future__ import annotations

import itertools

import pytest

from models.errors import ParameterError
from models.geo import offset
from service.app import ACCESS
from service.query import CameraHints, Prior, Query, make_prior
from service.sets.working import set_query, shared_prior
from tests.service.world import LAT, LON


def at(east_m: float, accuracy_m: float) -> Prior:
    lat, lon = (float(each) for each in offset(LAT, LON, east_m, 0.0))
    return make_prior(lat, lon, accuracy_m, 68.0, None)


def test_the_prior_of_a_set_is_the_middle_of_its_photos_and_as_wide_as_the_widest() -> None:
    own = [at(0.0, 10.0), at(8.0, 40.0), at(500.0, 20.0), None]
    for order in itertools.permutations(own):
        found = shared_prior(Query(), order)
        assert found is not None
        assert (found.lat, found.lon) == (own[1].lat, own[1].lon)  # type: ignore[union-attr]
        assert found.sigma_m == own[1].sigma_m  # type: ignore[union-attr]
        assert found.radius_m == max(prior.radius_m for prior in own if prior is not None)


def test_a_position_in_the_request_comes_first() -> None:
    given = at(90.0, 30.0)
    assert shared_prior(Query(prior=given), [at(0.0, 10.0)]) is given


def test_no_position_at_all_is_no_prior_or_a_bad_question() -> None:
    assert shared_prior(Query(), [None, None]) is None
    with pytest.raises(ParameterError, match="no photo holds a GPS position"):
        shared_prior(Query(mode="prior", use_exif_gps=True), [None, None])


def test_a_relative_heading_stands_in_for_a_true_one_of_its_photo_alone() -> None:
    query = Query(mode="prior", camera=CameraHints(fov_deg=70))
    asked = set_query([query, query], [30.0, None])
    assert [each.camera.heading_deg for each in asked.each] == [30.0, None]
    assert {each.mode for each in asked.each} == {"auto"}
    assert asked.whole is query


def test_a_batch_asks_for_the_scope_of_batches() -> None:
    assert (ACCESS["/localize/batch"], ACCESS["/localize/set"]) == ("batch", "localize")
