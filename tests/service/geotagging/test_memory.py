"""What is remembered of photos: of the same bytes, under the same question, through any end of a process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from service.geotagging.memory import Known, Memory
from service.geotagging.placement import Found
from service.geotagging.told import Told
from service.geotagging.walk import REPORT_MARK, Photo
from tests.service.geotagging.made import PLACEMENT

PHOTO = Photo(Path("/archive/a.jpg"), "a.jpg", 10, 20, frozenset())
TOLD = Told("localized", "i@1", "m@1", "0.1", ((1.0, 2.0, 0.9),), 0.9, 3.0, 7.5, 12.5, 4.0)
LOOKS = {
    "an answer": Known("00", told=TOLD),
    "nothing": Known("00"),
    "a position": Known("00", Found(1.0, 2.0, "exif")),
    "ours": Known("00", Found(-33.9, 151.3, "exif", PLACEMENT)),
    "an error": Known("00", code="image_empty", detail="It is empty."),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_is_recalled(tmp_path: Path, name: str) -> None:
    Memory(tmp_path, "q").keep(PHOTO, LOOKS[name])
    again = Memory(tmp_path, "q")
    assert again.recall(PHOTO) == LOOKS[name]
    assert again.recall(replace(PHOTO, mtime_ns=21)) is None
    assert again.recall_bytes(replace(PHOTO, mtime_ns=21), "00") == LOOKS[name]
    assert again.recall_bytes(PHOTO, "01") is None
    assert again.recall(replace(PHOTO, name="b.jpg")) is None


def test_an_answer_to_another_question_is_none(tmp_path: Path) -> None:
    Memory(tmp_path, "q").keep(PHOTO, LOOKS["an answer"])
    Memory(tmp_path, "q").keep(replace(PHOTO, name="b.jpg"), LOOKS["a position"])
    other = Memory(tmp_path, "another")
    assert other.recall(PHOTO) is None
    assert other.recall(replace(PHOTO, name="b.jpg")) == LOOKS["a position"]


def test_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    memory = Memory(tmp_path, "q")
    memory.keep(PHOTO, LOOKS["an answer"])
    size = (tmp_path / REPORT_MARK).stat().st_size
    memory.keep(PHOTO, LOOKS["an answer"])
    Memory(tmp_path, "q").keep(PHOTO, LOOKS["an answer"])
    assert (tmp_path / REPORT_MARK).stat().st_size == size


def test_every_torn_end_costs_the_last_look_alone(tmp_path: Path) -> None:
    memory = Memory(tmp_path, "q")
    memory.keep(PHOTO, LOOKS["an answer"])
    first = (tmp_path / REPORT_MARK).stat().st_size
    memory.keep(replace(PHOTO, name="b.jpg"), LOOKS["ours"])
    whole = (tmp_path / REPORT_MARK).read_bytes()
    for end in range(first, len(whole), 13):
        (tmp_path / REPORT_MARK).write_bytes(whole[:end])
        torn = Memory(tmp_path, "q")
        assert torn.recall(PHOTO) == LOOKS["an answer"]
        assert torn.recall(replace(PHOTO, name="b.jpg")) is None
        assert (tmp_path / REPORT_MARK).stat().st_size == first
