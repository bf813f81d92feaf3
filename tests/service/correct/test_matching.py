"""Photos find their fixes by time: at a fix, between two, beyond the ends, and not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.errors import UsageError
from service.correct.matching import Matched, match_photos
from service.correct.photo_times import read_gap, read_offset, read_zone
from service.track_files.points import TrackPoint

BEGAN = datetime(2026, 11, 21, 20, 23, 10, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def points(*seconds: float | None) -> list[TrackPoint]:
    """A degree north and 10 m less exact with every second."""
    return [
        TrackPoint(0.0, 1.0) if second is None else TrackPoint(second, 1.0, at(second), accuracy_m=10.0 * (1 + second))
        for second in seconds
    ]


def match(seconds: list[float | None], photos: list[float], max_gap_s: float = 2.0) -> Matched:
    return match_photos(points(*seconds), [(number, at(photo)) for number, photo in enumerate(photos)], max_gap_s)


def told(matched: Matched) -> list[tuple[int | None, int | None]]:
    return [(stop.row, stop.photo) for stop in matched.stops]


def test_a_photo_at_a_fix_belongs_to_it() -> None:
    matched = match([0, 1, 2], [1.04])
    assert (told(matched), matched.left) == ([(0, None), (1, 0), (2, None)], ())
    assert matched.stops[1].photo_time == at(1.04)


def test_a_photo_between_two_gets_a_fix_on_the_line() -> None:
    matched = match([0, 1, 2], [1.25, 1.5, 0.5])
    assert told(matched) == [(0, None), (None, 2), (1, None), (None, 0), (None, 1), (2, None)]
    quarter = matched.stops[3].point
    assert quarter.lat == pytest.approx(1.25)
    assert (quarter.lon, quarter.timestamp) == (1.0, at(1.25))
    assert quarter.accuracy_m == 30.0, "as exact as the less exact one"


def test_beyond_the_ends_a_photo_belongs_to_the_nearest_fix() -> None:
    matched = match([0, 1], [-1.5, 2.9, 3.1])
    assert (told(matched), matched.left) == ([(0, 0), (1, 1)], (2,))


def test_a_gap_takes_no_photo_far_from_both_sides() -> None:
    matched = match([0, 10], [1.5, 5.0, 8.5])
    assert (told(matched), matched.left) == ([(0, 0), (10 - 9, 2)], (1,))


def test_a_second_photo_at_one_fix_lies_on_the_line_or_is_left() -> None:
    matched = match([0, 1], [0.0, 0.01, 2.0, 2.5])
    assert (told(matched), matched.left) == ([(0, 0), (None, 1), (1, 2)], (3,))


def test_points_keep_the_order_of_the_file_and_those_without_time_their_place() -> None:
    matched = match([2, None, 0, 1], [0.5])
    assert told(matched) == [(0, None), (1, None), (2, None), (None, 0), (3, None)]


@pytest.mark.parametrize(
    ("before", "after", "middle"), [(179.9, -179.9, 180.0), (-179.8, 179.9, -179.95), (10, 20, 15)]
)
def test_lines_go_the_short_way_round(before: float, after: float, middle: float) -> None:
    pair = [TrackPoint(0.0, before, at(0)), TrackPoint(0.0, after, at(2))]
    (stop,) = [stop for stop in match_photos(pair, [(0, at(1))], 2.0).stops if stop.row is None]
    assert (stop.point.lon - middle) % 360.0 == pytest.approx(0.0, abs=1e-9)
    assert -180.0 <= stop.point.lon <= 180.0


def test_nothing_to_match() -> None:
    assert told(match([None, 0], [])) == [(0, None), (1, None)]
    assert match([None], [0.0]).left == (0,)


def test_offsets_gaps_and_zones_are_read() -> None:
    assert read_offset("+00:00:03") == timedelta(seconds=3)
    assert read_offset("-01:00:00.5") == -timedelta(hours=1, seconds=0.5)
    assert read_offset("-3") == timedelta(seconds=-3)
    assert (read_gap("2s"), read_gap("0.5")) == (2.0, 0.5)
    assert read_zone("+02:00").utcoffset(None) == timedelta(hours=2)
    for read, text in ((read_offset, "3 h"), (read_gap, "-1"), (read_zone, "CET"), (read_zone, "+25:00")):
        with pytest.raises(UsageError):
            read(text)
