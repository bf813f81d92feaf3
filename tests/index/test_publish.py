from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from index.build import build_index
from index.bundle import open_index
from index.publish import lock_root, next_generation, point_to, write_quarantine
from index.tiles import BadTile
from models.encoder import FakeEncoder
from models.errors import DiskFull, OutputBusy, OutputUnwritable
from tests.index.made import Noise


def test_a_published_generation_is_read_only(tmp_path: Path) -> None:
    path = build_index(Noise(), FakeEncoder(), tmp_path, name="noise").path
    assert stat.S_IMODE(path.stat().st_mode) == 0o555
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o444}


def test_a_rebuild_is_a_new_generation_and_the_old_one_stays(tmp_path: Path) -> None:
    build_index(Noise(), FakeEncoder(), tmp_path, name="noise")
    before = {path.name: path.read_bytes() for path in (tmp_path / "gen-1").iterdir()}
    report = build_index(Noise(count=30), FakeEncoder(), tmp_path, name="noise")
    assert report.title == "noise@2"
    assert (tmp_path / "CURRENT").read_text() == "gen-2\n"
    assert len(open_index(tmp_path)) == 30
    assert {path.name: path.read_bytes() for path in (tmp_path / "gen-1").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CURRENT", "gen-1", "gen-2"]


@pytest.mark.parametrize(
    ("names", "current", "expected"),
    [([], None, 1), (["gen-1", "gen-3"], None, 4), (["gen-1"], "gen-7", 8), (["gen-x", "other", "gen-02"], None, 1)],
)
def test_generation_numbers_only_rise(tmp_path: Path, names: list[str], current: str | None, expected: int) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    if current:
        point_to(tmp_path, current)
    assert next_generation(tmp_path) == expected


def test_two_builders_exclude_each_other(tmp_path: Path) -> None:
    with lock_root(tmp_path), pytest.raises(OutputBusy, match="Another build"):
        build_index(Noise(), FakeEncoder(), tmp_path, name="noise")
    assert list(tmp_path.iterdir()) == []
    build_index(Noise(), FakeEncoder(), tmp_path, name="noise")


def test_the_lock_of_a_killed_builder_is_free(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from index.publish import lock_root\n"
        f"with lock_root(Path({str(tmp_path)!r})):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    repository = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=repository) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(OutputBusy), lock_root(tmp_path):
            pass
        os.kill(other.pid, signal.SIGKILL)
    with lock_root(tmp_path):
        pass


def test_what_a_killed_build_left_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / ".gen-1.tmp-0a1b2c3d"
    left.mkdir()
    (left / "vectors.npy").write_bytes(b"half")
    build_index(Noise(), FakeEncoder(), tmp_path, name="noise")
    assert not left.exists()


def test_what_the_system_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputUnwritable, match="Cannot write to"):
        build_index(Noise(), FakeEncoder(), tmp_path / "file" / "index", name="noise")


def test_a_full_disk_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("index.publish.write_table", full)
    with pytest.raises(DiskFull, match=r"No room .* No space left on device.*run the same command again"):
        build_index(Noise(), FakeEncoder(), tmp_path, name="noise")
    assert [path.name for path in tmp_path.iterdir()] == [".unfinished"]


def test_the_quarantine_is_safe_to_open_in_a_spreadsheet(tmp_path: Path) -> None:
    write_quarantine(
        tmp_path / "q.csv", [BadTile("=cmd()", "row_invalid", "two\nlines\x1b[31m"), BadTile("a,b", "c", "d")]
    )
    assert (tmp_path / "q.csv").read_text() == 'id,code,reason\n\'=cmd(),row_invalid,two lines [31m\n"a,b",c,d\n'
