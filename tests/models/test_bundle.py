from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from models.artefact import MANIFEST
from models.bundle import ModelBundle, identity, open_model_bundle, record_accuracy
from models.cells import Cells
from models.errors import (
    BundleMissing,
    ChecksumMismatch,
    FileMissing,
    FileUnexpected,
    ManifestInvalid,
    UnsupportedVersion,
)
from models.provenance import Accuracy

Change = Callable[[dict[str, Any]], object]
BEFORE_CELLS = "2d9aa916a23ca2bb74dd02d57ef23b37b02a6a7de113a577524b802b1b8a1950"


@pytest.fixture
def folder(tiny_bundle: ModelBundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle.folder, tmp_path / "copy"))


def _change(folder: Path, change: Change) -> None:
    document = json.loads((folder / MANIFEST).read_text())
    change(document)
    (folder / MANIFEST).write_text(json.dumps(document))


def test_a_copied_bundle_is_the_same_model(tiny_bundle: ModelBundle, folder: Path) -> None:
    copied = open_model_bundle(folder)
    assert (copied.manifest, copied.sha256) == (tiny_bundle.manifest, tiny_bundle.sha256)
    assert copied.ground_path == folder / "ground.onnx"


def test_the_embedding_counts_columns_times_channels(tiny_bundle: ModelBundle) -> None:
    assert tiny_bundle.manifest.embedding.size == 8 * 4
    assert tiny_bundle.manifest.title == "mean-colour@1"


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("name", lambda m: m.update(name="../evil")),
        ("surprise", lambda m: m.update(surprise=1)),
        ("ground.canvas.surprise", lambda m: m["ground"].update(surprise=1)),
        ("ground.canvas.file", lambda m: m["ground"].update(file="../ground.onnx")),
        ("ground.canvas.file", lambda m: m["ground"].update(file="/etc/passwd")),
        ("ground.canvas.file", lambda m: m["ground"].update(file="ground.onnx\n")),
        ("ground.canvas.sha256", lambda m: m["ground"].update(sha256="A" * 64)),
        ("aerial.footprint_m", lambda m: m["aerial"].update(footprint_m=0)),
        ("aerial.mean", lambda m: m["aerial"].update(mean=[0.5, 0.5])),
        ("embedding.columns", lambda m: m["embedding"].update(columns=0)),
        ("parity", lambda m: m.pop("parity")),
    ],
)
def test_a_manifest_with_a_wrong_field_names_it(folder: Path, place: str, change: Change) -> None:
    _change(folder, change)
    with pytest.raises(ManifestInvalid, match=place):
        open_model_bundle(folder)


def test_a_newer_format_asks_for_an_upgrade(folder: Path) -> None:
    _change(folder, lambda m: m.update(format_version=2))
    with pytest.raises(UnsupportedVersion, match="Upgrade"):
        open_model_bundle(folder)


def test_a_canvas_must_divide_into_its_columns(folder: Path) -> None:
    _change(folder, lambda m: m["ground"].update(width_px=65))
    with pytest.raises(ManifestInvalid, match="65 px wide"):
        open_model_bundle(folder)


def test_both_views_need_a_file_each(folder: Path) -> None:
    _change(folder, lambda m: m["aerial"].update(file="ground.onnx"))
    with pytest.raises(ManifestInvalid, match=r"both views name 'ground\.onnx'"):
        open_model_bundle(folder)


@pytest.mark.parametrize("name", ["ground.onnx", "aerial.onnx"])
def test_one_flipped_byte_is_named(folder: Path, name: str) -> None:
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)
    with pytest.raises(ChecksumMismatch, match=name):
        open_model_bundle(folder)


def test_a_missing_network_is_named(folder: Path) -> None:
    (folder / "aerial.onnx").unlink()
    with pytest.raises(FileMissing, match=r"aerial\.onnx"):
        open_model_bundle(folder)


def test_a_foreign_file_is_refused(folder: Path) -> None:
    (folder / "notes.txt").touch()
    with pytest.raises(FileUnexpected, match=r"notes\.txt"):
        open_model_bundle(folder)


