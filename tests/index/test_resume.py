"""A build that is interrupted and run again gives what an undisturbed one gives."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.build import BuildReport, Progress, Run, build_index
from index.tiles import BadTile
from index.workspace import JOURNAL, WORK
from models.encoder import FakeEncoder
from models.errors import (
    JobStopped,
    OutputUnfinished,
    SourceChanged,
    SourceUnavailable,
    TooManyBadTiles,
)
from tests.index.made import FailingEncoder, Noise

SOURCE = Noise(count=100, bad=(7,), blank=(33, 40))
RUN = Run(shard_tiles=16, workers=2)


class Counting(FakeEncoder):
    """Counts the tiles that it describes."""

    def __init__(self) -> None:
        super().__init__()
        self.described = 0

    def aerial(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        self.described += len(pixels)
        return super().aerial(pixels)


@pytest.fixture(autouse=True)
def _fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")


def _build(root: Path, source: Noise = SOURCE, encoder: FakeEncoder | None = None, run: Run = RUN) -> BuildReport:
    return build_index(source, encoder or FakeEncoder(), root, name="noise", run=run, workers=2)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1767225600")
        build_index(SOURCE, FakeEncoder(), root, name="noise", workers=2)
    return contents(root)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """An index folder whose build broke after some shards."""
    with pytest.raises(RuntimeError, match="power cut"):
        _build(tmp_path, encoder=FailingEncoder(runs=60))
    assert [path.name for path in tmp_path.iterdir()] == [WORK]
    return tmp_path


def test_shards_are_no_part_of_the_result(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    for size in (1, 7, 1000):
        _build(tmp_path / str(size), run=Run(shard_tiles=size))
        assert contents(tmp_path / str(size)) == undisturbed


def test_a_broken_build_goes_on_where_it_was(broken: Path, undisturbed: dict[str, bytes]) -> None:
    shards = len(list((broken / WORK).glob("*.npy")))
    assert shards >= 2
    encoder = Counting()
    report = _build(broken, encoder=encoder)
    assert contents(broken) == undisturbed
    assert encoder.described <= 97 - 16 * shards + 3
    assert report.resumed == 97 - encoder.described


@pytest.mark.parametrize("suffix", ["npy", "json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_shard_is_done_again_and_no_other(
    broken: Path, undisturbed: dict[str, bytes], suffix: str, damage: str
) -> None:
    before = len(list((broken / WORK).glob("*.npy")))
    path = broken / WORK / f"shard-000001.{suffix}"
    data = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    else:
        data[-1] ^= 1
        path.write_bytes(data if damage == "flip" else data[:-1])
    encoder = Counting()
    _build(broken, encoder=encoder)
    assert contents(broken) == undisturbed
    assert encoder.described <= 97 - 16 * (before - 1) + 3


def test_a_torn_journal_costs_one_shard(broken: Path, undisturbed: dict[str, bytes]) -> None:
    journal = broken / WORK / JOURNAL
    before = len(journal.read_bytes().splitlines()) - 1
    journal.write_bytes(journal.read_bytes()[:-5])
    encoder = Counting()
    _build(broken, encoder=encoder)
    assert contents(broken) == undisturbed
    assert encoder.described <= 97 - 16 * (before - 1) + 3


def test_a_journal_without_its_first_line_is_begun_again(broken: Path, undisturbed: dict[str, bytes]) -> None:
    (broken / WORK / JOURNAL).write_bytes(b"nonsense\n")
    _build(broken)
    assert contents(broken) == undisturbed


def test_progress_tells_what_was_there(broken: Path) -> None:
    seen: list[Progress] = []
    build_index(SOURCE, FakeEncoder(), broken, name="noise", run=RUN, on_progress=seen.append)
    assert seen[0].indexed == seen[0].resumed > 0
    assert (seen[-1].indexed, seen[-1].quarantined, seen[-1].total) == (97, 3, 100)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"source": Noise(count=101)}, "tiles was 100, is 101"),
        ({"source": Noise(count=100, name="other")}, "source was noise, is other"),
        ({"encoder": FakeEncoder(columns=16)}, "model was mean-colour@1"),
        ({"run": Run(shard_tiles=17)}, "shard_tiles was 16, is 17"),
    ],
)
def test_the_work_of_another_job_is_not_touched(broken: Path, change: dict[str, object], told: str) -> None:
    before = contents(broken)
    with pytest.raises(OutputUnfinished, match=f"{told}.*--restart"):
        _build(broken, **change)  # type: ignore[arg-type]
    assert contents(broken) == before


def test_restart_throws_it_away(broken: Path) -> None:
    report = _build(broken, Noise(count=30), run=Run(restart=True))
    assert (report.count, report.resumed) == (30, 0)
    assert not (broken / WORK).exists()


@dataclass(frozen=True)
class Shifted(Noise):
    """Other pixels under the same ids."""

    def _tile(self, number: int):  # type: ignore[no-untyped-def]
        return super()._tile(number + 1000) if number < 5 else super()._tile(number)


@pytest.mark.parametrize(
    "source",
    [
        Noise(count=100, blank=(33, 40)),
        Noise(count=100, bad=(7,), blank=(33, 40), ids="x{}"),
        Shifted(count=100, bad=(7,), blank=(33, 40), ids="t{}"),
    ],
    ids=["mended", "renamed", "repainted"],
)
def test_imagery_that_changed_meanwhile_is_noticed(broken: Path, source: Noise) -> None:
    with pytest.raises(SourceChanged, match=r"not what it was.*--restart"):
        _build(broken, source)
    assert (broken / WORK).exists()


def test_a_stop_keeps_what_is_done(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    for after in (5, 40, 77):
        seen = iter(range(1000))
        run = Run(shard_tiles=1000, stopped=lambda seen=seen, after=after: next(seen) >= after)  # type: ignore[misc]
        with pytest.raises(JobStopped):
            _build(tmp_path, run=run)
    encoder = Counting()
    _build(tmp_path, encoder=encoder, run=Run(shard_tiles=1000))
    assert encoder.described == 100 - 78
    assert contents(tmp_path) == undisturbed


def test_more_bad_tiles_can_be_allowed_afterwards(tmp_path: Path) -> None:
    source = Noise(count=200, bad=(150, 160, 170))
    with pytest.raises(TooManyBadTiles):
        build_index(source, FakeEncoder(), tmp_path, name="noise", run=RUN)
    encoder = Counting()
    report = build_index(source, encoder, tmp_path, name="noise", run=RUN, max_bad_ratio=0.02)
    assert (report.count, report.quarantined) == (197, 3)
    assert encoder.described < 100


def test_a_source_that_is_gone_ends_the_build(tmp_path: Path) -> None:
    source = Noise(count=5000, bad=tuple(range(30, 60)))
    with pytest.raises(SourceUnavailable, match="21 tiles in a row cannot be read, the last is t50: It was eaten"):
        _build(tmp_path, source)
    assert json.loads((tmp_path / WORK / "shard-000000.json").read_text())["bad"] == []


def test_a_build_that_published_but_did_not_say_so_is_finished(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    with pytest.raises(JobStopped):
        _build(tmp_path, run=Run(shard_tiles=1000, stopped=lambda: True))
    shutil.copytree(tmp_path / WORK, tmp_path / "work")
    _build(tmp_path, run=Run(shard_tiles=1000))
    (tmp_path / "CURRENT").unlink()
    (tmp_path / "work").rename(tmp_path / WORK)
    report = _build(tmp_path, run=Run(shard_tiles=1000))
    assert report.title == "noise@1"
    assert contents(tmp_path) == undisturbed


def test_work_whose_result_is_current_is_in_nobody_s_way(tmp_path: Path) -> None:
    with pytest.raises(JobStopped):
        _build(tmp_path, run=Run(shard_tiles=1000, stopped=lambda: True))
    shutil.copytree(tmp_path / WORK, tmp_path / "work")
    _build(tmp_path, run=Run(shard_tiles=1000))
    (tmp_path / "work").rename(tmp_path / WORK)
    assert _build(tmp_path, Noise(count=30)).title == "noise@2"
    assert not (tmp_path / WORK).exists()


def test_the_same_tile_again_is_kept_once(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Twice(Noise):
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield from super().__iter__()
            yield from super().__iter__()

    report = build_index(Twice(), FakeEncoder(), tmp_path, name="noise", run=RUN)
    assert (report.count, report.quarantined) == (60, 0)


def test_bad_tiles_are_listed_by_id(tmp_path: Path) -> None:
    report = _build(tmp_path)
    rows = (report.path / "quarantine.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["t33", "t40", "t7"]
    assert BadTile("t7", "io_error", "It was eaten by mice.").code in rows[2]
