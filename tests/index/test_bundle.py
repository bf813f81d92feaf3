from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.build import build_index
from index.bundle import Index, Load, open_index, resolve_generation
from index.manifest import FILES, IndexManifest, read_index_manifest
from models.artefact import MANIFEST, sha256_file, write_manifest
from models.encoder import FakeEncoder
from models.errors import (
    BundleError,
    BundleMissing,
    ChecksumMismatch,
    FileMissing,
    FileUnexpected,
    IndexMismatch,
    ManifestInvalid,
    ModelMismatch,
    ProbeFailed,
    UnsupportedVersion,
)
from tests.index.made import Noise, thaw

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "index"
    build_index(Noise(), FakeEncoder(), folder, name="noise")
    return folder


@pytest.fixture
def loose(root: Path, tmp_path: Path) -> Path:
    """A copy of the generation that may be damaged."""
    return thaw(root / "gen-1", tmp_path / "copy")


def _resign(folder: Path, **changes: Any) -> None:
    """Change a manifest as someone would who knows how it is hashed."""
    manifest = IndexManifest.model_validate_json((folder / MANIFEST).read_bytes())
    files = {name: sha256_file(folder / name) for name in FILES}
    write_manifest(folder, manifest.model_copy(update={"files": files, **changes}).signed())


def test_the_root_and_the_generation_open_the_same(root: Path) -> None:
    one, other = open_index(root, FakeEncoder()), open_index(root / "gen-1")
    assert one.title == other.title == "noise@1"
    assert np.array_equal(one.vectors, other.vectors)
    assert (len(one), len(one.tiles), one.vectors.dtype.name) == (60, 60, "float16")


def test_a_bundle_on_disk_will_do_for_the_model(root: Path) -> None:
    other = FakeEncoder(columns=16)
    with pytest.raises(ModelMismatch, match=r"noise@1 was built with the model mean-colour@1.*not with mean-colour@1"):
        open_index(root, other)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", [0.0, 0.3, 0.9, 1.0])
def test_one_flipped_byte_is_noticed_and_named(loose: Path, name: str, where: float) -> None:
    data = bytearray((loose / name).read_bytes())
    data[int(where * (len(data) - 1))] ^= 1
    (loose / name).write_bytes(data)
    with pytest.raises(ChecksumMismatch, match=name):
        open_index(loose)


def test_any_flipped_byte_of_the_manifest_is_noticed_and_named(loose: Path) -> None:
    path = loose / MANIFEST
    data, manifest = path.read_bytes(), read_index_manifest(loose)
    for position in range(0, len(data), 5):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        found = _read(loose)
        assert MANIFEST in found if isinstance(found, str) else found == manifest


def _read(folder: Path) -> IndexManifest | str:
    """The manifest, or why it was refused."""
    try:
        return read_index_manifest(folder)
    except BundleError as error:
        return str(error)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(loose: Path, name: str) -> None:
    (loose / name).unlink()
    with pytest.raises(FileMissing, match=name):
        open_index(loose)


def test_a_file_too_many_is_named(loose: Path) -> None:
    (loose / "faiss.index").touch()
    with pytest.raises(FileUnexpected, match=r"faiss\.index"):
        open_index(loose)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_noticed(loose: Path, name: str) -> None:
    (loose / name).write_bytes((loose / name).read_bytes()[:-1])
    with pytest.raises(ChecksumMismatch, match=name):
        open_index(loose)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format_version": 2}, UnsupportedVersion),
        ({"count": 0}, ManifestInvalid),
        ({"extra": 1}, ManifestInvalid),
        ({"dtype": "float32"}, ManifestInvalid),
        ({"bounds": [0, 91, 1, 92]}, ManifestInvalid),
        ({"bounds": [0, 1]}, ManifestInvalid),
        ({"files": {"../x": "0" * 64}}, ManifestInvalid),
        ({"files": {}}, ChecksumMismatch),
        ({"footprint_m": 99.0}, ChecksumMismatch),
        ({"attribution": "Mallory"}, ChecksumMismatch),
    ],
)
def test_a_changed_manifest_is_refused(loose: Path, change: dict[str, object], error: type[BundleError]) -> None:
    path = loose / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(error, match=r"manifest\.json"):
        open_index(loose)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format_version": 1}', '{"a": 1, "a": 2}', '{"a": NaN}'])
def test_a_manifest_that_is_none_is_refused(loose: Path, content: str) -> None:
    (loose / MANIFEST).write_text(content)
    with pytest.raises(ManifestInvalid, match=r"manifest\.json"):
        open_index(loose)


