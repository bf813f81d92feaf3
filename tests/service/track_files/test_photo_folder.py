"""Photos of a folder, in the order of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from service.errors import FramesInvalid
from service.track_files.frames import Frames, open_frames
from service.track_files.photo_folder import natural
from tests.service.track_files.test_photo_time import photo

AT = datetime(2026, 11, 21, 20, 23, 10, tzinfo=UTC)


def fill(folder: Path, **times: str | None) -> Path:
    """Write photos named by keyword, with the EXIF time they are given."""
    for name, time in times.items():
        exif = {} if time is None else {0x9003: f"2026:11:21 {time}", 0x9011: "+00:00"}
        (folder / f"{name}.jpg").write_bytes(photo(exif))
    return folder


def told(frames: Frames) -> list[tuple[str, float]]:
    return [(frame.name, frame.seconds) for frame in frames]


def codes(frames: Frames) -> list[str]:
    return [notice.code for notice in frames.notices]


def test_exif_times_decide_the_order(tmp_path: Path) -> None:
    frames = open_frames(fill(tmp_path, b="20:23:10", a="20:23:12", c10="20:23:12", c9="20:23:12"))
    assert told(frames) == [("b.jpg", 0.0), ("a.jpg", 2.0), ("c9.jpg", 2.0), ("c10.jpg", 2.0)]
    assert [frame.timestamp for frame in frames][:2] == [AT, AT + timedelta(seconds=2)]
    assert next(iter(frames)).data == (tmp_path / "b.jpg").read_bytes()
    assert (frames.count, codes(frames)) == (4, [])


def test_what_is_no_photo_is_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, a="20:23:10")
    for name in ("notes.txt", ".hidden.jpg", "track.gpx"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.jpg").mkdir()
    assert told(open_frames(tmp_path)) == [("a.jpg", 0.0)]


def test_photos_without_time_are_left_out_where_others_have_one(tmp_path: Path) -> None:
    frames = open_frames(fill(tmp_path, a="20:23:10", b=None, c="20:23:11"))
    assert told(frames) == [("a.jpg", 0.0), ("c.jpg", 1.0)]
    assert codes(frames) == ["photo_without_time"]


def test_without_any_time_they_follow_each_other_by_name(tmp_path: Path) -> None:
    frames = open_frames(fill(tmp_path, f2=None, f10=None, f1=None))
    assert told(frames) == [("f1.jpg", 0.0), ("f2.jpg", 1.0), ("f10.jpg", 2.0)]
    assert {frame.timestamp for frame in frames} == {None}
    assert codes(frames) == ["times_assumed"]


def test_a_rate_counts_more_than_times_and_a_start_dates_it(tmp_path: Path) -> None:
    frames = open_frames(fill(tmp_path, a="20:23:10", b="10:00:00"), fps=4.0, start=AT)
    assert told(frames) == [("a.jpg", 0.0), ("b.jpg", 0.25)]
    assert [frame.timestamp for frame in frames] == [AT, AT + timedelta(seconds=0.25)]
    assert codes(frames) == []


def test_photos_too_close_to_the_one_before_are_left_out(tmp_path: Path) -> None:
    frames = open_frames(fill(tmp_path, a="20:23:10", b="20:23:11", c="20:23:13", d="20:23:14"), every_s=2.0)
    assert told(frames) == [("a.jpg", 0.0), ("c.jpg", 3.0)]


def test_times_in_names_are_read_in_the_zone_that_is_assumed(tmp_path: Path) -> None:
    (tmp_path / "IMG_20261121_212310.jpg").write_bytes(photo())
    frames = open_frames(tmp_path, zone=timezone(timedelta(hours=1)))
    assert [frame.timestamp for frame in frames] == [AT]
    assert codes(frames) == ["time_zone_assumed"]


def test_metadata_far_down_in_a_file_are_found(tmp_path: Path) -> None:
    plain = photo({0x9003: "2026:11:21 20:23:10", 0x9011: "+00:00"})
    filling = b"\xff\xe5" + (60_000).to_bytes(2, "big") + bytes(59_998)
    (tmp_path / "a.jpg").write_bytes(plain[:2] + 3 * filling + plain[2:])
    assert [frame.timestamp for frame in open_frames(tmp_path)] == [AT]


def test_a_photo_that_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    frames = open_frames(fill(tmp_path, a="20:23:10", b="20:23:11", c="20:23:12"))
    (tmp_path / "b.jpg").unlink()
    assert [(frame.number, frame.name) for frame in frames] == [(0, "a.jpg"), (1, "c.jpg")]
    assert codes(frames) == ["photo_unreadable"]


def test_folders_that_give_nothing_are_said(tmp_path: Path) -> None:
    with pytest.raises(FramesInvalid, match="holds no photo"):
        open_frames(tmp_path)
    fill(tmp_path, a=None)
    with pytest.raises(FramesInvalid, match="positive"):
        open_frames(tmp_path, fps=0.0)


def test_numbers_in_names_count_by_value() -> None:
    assert sorted(["f10", "f9", "F1", "1", "f²", "f1b"], key=natural) == ["1", "F1", "f1b", "f9", "f10", "f²"]
