from __future__ import annotations

from pathlib import Path

import pytest

from index.build import Run, build_index
from index.bundle import open_index
from index.generations import collect_generations, current_generation, generations
from index.publish import point_to
from models.encoder import FakeEncoder
from tests.index.made import Noise


def _root(folder: Path, numbers: tuple[int, ...], current: int) -> Path:
    for number in numbers:
        (folder / f"gen-{number}").mkdir()
        (folder / f"gen-{number}" / "manifest.json").touch(0o444)
        (folder / f"gen-{number}").chmod(0o555)
    point_to(folder, f"gen-{current}")
    return folder


@pytest.mark.parametrize(
    ("current", "keep", "left"),
    [(9, 3, [3, 7, 9]), (9, 1, [9]), (9, 9, [1, 2, 3, 7, 9]), (2, 1, [2]), (2, 3, [2, 7, 9]), (1, 2, [1, 9])],
)
def test_the_newest_stay_and_the_current_one(tmp_path: Path, current: int, keep: int, left: list[int]) -> None:
    root = _root(tmp_path, (1, 2, 3, 7, 9), current)
    removed = collect_generations(root, keep)
    assert generations(root) == left
    assert removed == [f"gen-{number}" for number in (1, 2, 3, 7, 9) if number not in left]
    assert sorted(path.name for path in root.iterdir()) == sorted(["CURRENT", *(f"gen-{n}" for n in left)])


def test_without_a_current_one_nothing_is_removed(tmp_path: Path) -> None:
    root = _root(tmp_path, (1, 2, 3), 3)
    (root / "CURRENT").write_text("nonsense")
    assert current_generation(root) is None
    assert collect_generations(root, 1) == []
    assert generations(root) == [1, 2, 3]


def test_a_build_leaves_so_many(tmp_path: Path) -> None:
    for _ in range(4):
        build_index(Noise(count=5), FakeEncoder(), tmp_path, name="noise", run=Run(keep=2, workers=1))
    assert generations(tmp_path) == [3, 4]
    assert open_index(tmp_path).title == "noise@4"
