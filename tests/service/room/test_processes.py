"""Decode workers that are late, die, lie or are only used up: each costs one photo at most, and is replaced."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import ImageTooComplex, ImageTooSmall, ImageUndecodable, ParameterError, SkyfixError
from service.deadline import NEVER, Deadline
from service.errors import DeadlineExceeded, Overloaded
from service.index_localizer import IndexLocalizer
from service.query import Query
from service.room.child import verdict
from service.room.processes import ProcessRoom
from service.room.wire import WorkerCrashed
from service.timeline import Timeline
from tests.service.room.conftest import AROUND, Rooms, open_rooms
from tests.service.world import encode, panorama


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_prepares_what_a_thread_does(rooms: Rooms, photo: bytes) -> None:
    timeline = Timeline()
    there = rooms.prepare(photo, timeline=timeline)
    here = rooms.localizer.prepare(rooms.localizer.decode(photo), AROUND)
    np.testing.assert_array_equal(there.ground.pixels, here.ground.pixels)
    np.testing.assert_array_equal(there.ground.firsts, here.ground.firsts)
    assert (there.notices, there.prior, there.size_px) == (here.notices, here.prior, (512, 256))
    assert list(timeline.seconds()) == ["decode", "preprocess", "queue"]


def test_what_is_wrong_with_a_photo_is_the_same_error(rooms: Rooms) -> None:
    with pytest.raises(ImageTooSmall, match="31 x 31"):
        rooms.prepare(encode(np.zeros((31, 31, 3), np.uint8)))


def test_a_parameter_that_only_the_photo_refutes(rooms: Rooms, photo: bytes) -> None:
    query = Query(mode="prior", use_exif_gps=True)
    with pytest.raises(ParameterError) as caught:
        asyncio.run(rooms.room.prepare(rooms.localizer, photo, query, NEVER, Timeline()))
    assert caught.value.pointer == "use_gps_as_prior"


FATES: list[tuple[bytes, type[SkyfixError] | tuple[type[SkyfixError], ...], str]] = [
    (b"sleep", DeadlineExceeded, "late"),
    (b"spin", (ImageTooComplex, DeadlineExceeded), "late"),  # the second where others keep the CPU from it
    (b"crash", ImageUndecodable, "died"),
    (b"leave", ImageUndecodable, "died"),
    (b"vanish", Overloaded, "died"),
]


@pytest.mark.parametrize(("word", "error", "reason"), FATES)
def test_a_worker_that_is_lost_is_replaced(
    rooms: Rooms, photo: bytes, word: bytes, error: type[SkyfixError] | tuple[type[SkyfixError], ...], reason: str
) -> None:
    rooms.prepare(photo)
    (before,), counted = rooms.room.pids, rooms.ended[reason]
    with pytest.raises(error):
        rooms.prepare(word)
    assert not exists(before)
    assert rooms.ended[reason] == counted + 1
    assert rooms.prepare(photo).size_px == (512, 256)


@pytest.mark.parametrize(
    ("cpu_s", "error"),
    [(2.4, ImageTooComplex), (0.9, DeadlineExceeded)],
)
def test_whose_fault_it_is(cpu_s: float, error: type[SkyfixError]) -> None:
    assert type(verdict(cpu_s, 2.5)) is error


def test_a_photo_that_needs_too_much_memory_costs_only_itself(rooms: Rooms, photo: bytes) -> None:
    rooms.prepare(photo)
    before = rooms.room.pids
    with pytest.raises(ImageTooComplex):
        rooms.prepare(b"eat")
    rooms.prepare(photo)
    assert rooms.room.pids == before


def test_a_fault_of_the_program_says_where_and_not_what(rooms: Rooms) -> None:
    with pytest.raises(WorkerCrashed, match=r"^ValueError at obedient, line \d+$"):
        rooms.prepare(b"break canary-7c1e")


def test_a_worker_can_write_no_file(rooms: Rooms, tmp_path: Path) -> None:
    target = tmp_path / "out"
    with pytest.raises(WorkerCrashed, match="OSError"):
        rooms.prepare(b"write " + str(target).encode())
    assert not target.exists() or target.stat().st_size == 0


def test_a_worker_imports_no_network_and_no_index(rooms: Rooms) -> None:
    with pytest.raises(ImageTooSmall, match=r"^none$"):
        rooms.prepare(b"modules")


def test_a_worker_is_told_nothing_of_the_service(rooms: Rooms) -> None:
    with pytest.raises(ImageTooSmall) as caught:
        rooms.prepare(b"environment")
    assert not [name for name in str(caught.value).split() if name.startswith(("SKYFIX", "OTEL", "PATH", "HOME"))]


def test_a_deadline_that_passes_is_an_answer_and_costs_no_worker(localizer: IndexLocalizer, photo: bytes) -> None:
    opened = open_rooms(localizer, decode_s=20.0)
    opened.prepare(photo)
    before = opened.room.pids
    started = time.monotonic()
    for seconds in (0.0, 0.2):
        with pytest.raises(DeadlineExceeded):
            opened.prepare(b"nap", Deadline.after(seconds))
    assert opened.prepare(photo).size_px == (512, 256)
    assert opened.room.pids == before
    assert time.monotonic() - started < 15
    opened.room.close()


def test_a_photo_whose_sender_is_gone_is_not_decoded(localizer: IndexLocalizer, photo: bytes) -> None:
    opened = open_rooms(localizer, decode_s=1.5)
    opened.prepare(photo)

    async def leave() -> None:
        ask = opened.room.prepare
        first = asyncio.create_task(ask(localizer, b"sleep", AROUND, NEVER, Timeline()))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(ask(localizer, b"crash", AROUND, NEVER, Timeline()))
        await asyncio.sleep(0.1)
        second.cancel()
        with pytest.raises(DeadlineExceeded):
            await first
        await asyncio.sleep(0.1)

    asyncio.run(leave())
    assert opened.ended == {"late": 1}
    opened.room.close()


def test_others_go_on_while_one_hangs(localizer: IndexLocalizer, photo: bytes) -> None:
    opened = open_rooms(localizer, workers=2, decode_s=20.0)

    async def both() -> list[int]:
        ask = opened.room.prepare
        hanging = asyncio.create_task(ask(localizer, b"sleep", AROUND, NEVER, Timeline()))
        done = [await ask(localizer, photo, AROUND, NEVER, Timeline()) for _ in range(5)]
        assert not hanging.done()
        hanging.cancel()
        return [prepared.size_px[0] for prepared in done]

    assert asyncio.run(both()) == [512] * 5
    pids = opened.room.pids
    opened.room.close()
    assert not any(exists(pid) for pid in pids)


def test_a_worker_is_used_up(localizer: IndexLocalizer, photo: bytes) -> None:
    opened = open_rooms(localizer, recycled_after=2)
    opened.prepare(photo)
    first = opened.room.pids
    opened.prepare(photo)
    opened.prepare(photo)
    assert opened.room.pids != first
    assert opened.ended == {"recycled": 1}
    opened.room.close()


def test_an_idle_worker_that_was_killed_costs_no_photo(rooms: Rooms, photo: bytes) -> None:
    rooms.prepare(photo)
    (pid,) = rooms.room.pids
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    assert rooms.prepare(photo).size_px == (512, 256)


def test_a_room_closes_while_its_workers_start(localizer: IndexLocalizer) -> None:
    opened = open_rooms(localizer, workers=2)
    opened.room.close()
    assert opened.room.pids == []
    opened.room.close()


def test_workers_that_do_not_start_are_a_timeout_and_a_line(
    localizer: IndexLocalizer, caplog: pytest.LogCaptureFixture
) -> None:
    room = ProcessRoom(1, cook="tests.service.room.cooks:nobody")
    with caplog.at_level(logging.ERROR), pytest.raises(DeadlineExceeded):
        asyncio.run(room.prepare(localizer, b"", AROUND, Deadline.after(3.0), Timeline()))
    room.close()
    assert "a decode worker did not start" in caplog.text


@pytest.mark.parametrize("number", range(3))
def test_a_planted_photo(rooms: Rooms, number: int) -> None:
    prepared = rooms.prepare(encode(panorama(number)))
    assert prepared.heading_searched


def scan_bomb(scans: int) -> bytes:
    """A legal JPEG of 24 megapixels and 98 kB, whose last scan is there again and again."""
    stream = io.BytesIO()
    Image.new("L", (6000, 4000), 128).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * (scans + 1 - data.count(b"\xff\xda")) + data[-2:]


def test_a_legal_picture_that_takes_too_long_is_given_up(localizer: IndexLocalizer, photo: bytes) -> None:
    opened = open_rooms(localizer, decode_s=0.4)
    opened.prepare(photo)
    with pytest.raises((ImageTooComplex, DeadlineExceeded)):
        opened.prepare(scan_bomb(100))
    assert opened.ended == {"late": 1}
    opened.room.close()