def test_no_folder_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleMissing, match="nowhere"):
        open_model_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["aerial"].update(footprint_m=65.0),
        lambda m: m["ground"].update(mean=[0.4, 0.5, 0.5]),
        lambda m: m["ground"].update(vertical_fov_deg=91.0),
    ],
)
def test_other_preprocessing_is_another_model(tiny_bundle: ModelBundle, folder: Path, change: Change) -> None:
    _change(folder, change)
    assert open_model_bundle(folder).sha256 != tiny_bundle.sha256


def test_fields_that_came_later_leave_old_models_as_they_were(tiny_bundle: ModelBundle) -> None:
    """Indexes built before there were cells remember this hash."""
    assert tiny_bundle.manifest.preprocessing_sha256 == BEFORE_CELLS


def test_cells_run_from_the_north_west_to_the_south_east() -> None:
    cells = Cells(per_side=3, spacing_m=8.0)
    assert (cells.count, cells.stride_m) == (9, 24.0)
    assert cells.offsets_m[:4].tolist() == [[-8, 8], [0, 8], [8, 8], [-8, 0]]
    assert cells.offsets_m[cells.count // 2].tolist() == [0, 0]


@pytest.mark.parametrize(("per_side", "spacing_m"), [(2, 8.0), (0, 8.0), (3, 0.0)])
def test_cells_have_a_middle_and_a_spacing(per_side: int, spacing_m: float) -> None:
    with pytest.raises(ValidationError):
        Cells(per_side=per_side, spacing_m=spacing_m)


def test_cells_lie_inside_the_tile(folder: Path) -> None:
    _change(folder, lambda m: m["aerial"].update(cells={"per_side": 3, "spacing_m": 22.0}))
    with pytest.raises(ManifestInvalid, match="66 m do not fit a tile of 64 m"):
        open_model_bundle(folder)


def test_a_bundle_without_cells_describes_the_centre(tiny_bundle: ModelBundle) -> None:
    view = tiny_bundle.manifest.aerial
    assert (view.cells, view.cell_count, view.middle_cell) == (None, 1, 0)
    assert view.cell_offsets_m.tolist() == [[0, 0]]


def test_cells_make_another_model(tiny_bundle: ModelBundle, folder: Path) -> None:
    _change(folder, lambda m: m["aerial"].pop("cells"))
    assert open_model_bundle(folder).sha256 == tiny_bundle.sha256
    _change(folder, lambda m: m["aerial"].update(cells={"per_side": 3, "spacing_m": 8.0}))
    assert open_model_bundle(folder).sha256 != tiny_bundle.sha256


def test_words_and_figures_do_not_change_the_identity(tiny_bundle: ModelBundle) -> None:
    renamed = tiny_bundle.manifest.model_copy(update={"label": "Other words.", "version": 7, "training": {"seed": 3}})
    assert identity(renamed) == tiny_bundle.sha256


def test_another_network_is_another_model(tiny_bundle: ModelBundle) -> None:
    ground = tiny_bundle.manifest.ground.model_copy(update={"sha256": "1" * 64})
    assert identity(tiny_bundle.manifest.model_copy(update={"ground": ground})) != tiny_bundle.sha256


def _row(command: str, fov_deg: float, recall: float) -> Accuracy:
    shares = {f"recall_at_{k}": recall for k in ("1", "5", "10", "1_percent")}
    return Accuracy(
        command=command,
        protocol="sample-city-centre, seed 9",
        gallery=100,
        queries=100,
        fov_deg=fov_deg,
        orientation="known",
        **shares,
    )


def test_recorded_figures_do_not_change_the_identity(tiny_bundle: ModelBundle, folder: Path) -> None:
    record_accuracy(open_model_bundle(folder), [_row("measure", 360.0, 0.9)])
    found = open_model_bundle(folder)
    assert (found.sha256, found.manifest.accuracy) == (tiny_bundle.sha256, (_row("measure", 360.0, 0.9),))


def test_a_figure_measured_again_replaces_the_old_one(folder: Path) -> None:
    record_accuracy(open_model_bundle(folder), [_row("a", 360.0, 0.1), _row("a", 90.0, 0.2), _row("b", 90.0, 0.3)])
    record_accuracy(open_model_bundle(folder), [_row("a", 90.0, 0.4)])
    recalls = [row.recall_at_1 for row in open_model_bundle(folder).manifest.accuracy]
    assert recalls == [0.1, 0.4, 0.3]
