"""Photos out of films."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.image import GpsFix
from service.errors import FramesInvalid
from service.track_files.film import Film
from service.track_files.frames import Frame, open_frames
from tests.service.track_files.films import HIGH, WIDE, level_of, make_film, turn_film

AT = datetime(2026, 11, 21, 20, 23, 10, tzinfo=UTC)
STEADY = [number / 10 for number in range(31)]


def pixels(frame: Frame) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(frame.data)).convert("RGB"))


def number_of(frame: Frame) -> int:
    """Tell by its grey which frame of the film it was."""
    return round((float(pixels(frame)[HIGH // 2, -8].mean()) - level_of(0)) / 10)


@pytest.mark.parametrize(
    ("every_s", "expected"),
    [(1.0, [0, 10, 20, 30]), (0.25, [0, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25, 28, 30]), (99.0, [0])],
)
def test_frames_are_taken_by_the_films_own_time(tmp_path: Path, every_s: float, expected: list[int]) -> None:
    film = Film(make_film(tmp_path / "a.mp4", STEADY), every_s=every_s)
    frames = list(film)
    assert [frame.seconds for frame in frames] == pytest.approx([number / 10 for number in expected])
    assert [number_of(frame) for frame in frames] == [number % 16 for number in expected]
    assert [frame.number for frame in frames] == list(range(len(expected)))
    assert frames[0].name == "a.mp4@0.000s"
    assert film.count == pytest.approx(len(expected), abs=1)
    assert film.notices == ()


def test_a_rate_that_changes(tmp_path: Path) -> None:
    times = [0.0, 0.05, 0.9, 1.2, 1.25, 4.0, 4.1, 5.5]
    frames = list(Film(make_film(tmp_path / "a.mp4", times)))
    assert [frame.seconds for frame in frames] == pytest.approx([0.0, 1.2, 4.0, 5.5])
    assert [number_of(frame) for frame in frames] == [0, 3, 5, 7]


def test_key_frames_alone(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", STEADY, codec="libx264", rough=30)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        keys = [
            float(packet.pts * packet.time_base) for packet in packets if packet.is_keyframe and packet.pts is not None
        ]
    assert 3 < len(keys) < len(STEADY) / 2
    assert [frame.seconds for frame in Film(path, every_s=0.1, keyframes=True)] == pytest.approx(keys)
    assert len(list(Film(path, every_s=1.0, keyframes=True))) < len(keys)


def test_a_time_far_beyond_the_film_costs_only_its_frames(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mkv", list(range(0, 1000, 10)))
    data = bytearray(path.read_bytes())
    cluster = data.index(b"\xe7\x83", data.index(b"\x1f\x43\xb6\x75", len(data) // 2))  # its time, of three bytes
    data[cluster + 2 : cluster + 5] = b"\xff\xff\xff"
    path.write_bytes(bytes(data))
    film = Film(path)
    frames = list(film)
    assert 80 <= len(frames) < 100
    assert frames[-1].seconds == pytest.approx(990.0)
    assert [notice.code for notice in film.notices] == ["frame_without_time"]


def test_times_begin_where_the_film_was_made(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", STEADY, {"creation_time": "2026-11-21T20:23:10.000000Z"})
    assert [frame.timestamp for frame in Film(film)] == [AT + timedelta(seconds=n) for n in range(4)]
    later = AT + timedelta(days=1)
    assert next(iter(Film(film, start=later))).timestamp == later


def test_apples_own_time_and_place_come_first(tmp_path: Path) -> None:
    said = {
        "creation_time": "2001-01-01T00:00:00Z",
        "com.apple.quicktime.creationdate": "2026-11-21T21:23:10+0100",
        "com.apple.quicktime.location.ISO6709": "+52.5163-013.3777+034.1/",
    }
    film = Film(make_film(tmp_path / "a.mov", STEADY, said))
    assert next(iter(film)).timestamp == AT
    assert film.position == GpsFix(52.5163, -13.3777)


@pytest.mark.parametrize(("name", "expected"), [("VID_20261121_212310.mp4", AT), ("film.mp4", None)])
def test_a_clock_that_was_never_set_counts_for_nothing(tmp_path: Path, name: str, expected: datetime | None) -> None:
    path = make_film(tmp_path / name, STEADY, {"creation_time": "1970-01-01T00:00:00Z"})
    film = Film(path, zone=timezone(timedelta(hours=1)))
    assert next(iter(film)).timestamp == expected
    assert [notice.code for notice in film.notices] == (["time_zone_assumed"] if expected else [])


@pytest.mark.parametrize("clockwise_deg", [90, 180, 270])
def test_frames_are_turned_upright(tmp_path: Path, clockwise_deg: int) -> None:
    frame = next(iter(Film(turn_film(make_film(tmp_path / "a.mp4", STEADY), clockwise_deg))))
    shown = pixels(frame).astype(int).mean(axis=2)
    flat = np.full((HIGH, WIDE), level_of(0))
    flat[:, : WIDE // 2] -= 20
    expected = np.rot90(flat, -clockwise_deg // 90)
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).mean() < 4


def test_broken_frames_cost_themselves(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", STEADY, codec="libx264", rough=60)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = bytes([0xA5]) * 20_000  # some four frames with all their headers
    path.write_bytes(bytes(data))
    film = Film(path, every_s=0.1)
    frames = list(film)
    assert 0 < len(frames) < len(STEADY)
    assert {notice.code for notice in film.notices} == {"frame_broken"}
    assert frames[-1].seconds == pytest.approx(3.0)


def test_a_film_that_ends_early_gives_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    make_film(path, STEADY)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    frames = list(Film(path, every_s=0.1))
    assert 5 < len(frames) < len(STEADY)


@pytest.mark.parametrize("data", [b"", b"no film", b"\x00\x00\x00\x18ftypmp42" + bytes(100)])
def test_what_is_no_film_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(FramesInvalid, match="neither a folder of photos nor a film"):
        open_frames(tmp_path / "a.mp4")


def test_a_playlist_fetches_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(FramesInvalid):
        list(open_frames(tmp_path / "a.m3u8"))


def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(FramesInvalid, match="no pictures"):
        open_frames(tmp_path / "a.wav")


def test_rates_and_steps_that_cannot_be(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", STEADY)
    with pytest.raises(FramesInvalid, match="own times"):
        open_frames(path, fps=2.0)
    with pytest.raises(FramesInvalid, match="too many"):
        open_frames(path, every_s=0.0)
    with pytest.raises(FramesInvalid, match="does not exist"):
        open_frames(tmp_path / "b.mp4")
