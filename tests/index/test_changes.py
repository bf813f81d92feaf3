from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from index.changes import parse_since, split_by_change
from models.errors import UsageError

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def _file(path: Path, days: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.touch()
    when = SINCE.timestamp() + days * 86_400
    os.utime(path, (when, when))
    return path


def test_only_files_that_stand_alone_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "sheets"
    old, new, edge = (_file(folder / f"{name}.tif", days) for name, days in (("a", -1), ("b", 1), ("c", 0)))
    mosaic, archive = _file(tmp_path / "all.vrt", -1), _file(tmp_path / "d.mbtiles", -1)
    (tmp_path / "xyz").mkdir()
    found = split_by_change([old, new, edge, mosaic, archive, tmp_path / "xyz"], SINCE)
    assert found.unread == {old.name, archive.name}
    assert found.changed == (new, edge, mosaic, tmp_path / "xyz")


def test_the_sheets_of_a_folder_are_looked_at_together(tmp_path: Path) -> None:
    for name, days in (("old/a.tif", -1), ("old/b.tif", -2), ("mixed/c.tif", -1), ("mixed/d.tif", 1)):
        _file(tmp_path / name, days)
    found = split_by_change([tmp_path / "old", tmp_path / "mixed"], SINCE)
    assert found.unread == {"a.tif", "b.tif"}
    assert found.changed == (tmp_path / "mixed",)


def test_files_of_the_same_name_are_all_read(tmp_path: Path) -> None:
    paths = [_file(tmp_path / name / "a.tif", -1) for name in ("one", "two")]
    assert split_by_change(paths, SINCE).changed == tuple(paths)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-06-30", datetime(2025, 6, 30, tzinfo=UTC)),
        ("2025-06-30T12:00Z", datetime(2025, 6, 30, 12, tzinfo=UTC)),
        ("2025-06-30T12:00+02:00", datetime(2025, 6, 30, 10, tzinfo=UTC)),
    ],
)
def test_times_are_read(text: str, expected: datetime) -> None:
    assert parse_since(text) == expected


@pytest.mark.parametrize(("text", "hours"), [("36h", 36), ("7d", 168), ("2w", 336)])
def test_times_may_be_told_from_now(text: str, hours: int) -> None:
    ago = datetime.now(UTC) - parse_since(text)
    assert abs(ago - timedelta(hours=hours)) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["", "yesterday", "7", "d", "2025-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        parse_since(text)
