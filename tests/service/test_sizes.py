"""How many cores there are for a container: what it is granted, which its processes' affinity does not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.sizes import available_cores, encoding_sizes, granted_cores


@pytest.mark.parametrize(
    ("text", "cores"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", None), ("", None), ("1 0", None)],
)
def test_a_limit_is_rounded_up_to_cores(tmp_path: Path, text: str, cores: int | None) -> None:
    (tmp_path / "cpu.max").write_text(text + "\n", encoding="ascii")
    assert granted_cores(tmp_path) == cores


@pytest.mark.parametrize(("quota", "cores"), [("300000", 3), ("-1", None)])
def test_older_kernels_say_it_in_two_files(tmp_path: Path, quota: str, cores: int | None) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(quota, encoding="ascii")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000", encoding="ascii")
    assert granted_cores(tmp_path) == cores


def test_a_limit_above_the_machine_changes_nothing(tmp_path: Path) -> None:
    unlimited = available_cores(tmp_path)
    (tmp_path / "cpu.max").write_text("99999900000 100000", encoding="ascii")
    assert available_cores(tmp_path) == unlimited
    (tmp_path / "cpu.max").write_text("100000 100000", encoding="ascii")
    assert available_cores(tmp_path) == 1


@pytest.mark.parametrize(
    ("policy", "threads", "cores", "sizes"),
    [("cpu", 1, 4, (4, 1)), ("cpu", 8, 4, (1, 1)), ("require-gpu", 1, 4, (1, 32))],
)
def test_runs_side_by_side(policy: str, threads: int, cores: int, sizes: tuple[int, int]) -> None:
    assert encoding_sizes(policy, threads, cores) == sizes