def test_mapped_vectors_are_those_in_memory_and_stay_in_their_file(root: Path) -> None:
    mapped, read = open_index(root, load="map").vectors, open_index(root, load="ram").vectors
    assert np.array_equal(mapped, read)
    assert not mapped.flags.writeable
    assert isinstance(mapped.base, np.memmap)
    assert read.flags.writeable


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, -np.nan])
@pytest.mark.parametrize("load", ["ram", "map"])
def test_a_value_that_is_not_finite_is_refused_even_if_signed(loose: Path, value: float, load: Load) -> None:
    rows = np.load(loose / "vectors.npy")
    rows[-1, -1] = value
    np.save(loose / "vectors.npy", rows)
    _resign(loose)
    with pytest.raises(IndexMismatch, match="not finite"):
        open_index(loose, load=load)


def test_a_list_of_other_files_is_refused_even_if_signed(loose: Path) -> None:
    _resign(loose, files={"vectors.npy": "0" * 64})
    with pytest.raises(ManifestInvalid, match=r"lists vectors\.npy; an index has"):
        open_index(loose)


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((60, 32), dtype=np.float32),
        np.zeros((59, 32), dtype=np.float16),
        np.zeros((60, 31), dtype=np.float16),
        np.zeros(60 * 32, dtype=np.float16),
        np.asfortranarray(np.zeros((60, 32), dtype=np.float16)),
        np.full((60, 32), np.nan, dtype=np.float16),
        np.full((60, 32), {}, dtype=object),
    ],
    ids=["precision", "rows", "size", "rank", "order", "nan", "pickle"],
)
def test_vectors_of_another_kind_are_refused_even_if_signed(loose: Path, rows: np.ndarray) -> None:
    np.save(loose / "vectors.npy", rows)
    _resign(loose)
    with pytest.raises(IndexMismatch, match=r"vectors\.npy"):
        open_index(loose)


def test_rows_in_another_order_fail_the_probes(loose: Path) -> None:
    np.save(loose / "vectors.npy", np.load(loose / "vectors.npy")[::-1].copy())
    _resign(loose)
    with pytest.raises(ProbeFailed, match="probes"):
        open_index(loose)


def test_a_table_of_another_length_is_refused(loose: Path, tmp_path: Path) -> None:
    build_index(Noise(count=50), FakeEncoder(), tmp_path / "other", name="noise")
    (loose / "tiles.parquet").write_bytes((tmp_path / "other/gen-1/tiles.parquet").read_bytes())
    _resign(loose)
    with pytest.raises(IndexMismatch, match=r"tiles\.parquet has 50 rows; the manifest says 60"):
        open_index(loose)


def test_a_renamed_generation_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexMismatch, match="holds generation 1"):
        open_index(thaw(root / "gen-1", tmp_path / "gen-2"))


@pytest.mark.parametrize("pointer", ["", "gen-7", "gen-1/../gen-1", "../other", "/etc", "gen-01", "link", "x" * 1000])
def test_the_pointer_names_a_generation_inside_and_nothing_else(tmp_path: Path, root: Path, pointer: str) -> None:
    thaw(root / "gen-1", tmp_path / "gen-1")
    (tmp_path / "link").symlink_to(tmp_path / "gen-1")
    (tmp_path / "CURRENT").write_text(pointer)
    with pytest.raises(BundleMissing, match="is no generation"):
        resolve_generation(tmp_path)


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BundleMissing, match="skyfix index build"):
        open_index(tmp_path / "nowhere")
    with pytest.raises(BundleMissing, match="skyfix index build"):
        open_index(tmp_path)


def test_the_manifest_says_what_the_index_is(root: Path) -> None:
    index: Index = open_index(root)
    manifest, model = index.manifest, FakeEncoder()
    assert (manifest.model_sha256, manifest.model_title) == (model.sha256, "mean-colour@1")
    assert manifest.preprocessing_sha256 == model.manifest.preprocessing_sha256
    assert (manifest.count, manifest.footprint_m, manifest.stride_m, manifest.attribution) == (60, 64.0, 16.0, "Nobody")
    assert manifest.bounds.west == pytest.approx(index.tiles.west.min())
    assert manifest.bounds.north == pytest.approx(index.tiles.north.max())


def test_a_serving_install_needs_neither_rasterio_nor_torch() -> None:
    code = "import sys, index.bundle, index.search, index.commands; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=REPOSITORY)
    assert not {"rasterio", "pyproj", "torch"} & set(done.stdout.split())
