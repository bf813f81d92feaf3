"""Which precision is taken, and what stays behind when it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from models.errors import UsageError
from models.importing.delivery import LEAST_PHOTOS, LEAST_TILES, Order, join_notes
from models.importing.ledger import Declared
from models.importing.transgeo import Choice, import_transgeo
from tests.models.importing.made import colour_state, save_official, transgeo_state, write_pairs

CVUSA = Choice(dataset="cvusa")


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many photos and tiles as int8 asks for, each tile in a colour of its own."""
    return write_pairs(tmp_path_factory.mktemp("colours"), LEAST_PHOTOS, LEAST_TILES, colours=True)


@pytest.fixture(scope="module")
def eight_bit(colours: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    folder = tmp_path_factory.mktemp("int8")
    file = save_official(folder / "colour.pth.tar", colour_state())
    return import_transgeo(file, Order(folder / "out" / "bundle", precision="int8", held_out=colours), CVUSA)


def test_int8_that_agrees_is_taken(eight_bit: ModelBundle) -> None:
    certificate = eight_bit.manifest.certificate
    assert certificate is not None
    assert certificate.sample == "all 100 held-out pairs of pairs.csv, 50 aerial images"
    row = certificate.row("int8")
    assert row is not None
    assert row.top_1_agreement >= 0.99
    assert eight_bit.manifest.precision == "int8"
    OnnxEncoder(eight_bit)


def test_the_certificate_lists_all_that_was_measured(eight_bit: ModelBundle) -> None:
    certificate = eight_bit.manifest.certificate
    assert certificate is not None
    rows = {(row.precision, row.runtime): row for row in certificate.rows}
    assert set(rows) >= {("fp32", "torch"), ("fp32", "onnxruntime"), ("int8", "onnxruntime")}
    assert rows["fp32", "onnxruntime"].ground_cosine > 0.999999
    assert 0.9 < rows["int8", "onnxruntime"].aerial_cosine < 1
    assert rows["int8", "onnxruntime"].size_bytes < 0.8 * rows["fp32", "onnxruntime"].size_bytes
    assert all(row.ground_ms > 0 and row.aerial_ms > 0 for row in rows.values())
    files = sum(path.stat().st_size for path in (eight_bit.ground_path, eight_bit.aerial_path))
    assert rows["int8", "onnxruntime"].size_bytes == files


def test_parity_is_that_of_the_files_served(eight_bit: ModelBundle) -> None:
    parity = eight_bit.manifest.parity
    assert 1e-5 < parity.ground < 0.2
    assert parity.samples == LEAST_TILES


def test_int8_that_changes_answers_is_refused_with_the_figure(tmp_path: Path) -> None:
    rough = {name: 10 * value if name.endswith("weight") else value for name, value in transgeo_state().items()}
    file = save_official(tmp_path / "c.pth.tar", rough)
    noise = write_pairs(tmp_path / "noise", LEAST_PHOTOS, LEAST_TILES)
    with pytest.raises(
        UsageError, match=r"same best tile for \d+\.\d% of the photos and at least 99%.*--precision fp32"
    ):
        import_transgeo(file, Order(tmp_path / "out" / "bundle", precision="int8", held_out=noise), CVUSA)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_small_sample_cannot_prove_int8(pairs: Path, stage_1: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 100 photos and 50 tiles, and there are 6 and 6"):
        import_transgeo(stage_1, Order(tmp_path / "out" / "bundle", precision="int8", held_out=pairs), CVUSA)
    assert not (tmp_path / "out").exists()


def test_a_folder_in_use_is_refused_before_any_work(stage_1: Path, pairs: Path) -> None:
    with pytest.raises(UsageError, match="not empty"):
        import_transgeo(stage_1, Order(pairs.parent), CVUSA)


@pytest.mark.parametrize(
    ("name", "declared", "message"),
    [
        ("a b", Declared(), "'a b' is no name"),
        ("x" * 81, Declared(), "up to 80"),
        ("", Declared(weights_licence="x" * 401), "--weights-licence has 401 characters"),
    ],
)
def test_words_that_no_manifest_holds_are_refused(name: str, declared: Declared, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Order(Path("out"), name=name, declared=declared)


def test_notes_are_joined() -> None:
    assert join_notes("a", "", ["b", ""], []) == ["a", "b"]
