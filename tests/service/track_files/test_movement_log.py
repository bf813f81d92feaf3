"""Logs of movement, and what they say of an interval."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from service.errors import TrackFileInvalid
from service.track_files.movement_log import Moved, MovementLog, read_movement


def log(path: Path, text: str) -> MovementLog:
    (path / "log.csv").write_text(text)
    return read_movement(path / "log.csv")


def test_steps_add_up_between_two_times(tmp_path: Path) -> None:
    steps = log(tmp_path, "time,forward_m,turn_deg\n0,9,9\n1,2,0\n2,3,\n\n3,4,0\n")
    assert steps.between(0, 2) == Moved(forward_m=5.0, turn_deg=0.0)
    assert steps.between(2, 9) == Moved(forward_m=4.0, turn_deg=0.0)
    assert steps.between(3, 9) is None


def test_a_quarter_circle_is_its_chord(tmp_path: Path) -> None:
    arc = "\n".join(f"{second},{math.pi / 2 * 100 / 90},1" for second in range(1, 91))
    moved = log(tmp_path, f"time,forward_m,turn_deg\n{arc}").between(0, 90)
    assert moved is not None
    assert moved.turn_deg == pytest.approx(90)
    assert moved.forward_m == pytest.approx(100 * math.sqrt(2), rel=1e-4)


def test_speed_is_the_mean_of_the_interval_and_lasts_a_while(tmp_path: Path) -> None:
    speeds = log(tmp_path, "Timestamp, speed_mps ,heading_deg\n1970-01-01T00:00:01Z,4,350\n2,6,-10\n3,8,\n")
    assert speeds.between(0, 2) == Moved(speed_mps=5.0, heading_deg=350.0)
    assert speeds.between(2, 3) == Moved(speed_mps=8.0)
    assert speeds.between(3, 7.9) == Moved(speed_mps=8.0)
    assert speeds.between(3, 8.1) is None
    assert speeds.between(-1, 0.5) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "columns none"),
        ("time,way\n1,2\n", "columns time, way"),
        ("forward_m,turn_deg\n1,2\n", "time,forward_m"),
        ("time,speed_mps\n", "no row"),
        ("time,speed_mps\n1,2\n2,fast\n", "line 3: time and speed_mps"),
        ("time,speed_mps\nnoon,2\n", "line 2: time and speed_mps"),
        ("time,speed_mps\n1\n", "line 2"),
        ("time,forward_m,turn_deg\n1,2,left\n", "turn_deg has to be a number"),
        ("time,speed_mps\n2,1\n1,1\n", "line 3: its time is before"),
        ('time,speed_mps\n1,"2\n', "line 2"),
    ],
)
def test_what_is_no_log_says_why(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(TrackFileInvalid, match=words):
        log(tmp_path, text)


def test_other_encodings_are_said(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes("time,speed_mps,Straße\n1,2,3\n".encode("latin-1"))
    with pytest.raises(TrackFileInvalid, match="no UTF-8"):
        read_movement(tmp_path / "log.csv")
