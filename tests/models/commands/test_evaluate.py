from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from PIL import Image

from models.artefact import write_manifest
from models.bundle import ModelBundle, StretchedView, open_model_bundle
from models.commands.evaluate import command as evaluate
from models.errors import DatasetError, SkyfixError, UsageError
from tests.models.datasets.made import made_cvact, made_cvusa, made_university, made_vigor

Pixels = NDArray[np.uint8]
Paint = Callable[[Pixels], Pixels]


def _run(*arguments: object) -> Result:
    result = CliRunner().invoke(evaluate, [str(argument) for argument in arguments])
    assert result.exception is None, result.exception
    return result


def _rows(*arguments: object) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(_run(*arguments, "--json").stdout)["rows"]
    return rows


def _refused(*arguments: object) -> SkyfixError:
    result = CliRunner().invoke(evaluate, [str(argument) for argument in arguments])
    assert isinstance(result.exception, SkyfixError)
    assert result.stdout == ""
    return result.exception


@pytest.fixture
def bundle_copy(tiny_bundle: ModelBundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle.folder, tmp_path / "bundle"))


@pytest.fixture
def pairs_file(tmp_path: Path, sector_tile: Paint, strip_photo: Paint) -> Path:
    """Four places with panoramas that look south."""
    lines = ["ground,aerial,heading_deg,ground_resolution_m"]
    for i, colours in enumerate(np.random.default_rng(0).integers(0, 256, (4, 8, 3), dtype=np.uint8)):
        Image.fromarray(np.kron(sector_tile(colours), np.ones((2, 2, 1), np.uint8))).save(tmp_path / f"a{i}.png")
        Image.fromarray(np.repeat(strip_photo(colours), 2, axis=0)).save(tmp_path / f"g{i}.png")
        lines.append(f"g{i}.png,a{i}.png,180,1")
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def cvusa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_cvusa(tmp_path_factory.mktemp("cvusa"), 14, val=12)


def test_ones_own_pairs_are_measured_with_and_without_heading(tiny_bundle: ModelBundle, pairs_file: Path) -> None:
    known, unknown = _rows("--bundle", tiny_bundle.folder, "--pairs", pairs_file)
    assert (known["orientation"], unknown["orientation"], known["model"]) == ("known", "unknown", "mean-colour@1")
    assert (known["recall_at_1"], unknown["recall_at_1"]) == (1.0, 1.0)
    assert (known["heading_within_15_deg"], unknown["heading_within_15_deg"]) == (None, 1.0)


def test_tiles_of_unknown_scale_are_warned_of_until_it_is_given(tiny_bundle: ModelBundle, pairs_file: Path) -> None:
    given = ("--bundle", tiny_bundle.folder, "--pairs", pairs_file)
    assert "ground they show" not in _run(*given).stderr
    lines = pairs_file.read_text().splitlines()
    pairs_file.write_text("\n".join([*lines[:2], *(line.removesuffix("1") for line in lines[2:])]))
    warned = _run(*given).stderr
    assert "pairs: 3 of 4 aerial images do not say how much ground they show" in warned
    assert "taken to show 64 m" in warned
    assert "ground they show" not in _run(*given, "--ground-resolution-m", 1).stderr


def test_protocol_own_is_another_word_for_pairs(tiny_bundle: ModelBundle, pairs_file: Path) -> None:
    given = ("--bundle", tiny_bundle.folder, "--pairs", pairs_file)
    first, second = ([{**row, "command": ""} for row in _rows(*given, *more)] for more in ((), ("--protocol", "own")))
    assert first == second


def test_a_table_has_a_row_for_every_field_of_view(tiny_bundle: ModelBundle, pairs_file: Path) -> None:
    arguments = ("--bundle", tiny_bundle.folder, "--pairs", pairs_file, "--fov", 360, "--fov", 90)
    table = _run(*arguments, "--orientation", "unknown").stdout
    assert (table.count("100.00") >= 8, "360°" in table, "90°" in table) == (True, True, True)
    assert "counts against the model" in table


@pytest.mark.parametrize(("fov", "orientation"), [(360, "known"), (180, "unknown"), (90, "unknown"), (70, "unknown")])
def test_a_published_data_set_is_measured_as_published(
    tiny_bundle: ModelBundle, cvusa: Path, fov: int, orientation: str
) -> None:
    (row,) = _rows("--bundle", tiny_bundle.folder, "--protocol", "cvusa", "--root", cvusa, "--fov", fov)
    assert (row["orientation"], row["fov_deg"], row["turned"]) == (orientation, fov, orientation == "unknown")
    assert (row["data_set"], row["queries"], row["gallery"]) == ("cvusa-val", 12, 12)


