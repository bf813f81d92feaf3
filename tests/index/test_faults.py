"""Every operation on the disk may fail: nothing bad becomes visible, and the next run succeeds."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from index.build import Run, build_index
from index.bundle import open_index
from models.disk import Disk
from models.encoder import FakeEncoder
from models.errors import BundleMissing, DiskFull, OutputError
from tests.index.faults import FaultyDisk
from tests.index.made import Noise

SOURCE = Noise(count=12, blank=(3,))


def _build(root: Path, disk: Disk) -> None:
    build_index(SOURCE, FakeEncoder(), root, name="noise", run=Run(shard_tiles=5, workers=1, disk=disk))


@pytest.fixture(autouse=True)
def _fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _check_all(folder: Path, step: int, error: int, lasting: bool) -> None:
    counting = FaultyDisk(1_000_000)
    _build(folder / "whole", counting)
    expected = contents(folder / "whole")
    for number in range(1, counting.count + 1, step):
        root, disk = folder / str(number), FaultyDisk(number, error, lasting)
        with pytest.raises(OutputError) as raised:
            _build(root, disk)
        assert isinstance(raised.value, DiskFull) == (error == errno.ENOSPC)
        assert str(root) in str(raised.value)
        assert disk.reached
        try:
            assert len(open_index(root)) == 11
        except BundleMissing:
            assert not (root / "CURRENT").exists()
        if (root / "CURRENT").exists() and not (root / ".unfinished").exists():
            continue  # it failed in tidying up
        _build(root, Disk())
        assert contents(root) == expected, number


def test_some_operations_fail(tmp_path: Path) -> None:
    _check_all(tmp_path, 9, errno.ENOSPC, lasting=True)


@pytest.mark.slow
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("lasting", [False, True])
def test_every_operation_fails(tmp_path: Path, error: int, lasting: bool) -> None:
    _check_all(tmp_path, 1, error, lasting)


def test_short_writes_are_gone_on_with(tmp_path: Path) -> None:
    _build(tmp_path / "whole", Disk())
    for number in (6, 14, 40):
        _build(tmp_path / str(number), FaultyDisk(number, short=True))
        assert contents(tmp_path / str(number)) == contents(tmp_path / "whole")


class Small(Disk):
    def free_bytes(self, folder: Path) -> int:  # noqa: ARG002
        return 20_000


def test_too_little_room_is_noticed_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match=r"has 0\.020 MB free; 12 tiles need about 0\.021 MB"):
        _build(tmp_path, Small())
    assert list(tmp_path.iterdir()) == []
