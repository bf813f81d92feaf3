from __future__ import annotations

from pathlib import Path

import pytest

from index.journal import Journal
from models.disk import DISK

RECORDS = [{"number": number, "text": "a\nb\u2028é"} for number in range(5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "journal.jsonl", DISK)
    for record in RECORDS:
        journal.append(record)
    return tmp_path / "journal.jsonl"


def test_what_was_appended_is_read(path: Path) -> None:
    assert Journal(path, DISK).records == RECORDS
    assert len(path.read_bytes().split(b"\n")) == len(RECORDS) + 1


def test_a_line_torn_anywhere_is_cut_off_and_written_again(path: Path) -> None:
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for size in range(last, len(whole)):
        path.write_bytes(whole[:size])
        journal = Journal(path, DISK)
        assert journal.records == RECORDS[:4]
        journal.append(RECORDS[4])
        assert path.read_bytes() == whole


def test_a_changed_line_ends_the_list(path: Path) -> None:
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        before = sum(len(b"".join(lines[: n + 1])) <= position for n in range(len(lines)))
        assert Journal(path, DISK).records == RECORDS[:before]


@pytest.mark.parametrize("damage", ["missing", "swapped", "doubled"])
def test_lines_out_of_place_end_the_list(path: Path, damage: str) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    changed = {
        "missing": [lines[0], *lines[2:]],
        "swapped": [lines[0], lines[2], lines[1], *lines[3:]],
        "doubled": [lines[0], lines[0], *lines[1:]],
    }[damage]
    path.write_bytes(b"".join(changed))
    assert Journal(path, DISK).records == RECORDS[:1]


def test_there_need_be_none(tmp_path: Path) -> None:
    assert Journal(tmp_path / "none", DISK).records == []
    assert not (tmp_path / "none").exists()