def test_a_row_holds_both_rules_and_says_how_to_have_it_again(tiny_bundle: ModelBundle, cvusa: Path) -> None:
    given = ["--bundle", tiny_bundle.folder, "--protocol", "cvusa", "--root", cvusa, "--fov", 90, "--seed", 3]
    (row,) = _rows(*given)
    assert row["command"] == shlex.join(["skyfix", "evaluate", *map(str, given), "--json"])
    assert (row["ties"], row["published"]["ties"], row["seed"]) == ("pessimistic", "published", 3)
    assert [(one["convention"], one["k"]) for one in row["one_percent"]] == [
        ("floor", 1),
        ("floor-plus-one", 1),
        ("rounded-plus-one", 1),
    ]
    (again,) = _rows(*shlex.split(row["command"])[2:-1])
    assert again == row


def test_the_table_follows_the_rule_for_ties(tiny_bundle: ModelBundle, cvusa: Path) -> None:
    table = _run("--bundle", tiny_bundle.folder, "--protocol", "cvusa", "--root", cvusa, "--ties", "published").stdout
    assert "for the model, as published" in " ".join(table.split())


def test_labels_and_cities_are_chosen(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    root = made_vigor(tmp_path / "vigor", corrected="splits__corrected")
    given = ("--bundle", tiny_bundle.folder, "--protocol", "vigor-cross", "--root", root)
    (row,) = _rows(*given, "--labels", "corrected")
    assert (row["data_set"], row["gallery"]) == ("vigor-cross-test-corrected", 12)
    assert row["hit_rate"] is not None
    assert row["median_error_m"] is not None


def test_university_has_average_precision_and_no_headings(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    root = made_university(tmp_path / "university")
    (row,) = _rows("--bundle", tiny_bundle.folder, "--protocol", "university-street", "--root", root)
    assert (row["orientation"], row["fov_deg"], row["heading_within_15_deg"]) == ("unknown", None, None)
    assert (row["one_percent_convention"], row["average_precision"] is None) == ("rounded-plus-one", False)


def test_the_five_metre_rule_has_a_name_of_its_own(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    root = made_cvact(tmp_path / "cvact")
    names = ("cvact-test", "cvact-test-5m")
    rows = [_rows("--bundle", tiny_bundle.folder, "--protocol", name, "--root", root)[0] for name in names]
    assert [row["protocol"] for row in rows] == ["cvact-test", "cvact-test-5m"]
    assert [row["one_percent_convention"] for row in rows] == ["floor", "floor-plus-one"]


def test_embeddings_are_kept_and_used_again(tiny_bundle: ModelBundle, cvusa: Path, tmp_path: Path) -> None:
    given = ("--bundle", tiny_bundle.folder, "--protocol", "cvusa", "--root", cvusa, "--embeddings", tmp_path / "e")
    first = _rows(*given)
    before = (tmp_path / "e" / "ground.npy").stat().st_mtime_ns
    assert _rows(*given) == first
    assert (tmp_path / "e" / "ground.npy").stat().st_mtime_ns == before
    assert isinstance(_refused(*given, "--orientation", "unknown"), UsageError)


def test_several_settings_get_folders_of_their_own(tiny_bundle: ModelBundle, cvusa: Path, tmp_path: Path) -> None:
    given = ("--bundle", tiny_bundle.folder, "--protocol", "cvusa", "--root", cvusa, "--embeddings", tmp_path / "e")
    _rows(*given, "--fov", 360, "--fov", 90)
    assert {path.name for path in (tmp_path / "e").iterdir()} == {"360-known", "90-unknown"}


def test_corruption_adds_rows_after_the_clean_one(tiny_bundle: ModelBundle, cvusa: Path) -> None:
    given = ("--bundle", tiny_bundle.folder, "--protocol", "cvusa", "--root", cvusa, "--corruption", "contrast")
    answer = json.loads(_run(*given, "--severity", 5, "--json").stdout)
    assert [(row["corruption"], row["severity"]) for row in answer["rows"]] == [(None, None), ("contrast", 5)]
    ((mean,),) = ([one["means"] for one in answer["robustness"]],)
    assert mean[0]["recall_at_1"] == answer["rows"][1]["recall_at_1"]
    table = _run(*given, "--severity", 5).stdout
    assert table.index("nothing") < table.index("contrast") < table.index("mean of all")


def test_recentred_rows_come_last(tiny_bundle: ModelBundle, pairs_file: Path) -> None:
    rows = _rows("--bundle", tiny_bundle.folder, "--pairs", pairs_file, "--recentre")
    assert [(row["orientation"], row["recentred"]) for row in rows] == [
        ("known", False), ("unknown", False), ("known", True), ("unknown", True),
    ]  # fmt: skip


def test_a_report_is_written(tiny_bundle: ModelBundle, cvusa: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    _run("--bundle", tiny_bundle.folder, "--protocol", "cvusa", "--root", cvusa, "--report", report)
    page = report.read_text()
    assert page.startswith("<!doctype html>")
    assert f"skyfix evaluate --bundle {tiny_bundle.folder}" in page


def test_a_network_for_one_field_of_view_says_which_is_needed(bundle_copy: Path, cvusa: Path) -> None:
    bundle = open_model_bundle(bundle_copy)
    view = StretchedView(
        sha256=bundle.manifest.ground.sha256,
        height_px=16,
        width_px=64,
        panorama_width_px=64,
        panorama_aspect=0.5,
        mean=(0.5, 0.5, 0.5),
        std=(1.0, 1.0, 1.0),
    )
    layout = bundle.manifest.embedding.model_copy(update={"columns": 1, "channels": 32})
    write_manifest(bundle_copy, bundle.manifest.model_copy(update={"ground": view, "embedding": layout}))
    given = ("--bundle", bundle_copy, "--protocol", "cvusa", "--root", cvusa)
    assert _rows(*given)[0]["fov_deg"] == 360.0
    error = _refused(*given, "--fov", 90)
    assert isinstance(error, UsageError)
    assert "360" in str(error)
    assert "90" in str(error)


def test_a_city_is_drawn_and_the_figure_recorded_with_its_command(bundle_copy: Path) -> None:
    before = open_model_bundle(bundle_copy)
    arguments = ("--city", 3, "--places", 10, "--extent", 100, "--fov", 90, "--orientation", "unknown", "--record")
    (row,) = _rows("--bundle", bundle_copy, *arguments)
    after = open_model_bundle(bundle_copy)
    (recorded,) = after.manifest.accuracy
    assert (row["protocol"], row["gallery"], row["fov_deg"]) == ("sample-city-centre, seed 3", 10, 90.0)
    assert recorded.command == "skyfix evaluate --city 3 --places 10 --extent 100"
    assert (recorded.recall_at_1, after.sha256) == (row["recall_at_1"], before.sha256)


def test_figures_on_ones_own_pairs_are_not_recorded(bundle_copy: Path, pairs_file: Path) -> None:
    before = (bundle_copy / "manifest.json").read_bytes()
    assert isinstance(_refused("--bundle", bundle_copy, "--pairs", pairs_file, "--record"), UsageError)
    assert (bundle_copy / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--pairs", "x.csv", "--city", "1"),
        ("--protocol", "cvusa"),
        ("--protocol", "cvusa", "--root", ".", "--pairs", "x.csv"),
        ("--protocol", "own", "--root", "."),
        ("--root", "."),
        ("--city", "1", "--report", "x.html"),
        ("--city", "1", "--protocol", "cvusa"),
        ("--pairs", "x.csv", "--report", "x.txt"),
        ("--city", "1", "--recentre"),
        ("--city", "1", "--ground-resolution-m", "1"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: tuple[str, ...]) -> None:
    assert isinstance(_refused(*arguments), UsageError)


def test_a_missing_pairs_file_is_named(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    error = _refused("--bundle", tiny_bundle.folder, "--pairs", tmp_path / "no.csv", "--json")
    assert isinstance(error, DatasetError)
    assert "no.csv" in str(error)


def test_a_folder_that_is_not_the_data_set_is_refused(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    error = _refused("--bundle", tiny_bundle.folder, "--protocol", "cvusa", "--root", tmp_path)
    assert isinstance(error, DatasetError)


def test_corrected_labels_are_for_vigor(tiny_bundle: ModelBundle, cvusa: Path) -> None:
    given = ("--bundle", tiny_bundle.folder, "--protocol", "cvusa", "--root", cvusa, "--labels", "corrected")
    assert isinstance(_refused(*given), UsageError)
