"""What differs between two visits: known by counting the things of the city."""

from dataclasses import replace

import numpy as np
import pytest

from models.sample_city import Appearance, City, render_tile
from models.sample_city.changes import change
from models.sample_city.solids import PLAIN, THING, SolidList


@pytest.fixture
def boxes() -> SolidList:
    """2,000 things of two boxes each, and one lamp post."""
    solids = SolidList()
    for i in range(2000):
        with solids.one_thing():
            solids.frustum((float(i), 0.0), 0.0, (0.3, 0.3), (0.0, 4.0), PLAIN, (0.5, 0.5, 0.5))
            solids.frustum((float(i), 0.0), 0.0, (0.1, 0.1), (4.0, 5.0), PLAIN, (0.5, 0.5, 0.5))
    solids.frustum((0.0, 9.0), 0.0, (0.1, 0.1), (0.0, 5.0), PLAIN, (0.5, 0.5, 0.5))
    return solids


def test_a_tenth_is_changed_and_half_of_it_is_gone(boxes: SolidList) -> None:
    before, after = boxes.table(), change(boxes.table(), 0.1, 3)
    gone = 1.0 - len(np.unique(after.kind[:, THING])) / len(np.unique(before.kind[:, THING]))
    untouched = (after.shape[:, 9] % 1.0 == 0.0).sum() / len(before.kind)
    assert 0.035 < gone < 0.065
    assert 0.87 < untouched < 0.93


def test_things_go_whole_and_what_is_no_thing_stays(boxes: SolidList) -> None:
    numbers, counts = np.unique(change(boxes.table(), 0.5, 3).kind[:, THING], return_counts=True)
    assert numbers[0] == 0
    assert set(counts[1:]) == {2}


def test_no_share_changes_nothing(city: City) -> None:
    assert change(city.solids, 0.0, 1) is city.solids


def test_a_larger_share_keeps_the_changes_of_a_smaller_one(boxes: SolidList) -> None:
    little, much = (set(change(boxes.table(), share, 3).kind[:, THING]) for share in (0.1, 0.4))
    assert much < little


def test_a_city_changes_in_one_view_only(city: City, overcast: Appearance) -> None:
    before = render_tile(city, overcast, 100.0, 100.0, 120.0, 120).astype(int)
    after = render_tile(city, replace(overcast, changed_share=0.3), 100.0, 100.0, 120.0, 120)
    again = render_tile(city, overcast, 100.0, 100.0, 120.0, 120)
    assert 0.02 < (np.abs(before - after).max(axis=2) > 25).mean() < 0.4
    np.testing.assert_array_equal(before, again)


def test_buildings_and_plants_are_things_and_posts_are_not(city: City) -> None:
    things = np.unique(city.solids.kind[:, THING])
    assert len(things) > 50
    assert (city.solids.kind[:, THING] == 0).any()
