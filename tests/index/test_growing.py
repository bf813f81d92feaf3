"""An index of a folder of sheets that more sheets come to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from index.bundle import resolve_generation
from index.commands import command
from models.bundle import ModelBundle
from tests.index.made import square_transform, write_tif

UTM = "EPSG:32633"
FILES = ("vectors.npy", "tiles.parquet", "probes.npz", "quarantine.csv")


def _told(*arguments: str | Path) -> dict[str, object]:
    result = CliRunner().invoke(command, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    told: dict[str, object] = json.loads(result.stdout)
    return told


def _sheet(path: Path, column: int) -> None:
    """A sheet of 200 m of one large noise; column 0 is the western one."""
    path.parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(column + 1).integers(0, 255, (3, 200, 200), dtype=np.uint8)
    middle = square_transform(UTM, 50.0, 15.02, 200, 1.0)
    write_tif(path, pixels, middle @ middle.translation(200 * column, 0), UTM)


@pytest.mark.parametrize("column", [1, -1])
def test_a_new_sheet_leaves_the_tiles_of_the_old_ones(tmp_path: Path, column: int, tiny_bundle: ModelBundle) -> None:
    sheets, model = tmp_path / "sheets", ("--bundle", tiny_bundle.folder)
    _sheet(sheets / "b.tif", 0)
    built = _told("build", "--source", sheets, "--out", tmp_path / "old", *model)
    _sheet(sheets / "a.tif", column)
    updated = _told("update", "--index", tmp_path / "old", "--source", sheets, *model)
    _told("build", "--source", sheets, "--out", tmp_path / "new", *model)
    assert isinstance(built["count"], int)
    assert isinstance(updated["count"], int)
    assert isinstance(updated["resumed"], int)
    assert updated["count"] > 1.8 * built["count"]
    assert updated["resumed"] > 0.6 * built["count"]
    for name in FILES:
        files = (resolve_generation(tmp_path / root) / name for root in ("old", "new"))
        assert len({file.read_bytes() for file in files}) == 1, name
