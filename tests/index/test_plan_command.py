from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from index.commands import command
from models.bundle import ModelBundle
from models.errors import ImageryTooCoarse, PlanImpossible, UsageError
from tests.index.made import square_transform, write_tif

UTM = "EPSG:32633"


def _run(*arguments: str | float | Path) -> Result:
    return CliRunner().invoke(command, ["plan", *map(str, arguments), "--measure-s", "0", "--threads", "1"])


def _tif(path: Path, size: int = 400, step: float = 1.0) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (3, size, size), dtype=np.uint8)
    return write_tif(path, pixels, square_transform(UTM, 50.0, 15.0, size, step), UTM)


def test_a_plan_for_machines_says_all_there_is(tmp_path: Path, cells_bundle: ModelBundle) -> None:
    result = _run("--source", _tif(tmp_path / "a.tif"), "--bundle", cells_bundle.folder, "--error", "3.5m", "--json")
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert plan["box_km2"] == pytest.approx(0.16, rel=0.01)
    assert plan["area_km2"] == pytest.approx(0.16, rel=0.1)
    assert plan["cells"] == {"per_side": 3, "spacing_m": 8.0}
    assert plan["usual_stride_m"] == 24.0
    usual = next(option for option in plan["options"] if option["stride_m"] == 24.0)
    assert usual["mean_error_m"] == pytest.approx(0.38260 * 8, abs=1e-3)
    assert usual["bytes"]["exact"] > usual["tiles"] * 9 * 32 * 2
    assert plan["chosen"]["stride_m"] >= 24.0
    assert plan["chosen"]["mean_error_m"] <= 3.5
    assert plan["imagery"] == {
        "finest_m": pytest.approx(1.0, abs=1e-3),
        "coarsest_m": pytest.approx(1.0, abs=1e-3),
        "wanted_m": 2.0,
        "limit_m": 8.0,
    }


def test_a_plan_for_people_ends_with_the_command_that_builds_it(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    source = _tif(tmp_path / "a.tif")
    result = _run(
        "--source", source, "--bundle", tiny_bundle.folder, "--budget", "40kB", "--stride", 20, "--stride", 40
    )
    assert result.exit_code == 0, result.output
    assert "fine enough" in result.stdout
    assert "chosen: stride 40 m" in result.stdout
    last = result.stdout.splitlines()[-1]
    assert last == f"skyfix index build --source {source} --bundle {tiny_bundle.folder} --out DIR --stride-m 40"


def test_what_cannot_be_done_is_said_with_numbers_and_the_table_is_shown_all_the_same(
    tmp_path: Path, tiny_bundle: ModelBundle
) -> None:
    source = _tif(tmp_path / "a.tif")
    result = _run("--source", source, "--bundle", tiny_bundle.folder, "--budget", "10kB")
    assert isinstance(result.exception, PlanImpossible)
    assert "the budget is 10,000" in str(result.exception)
    assert re.search(r"\d kB ", result.stdout)
    result = _run("--source", source, "--bundle", tiny_bundle.folder, "--error", "1cm", "--json")
    assert isinstance(result.exception, PlanImpossible)
    assert result.stdout == ""


def test_imagery_too_coarse_is_refused_with_numbers(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    result = _run("--source", _tif(tmp_path / "a.tif", 100, 9.0), "--bundle", tiny_bundle.folder)
    assert isinstance(result.exception, ImageryTooCoarse)
    assert "9 m per pixel" in str(result.exception)


def test_a_folder_of_tiles_has_one_line(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    lines = ["file,lat,lon,ground_resolution_m"]
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,51.5,{number / 1000},1.0")
    (tmp_path / "tiles.csv").write_text("\n".join(lines))
    plan = json.loads(_run("--source", tmp_path, "--bundle", tiny_bundle.folder, "--json").stdout)
    assert [(option["tiles"], option["stride_m"]) for option in plan["options"]] == [(3, None)]
    assert plan["area_km2"] is None


def test_a_budget_and_an_error_are_not_asked_for_together(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    source = _tif(tmp_path / "a.tif")
    result = _run("--source", source, "--bundle", tiny_bundle.folder, "--budget", "1GB", "--error", "9m")
    assert isinstance(result.exception, UsageError)
    assert _run("--source", source, "--budget", "lots").exit_code == 2
