"""A camera followed: when photos, fixes and movement are taken in, and what is told of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models.errors import ImageUndecodable, UsageError
from models.geo import distance_m, enu_m, offset
from service.pictures.layers import Ellipses, Line
from service.track_files.following import Followed, Follower, Read, sigma_of
from service.track_files.frames import Frame
from service.track_files.movement_log import MovementLog
from service.track_files.outcome import layers_of, point_of, track_of, undecided
from service.track_files.points import TrackPoint
from service.tracking.frame import Cells, Circle
from service.tracking.step import Fix, Tracker

AT = datetime(2026, 11, 21, 20, 23, 10, tzinfo=UTC)
LAT, LON, SPACING_M = 48.0, 9.0, 10.0
TRACKER = Tracker(gallery_cells=10_000, ground_m2=10_000 * SPACING_M**2, spacing_m=SPACING_M)


@dataclass(frozen=True)
class Peak:
    """A photo that is likely at one place alone; with `north_m` None it says nothing."""

    north_m: float | None

    def around(self, lat: float, lon: float, circles: Sequence[Circle]) -> Cells | None:  # noqa: ARG002
        x_m, y_m = (float(value) for value in enu_m(LAT, LON, lat, lon))
        east, north = (axis.ravel() for axis in np.meshgrid(*[np.arange(-200, 301, SPACING_M)] * 2))
        ratio = np.zeros(len(east))
        if self.north_m is not None:
            ratio = 9.0 - (east**2 + (north - self.north_m) ** 2) / (2 * 8.0**2)
        return Cells(east + x_m, north + y_m, np.maximum(ratio, -3.0), None, SPACING_M**2, SPACING_M, 0.3, 0.0, 100)

    def anywhere(self) -> tuple[Cells, float, float]:
        cells = self.around(LAT, LON, [])
        assert cells is not None
        return cells, LAT, LON


class Told:
    """Reads photos whose bytes are the metres north at which they are likely."""

    def __init__(self, fix: Fix | None = None) -> None:
        self.fix = fix

    def read(self, data: bytes) -> Read:
        if data == b"broken":
            raise ImageUndecodable("The photo is damaged.")
        return Read(Peak(json.loads(data)), self.fix)


def frames(*north_m: float | str | None, timed: bool = True) -> list[Frame]:
    """A photo every 2 s."""
    return [
        Frame(
            number,
            f"{number}.jpg",
            2.0 * number,
            AT + timedelta(seconds=2 * number) if timed else None,
            where.encode() if isinstance(where, str) else json.dumps(where).encode(),
        )
        for number, where in enumerate(north_m)
    ]


def fix(
    second: float, north_m: float = 0.0, accuracy_m: float | None = 15.0, percentile: float | None = 68.0
) -> TrackPoint:
    lat, lon = offset(LAT, LON, 0.0, north_m)
    return TrackPoint(
        float(lat), float(lon), AT + timedelta(seconds=second), accuracy_m=accuracy_m, accuracy_percentile=percentile
    )


def errors(followed: Sequence[Followed], *north_m: float) -> list[float]:
    points = [point_of(one) for one in followed]
    assert all(point is not None for point in points)
    return [
        float(distance_m(point.lat, point.lon, *offset(LAT, LON, 0.0, north)))
        for point, north in zip(points, north_m, strict=True)
        if point is not None
    ]


def test_a_camera_is_followed_photo_by_photo() -> None:
    where = [0.0, 20.0, 40.0, 60.0, 80.0]
    followed = list(Follower(TRACKER, Told()).follow(frames(*where)))
    assert [one.name for one in followed] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    assert followed[-1].step.estimate.status == "localized"
    assert max(errors(followed, *where)) < 10
    track = track_of(followed, "skyfix")
    assert [point.timestamp for point in track.points][-1] == AT + timedelta(seconds=8)
    assert {point.accuracy_percentile for point in track.points} == {95.0}


def test_a_broken_photo_is_told_and_the_rest_goes_on() -> None:
    follower = Follower(TRACKER, Told())
    assert [one.name for one in follower.follow(frames(0.0, "broken", 40.0))] == ["0.jpg", "2.jpg"]
    assert [(n.code, "1.jpg: The photo is damaged." in n.detail) for n in follower.notices] == [
        ("photo_unusable", True)
    ]


def test_fixes_are_taken_in_by_their_times() -> None:
    fixes = [
        fix(-500.0),
        fix(-61.0),
        fix(-3.0),
        fix(0.0),
        fix(1.0),
        fix(1.98),
        fix(3.0),
        fix(9.0),
        TrackPoint(LAT, LON),
    ]
    follower = Follower(TRACKER, Told(), fixes=fixes[::-1])
    followed = list(follower.follow(frames(0.0, 0.0, 0.0)))
    assert follower.used_fixes == [fix(-3.0), fix(0.0), fix(1.0), fix(1.98), fix(3.0)]
    assert [one.step.belief.step for one in followed] == [2, 4, 6]
    assert followed[0].step.estimate.status == "localized"


def test_fixes_carry_on_where_photos_say_nothing() -> None:
    fixes = [fix(second, 5.0 * second, accuracy_m=5.0) for second in range(9)]
    alone = list(Follower(TRACKER, Told()).follow(frames(None, None, None, None, None)))
    helped = list(Follower(TRACKER, Told(), fixes=fixes).follow(frames(None, None, None, None, None)))
    assert track_of(alone, "").points == ()
    assert errors(helped, 0, 10, 20, 30, 40)[-1] < 10


def test_a_start_is_a_fix_at_the_first_photo() -> None:
    start = Fix(LAT, LON, sigma_of(10.0, 95.0))
    (one,) = Follower(TRACKER, Told(), start=start).follow(frames(None))
    assert errors([one], 0.0)[0] < 2
    assert one.step.estimate.radius_m_95 == pytest.approx(10.0, rel=0.6)


def test_a_photos_own_position_counts_where_there_is_no_better_fix() -> None:
    own, other = Fix(LAT, LON, 5.0), fix(0.0, 100.0, accuracy_m=5.0)
    (alone,) = Follower(TRACKER, Told(own)).follow(frames(None))
    (beside,) = Follower(TRACKER, Told(own), fixes=[other]).follow(frames(None))
    assert errors([alone], 0.0)[0] < 1
    assert errors([beside], 100.0)[0] < 1


def test_movement_leads_from_photo_to_photo() -> None:
    log = MovementLog(True, [AT.timestamp() + second for second in range(1, 9)], [(5.0, 0.0)] * 8)
    start = Fix(LAT, LON, 2.0)
    with_it = list(Follower(TRACKER, Told(), movement=log, start=start).follow(frames(0.0, 10.0, 20.0, None, None)))
    without = list(Follower(TRACKER, Told(), start=start).follow(frames(0.0, 10.0, 20.0, None, None)))
    assert with_it[-1].step.estimate.radius_m_95 < without[-1].step.estimate.radius_m_95


def test_fixes_need_photos_with_times() -> None:
    follower = Follower(TRACKER, Told(), fixes=[fix(0.0)])
    with pytest.raises(UsageError, match="--begin"):
        list(follower.follow(frames(0.0, timed=False)))
    assert len(list(Follower(TRACKER, Told()).follow(frames(0.0, 20.0, timed=False)))) == 2


def test_what_an_accuracy_means_is_said_when_it_is_assumed() -> None:
    follower = Follower(TRACKER, Told(), fixes=[fix(0.0, accuracy_m=None), fix(1.0, percentile=None)])
    list(follower.follow(frames(0.0, 0.0)))
    assert [notice.code for notice in follower.notices] == ["fix_accuracy_assumed", "accuracy_percentile_assumed"]


def test_radii_at_percentiles_are_one_sigma() -> None:
    assert sigma_of(10.0, 100 * (1 - math.exp(-0.5))) == pytest.approx(10.0)
    assert sigma_of(24.477, 95.0) == pytest.approx(10.0, rel=1e-4)


def test_the_track_holds_what_is_decided_and_gaps_begin_segments() -> None:
    follower = Follower(TRACKER, Told())
    followed = list(follower.follow(frames(0.0, 20.0, 40.0, 60.0)))
    far = Follower(TRACKER, Told())
    lost = list(far.follow(frames(None)))
    decided = [one for one in followed if one.step.estimate.status == "localized"]
    assert len(decided) >= 2
    points = track_of([lost[0], decided[0], lost[0], lost[0], decided[1], lost[0]], "").points
    assert [point.segment for point in points] == [0, 1]
    assert {point.status for point in points} == {"localized"}
    assert all(point.status == "ambiguous" for point in undecided(followed))


def test_layers_hold_only_what_there_is() -> None:
    assert layers_of([], []) == []
    followed = list(Follower(TRACKER, Told()).follow(frames(0.0, 20.0, 40.0, 60.0)))
    kinds = [type(layer) for layer in layers_of(followed, [fix(0.0), fix(1.0)])]
    assert Ellipses in kinds
    assert kinds.count(Line) == 2
    long = layers_of(followed * 200, [])
    assert all(len(layer.places) <= 151 for layer in long if isinstance(layer, Ellipses))
