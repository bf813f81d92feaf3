"""A region's file: what it pins, what it tells, and what it is refused for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from index.region_file import is_region, read_region, write_region
from index.region_opening import open_region
from index.region_survey import survey
from models.cells import Cells
from models.encoder import FakeEncoder
from models.errors import BundleError, BundleMissing, ChecksumMismatch, IndexMismatch, ModelMismatch, UsageError
from service.cli import main
from tests.index.made import thaw
from tests.index.regions import CELLS, STRIDE_M, grid, quarters, write_index

TILES = grid(6)
PARTS = quarters(6)
WHEN = "2026-01-02T00:00:00Z"


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    return [
        write_index(tmp_path / f"m{n}", TILES.only(part), attribution=("A", "B")[n % 2]) for n, part in enumerate(PARTS)
    ]


@pytest.fixture
def file(roots: list[Path]) -> Path:
    path = roots[0].parent / "region.json"
    write_region(path, survey("made", roots), WHEN)
    return path


def test_what_is_written_is_read(file: Path, roots: list[Path]) -> None:
    plan = read_region(file)
    assert [member.folder for member in plan.members] == [root / "gen-1" for root in roots]
    assert [member.manifest.count for member in plan.members] == [9] * 4
    assert [member.spacing_m for member in plan.members] == [STRIDE_M / 3] * 4
    assert (plan.name, plan.qualified, plan.notices) == ("made", False, ())
    assert plan.background.shape == (6 * 6 * 9, 32)
    listed = json.loads(file.read_text())["members"][0]
    assert (listed["path"], listed["generation"], listed["count"]) == ("m0", 1, 9)
    assert listed["sha256"] == plan.members[0].manifest.sha256
    assert read_region(file.parent).name == "made", "the folder of the file stands for it"


def test_a_region_moves_with_its_members(file: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(file.parent, elsewhere, ignore=shutil.ignore_patterns("elsewhere"))
    assert read_region(elsewhere).members[0].folder == elsewhere / "m0/gen-1"


def test_regions_are_told_from_indexes(file: Path, tmp_path: Path) -> None:
    assert is_region(file)
    assert is_region(file.parent)
    assert not is_region(file.parent / "m0")
    assert not is_region(file.parent / "m0/gen-1")
    assert not is_region(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert not is_region(tmp_path / "empty")


def test_a_member_that_moved_on_is_told_and_its_listed_generation_served(file: Path, roots: list[Path]) -> None:
    write_index(roots[1], TILES.only(PARTS[1][:5]))
    plan = read_region(file)
    assert len(plan.notices) == 1
    assert "m1 is at gen-2 now; the region still answers from gen-1" in plan.notices[0]
    assert plan.members[1].manifest.count == 9
    write_region(file, survey("made", roots), WHEN)
    assert (read_region(file).notices, read_region(file).members[1].manifest.count) == ((), 5)
    assert len(list(file.parent.glob("region.background-*.npy"))) == 1


def test_a_listed_generation_that_is_gone_is_refused(file: Path, roots: list[Path]) -> None:
    write_index(roots[1], TILES.only(PARTS[1]))
    roots[1].joinpath("gen-1").rename(roots[1] / "gone")
    with pytest.raises(BundleMissing, match="lists generation 1 of m1"):
        read_region(file)


def test_another_index_under_the_same_number_is_refused(file: Path, roots: list[Path]) -> None:
    shutil.move(roots[2], roots[2].parent / "kept")
    write_index(roots[2], TILES.only(PARTS[2][:4]))
    with pytest.raises(IndexMismatch, match=r"is not the index that .* lists as m2"):
        read_region(file)


def _other_sample(document: dict[str, Any], folder: Path) -> None:
    np.save(folder / document["background"], np.zeros((4, 32), np.float16))


def _no_sample(document: dict[str, Any], folder: Path) -> None:
    (folder / document["background"]).unlink()


def _absolute(document: dict[str, Any], folder: Path) -> None:
    document["members"][0]["path"] = str(folder / "m0")


def _other_count(document: dict[str, Any], folder: Path) -> None:  # noqa: ARG001
    document["members"][0]["count"] = 10


def _twice(document: dict[str, Any], folder: Path) -> None:  # noqa: ARG001
    document["members"].append(document["members"][0])


def _no_members(document: dict[str, Any], folder: Path) -> None:  # noqa: ARG001
    document["members"] = []


def _newer(document: dict[str, Any], folder: Path) -> None:  # noqa: ARG001
    document["format_version"] = 2


def _foreign_model(document: dict[str, Any], folder: Path) -> None:  # noqa: ARG001
    document["model_sha256"] = "f" * 64


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_other_sample, "is not the file that region.json lists"),
        (_no_sample, "needs 'region.background-"),
        (_absolute, "relative paths"),
        (_other_count, "counts 10 tiles in m0, which has 9"),
        (_twice, "are both called m0"),
        (_no_members, "members"),
        (_newer, "format version 2"),
        (_foreign_model, "another model"),
    ],
)
def test_a_file_that_does_not_hold_is_refused(
    file: Path, damage: Callable[[dict[str, Any], Path], None], says: str
) -> None:
    document = json.loads(file.read_text())
    damage(document, file.parent)
    file.write_text(json.dumps(document))
    with pytest.raises(BundleError, match=says):
        read_region(file)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "a", "name": "b"}', '{"format_version": 1}'])
def test_what_is_no_region_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "region.json").write_text(text)
    with pytest.raises(BundleError, match=r"region\.json"):
        read_region(tmp_path / "region.json")


def test_the_model_is_held_against_the_members_before_any_is_opened(file: Path) -> None:
    with pytest.raises(ModelMismatch):
        open_region(file, FakeEncoder())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "1"}, "another model"),
        ({"cells": Cells(per_side=3, spacing_m=9.0)}, "another grid of cells"),
    ],
)
def test_members_that_do_not_go_together_make_no_region(
    roots: list[Path], tmp_path: Path, options: dict[str, Any], says: str
) -> None:
    other = write_index(tmp_path / "other", grid(3, lat=51.0), **options)
    with pytest.raises(IndexMismatch, match=says):
        survey("made", [*roots, other])


def test_damage_is_found_when_a_region_is_written(roots: list[Path], tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    bad = thaw(roots[0] / "gen-1", tmp_path / "bad/gen-1")
    (tmp_path / "bad/CURRENT").write_text("gen-1\n")
    (bad / "vectors.npy").write_bytes((bad / "vectors.npy").read_bytes()[:-2] + b"\x01\x02")
    with pytest.raises(ChecksumMismatch, match=r"bad/gen-1/vectors\.npy"):
        survey("made", [roots[1], tmp_path / "bad"])


def test_only_index_folders_with_a_pointer_are_members(roots: list[Path]) -> None:
    with pytest.raises(UsageError, match="no index folder"):
        survey("made", [roots[0] / "gen-1"])
    with pytest.raises(UsageError, match="no name"):
        survey("a/b", roots)


def test_ids_of_other_ground_are_qualified_and_of_the_same_not(tmp_path: Path) -> None:
    here, there = write_index(tmp_path / "here", grid(3)), write_index(tmp_path / "there", grid(3, lat=51.0))
    again = write_index(tmp_path / "again", grid(3, seed=1))
    assert survey("made", [here, there]).qualified
    assert not survey("made", [here, again]).qualified


def test_listed_tiles_stand_for_the_ground_between_them(tmp_path: Path) -> None:
    root = write_index(tmp_path / "a", grid(5), stride_m=None)
    assert survey("made", [root]).members[0].spacing_m == pytest.approx(STRIDE_M / 3, rel=1e-3)
    guessed = read_region(tmp_path).members[0].spacing_m
    assert guessed == pytest.approx((4 * STRIDE_M + 64) / 5 / 3, rel=1e-3), "bounds shared out"
    assert CELLS.per_side == 3


def test_a_sample_of_many_cells_is_in_proportion(tmp_path: Path) -> None:
    """5,625 and 900 cells: of 4,096 rows 3,531 and 565 are theirs."""
    large, small = grid(25), grid(10, lat=51.0)
    marked = small.vectors.copy()
    marked[..., 0] = 2.0
    roots = [write_index(tmp_path / "large", large)]
    write_index(tmp_path / "small", type(small)(small.ids, small.lat, small.lon, marked))
    plan = survey("made", [*roots, tmp_path / "small"])
    assert len(plan.background) == 4096
    assert (plan.background[:, 0] == 2.0).sum() == pytest.approx(900 / 6525 * 4096, abs=1)


def test_the_command_writes_what_info_lists(roots: list[Path], tmp_path: Path) -> None:
    def run(*words: str) -> str:
        result = CliRunner().invoke(main, ["index", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    out = tmp_path / "region.json"
    assert "land, 4 members, 36 tiles, plain tile ids" in run(
        "region", "--out", str(out), "--name", "land", *map(str, roots)
    )
    info = json.loads(run("info", "--index", str(out), "--json"))
    assert (info["name"], info["tiles"], info["attribution"]) == ("land", 36, "A; B")
    assert [member["name"] for member in info["members"]] == ["m0", "m1", "m2", "m3"]
    write_index(roots[1], TILES.only(PARTS[1][:5]))
    shown = run("info", "--index", str(tmp_path))
    assert "land: 36 tiles in 4 indexes" in shown
    assert "m1 is at gen-2 now" in shown


def test_a_region_is_verified_member_by_member(file: Path, roots: list[Path]) -> None:
    whole = CliRunner().invoke(main, ["index", "verify", "--index", str(file), "--json"])
    assert json.loads(whole.stdout)["probe_recall"] == dict.fromkeys(("m0", "m1", "m2", "m3"), 1.0)
    vectors = roots[2] / "gen-1/vectors.npy"
    vectors.chmod(0o644)
    vectors.write_bytes(vectors.read_bytes()[:-1] + b"\x01")
    damaged = CliRunner().invoke(main, ["index", "verify", "--index", str(file)])
    assert damaged.exit_code == 3
    assert "m1 is whole" in damaged.output
    assert "m2/gen-1/vectors.npy does not match" in damaged.output
