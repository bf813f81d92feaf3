"""Indexes with a search profile, published, opened and damaged."""

from __future__ import annotations

import logging
import random
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Literal

import faiss
import numpy as np
import pytest

from index.assembly import assemble
from index.bundle import Index, open_index
from index.description import describe
from index.hilbert import hilbert_order
from index.manifest import FILES, SEARCH, IndexManifest, SearchProfile, read_index_manifest
from index.publish import lock_root, point_to, publish
from index.search import Searcher
from index.search_file import open_store
from index.stores.approximate import ApproximateStore
from index.stores.exact import ExactStore
from index.stores.gpu import MOST, Gpus
from index.stores.profiles import build_faiss
from index.tiles import Tile
from models.artefact import sha256_file, write_manifest
from models.disk import Disk
from models.errors import (
    ChecksumMismatch,
    DiskFull,
    FileMissing,
    IndexMismatch,
    ManifestInvalid,
    ProbeFailed,
    ProviderUnavailable,
)
from models.geo import offset
from tests.index.made import LAT, LON, make_index, thaw, unit_rows
from tests.index.stores.test_gpu import Stub

SIZE, COUNT = 32, 5000
KINDS = ("balanced", "compact")
Kind = Literal["balanced", "compact"]


@pytest.fixture(scope="module", params=KINDS)
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _publish(tmp_path_factory.mktemp("profile") / request.param, request.param)


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    return thaw(published, tmp_path / published.name)


def _publish(root: Path, kind: Kind | None, count: int = COUNT, disk: Disk | None = None) -> Path:
    """Tiles of one row each, in loose groups along a line."""
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.standard_normal((count // 10, SIZE)), 10, axis=0) + 0.7 * rng.standard_normal((count, SIZE))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    lat, lon = offset(LAT, LON, np.arange(count) * 16.0, np.zeros(count))
    index = make_index(rows.astype(np.float32), lat, lon, columns=4)
    profile = None if kind is None else SearchProfile(kind=kind)
    manifest = index.manifest.model_copy(update={"profile": profile})
    assembly = assemble([_Part(index.vectors, lat, lon)], index.manifest.footprint_m)
    with lock_root(root):
        path = publish(root, manifest, assembly, [], disk or Disk())
        point_to(root, path.name)
    return path


class _Part:
    def __init__(self, rows: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> None:
        order = hilbert_order(lat, lon)
        pixels = np.zeros((1, 1, 3), np.uint8)
        self.tiles = [
            Tile(f"t{number:05d}", float(lat[number]), float(lon[number]), pixels, 64.0, 0.5, None, "made")
            for number in order
        ]
        self.digests: list[str | None] = [None] * len(rows)
        self.rows = rows


def test_what_was_published_is_opened_mapped_and_answers(published: Path) -> None:
    manifest = read_index_manifest(published)
    assert manifest.profile is not None
    assert manifest.profile.effort is not None
    assert manifest.profile.effort.recall >= 0.95
    assert set(manifest.files) == {*FILES, SEARCH}
    index = open_index(published)
    assert isinstance(index.vectors.base, np.memmap) or isinstance(index.vectors, np.memmap)
    assert not isinstance(open_index(published, load="ram").vectors.base, np.memmap)
    searcher = Searcher(index)
    assert isinstance(searcher.store, ApproximateStore)
    assert searcher.store.name == manifest.profile.kind
    assert searcher.probe_recall() == 1.0
    query = index.vectors[1234:1235].astype(np.float32)
    assert searcher.search(query, 5).rows[0] == 1234
    assert manifest.profile.kind in describe(manifest)["search"]


def _with_short_list(index: Index, short_list: int) -> Index:
    profile = index.manifest.profile
    assert profile is not None
    assert profile.effort is not None
    effort = profile.effort.model_copy(update={"short_list": short_list})
    changed = profile.model_copy(update={"effort": effort})
    return replace(index, manifest=index.manifest.model_copy(update={"profile": changed}))


def test_a_gpu_is_asked_where_the_profile_has_a_form_there(published: Path, caplog: pytest.LogCaptureFixture) -> None:
    index, stub = _with_short_list(open_index(published), 500), Stub(1)
    kind = index.manifest.profile.kind if index.manifest.profile else ""
    query = index.vectors[1234:1235].astype(np.float32)
    with caplog.at_level(logging.INFO, "skyfix"), closing(Gpus(stub)) as gpus:
        given = open_store(index, "require-gpu", gpus)
        before = stub.devices[0].searches
        assert np.array_equal(given.best_tiles(query, 5).rows, open_store(index).best_tiles(query, 5).rows)
    assert (stub.devices[0].searches > before) == (kind == "balanced")
    where = "1 GPU(s), a thread each" if kind == "balanced" else "the CPU: its profile compact has no form on a GPU"
    assert caplog.messages == [f"{index.title} is searched on {where}."]


def test_more_candidates_than_a_gpu_gives_are_the_cpus(published: Path, caplog: pytest.LogCaptureFixture) -> None:
    index, stub = _with_short_list(open_index(published), MOST + 1), Stub(1)
    with caplog.at_level(logging.INFO, "skyfix"), closing(Gpus(stub)) as gpus:
        open_store(index, "prefer-gpu", gpus)
    assert stub.devices[0].searches == 0
    assert "on the CPU" in caplog.messages[0]


def test_without_a_gpu_one_that_is_required_is_told(published: Path) -> None:
    index = _with_short_list(open_index(published), 500)
    if index.manifest.profile and index.manifest.profile.kind == "balanced":
        with pytest.raises(ProviderUnavailable, match="no GPU"):
            open_store(index, "require-gpu")
    assert open_store(index, "prefer-gpu").name == open_store(index).name


def test_the_same_rows_give_the_same_bytes(published: Path, tmp_path: Path) -> None:
    profile = read_index_manifest(published).profile
    assert profile is not None
    again = _publish(tmp_path / "again", profile.kind)
    assert sha256_file(again / SEARCH) == sha256_file(published / SEARCH)
    assert read_index_manifest(again).profile == profile


def test_an_exact_index_says_nothing_of_profiles(tmp_path: Path) -> None:
    path = _publish(tmp_path / "exact", None, 200)
    assert not (path / SEARCH).exists()
    assert isinstance(Searcher(open_index(path)).store, ExactStore)
    without = IndexManifest.model_validate(read_index_manifest(path).model_dump(exclude={"profile"}))
    assert without.signed().sha256 == without.sha256  # as it was before there were profiles


@pytest.mark.parametrize("kind", KINDS)
def test_few_rows_are_compared_all_but_the_wish_is_kept(tmp_path: Path, kind: Kind) -> None:
    path = _publish(tmp_path / "few", kind, 200)
    assert read_index_manifest(path).profile == SearchProfile(kind=kind)
    assert not (path / SEARCH).exists()
    assert isinstance(Searcher(open_index(path)).store, ExactStore)


@pytest.mark.parametrize("count", [60, pytest.param(600, marks=pytest.mark.slow)])
def test_every_damaged_search_file_is_refused_before_faiss_reads_it(folder: Path, count: int) -> None:
    rng, path = random.Random(count), folder / SEARCH
    whole = path.read_bytes()
    for _ in range(count):
        data = bytearray(whole)
        place = rng.randrange(len(data))
        if rng.random() < 0.5:
            data[place] ^= 1 << rng.randrange(8)
        else:
            del data[place:]
        path.write_bytes(data)
        with pytest.raises(ChecksumMismatch, match=SEARCH):
            open_index(folder)
    path.write_bytes(whole)
    assert len(Searcher(open_index(folder)).search(unit_rows(1, SIZE), 5)) == 5


def _signed_again(folder: Path, **changes: object) -> None:
    """Make the manifest fit the files, as somebody would who means harm or has mixed files up."""
    manifest = read_index_manifest(folder)
    files = {**manifest.files, SEARCH: sha256_file(folder / SEARCH)}
    write_manifest(folder, manifest.model_copy(update={"files": files, **changes}).signed())


def _write_other(folder: Path, rows: np.ndarray, factory: str | None = None) -> None:
    profile = read_index_manifest(folder).profile
    assert profile is not None
    if factory is None:
        found = build_faiss(rows.astype(np.float16), profile.kind)
    else:
        found = faiss.index_factory(rows.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        faiss.omp_set_num_threads(1)
        found.train(rows)
        found.add(rows)
    faiss.write_index(found, str(folder / SEARCH))
    _signed_again(folder)


@pytest.mark.parametrize("factory", ["Flat", "SQ8", "IVF8,Flat", "IVF8,PQ8x4", "HNSW8,SQ8"])
def test_another_kind_of_index_is_refused(folder: Path, factory: str) -> None:
    _write_other(folder, unit_rows(COUNT, SIZE), factory)
    with pytest.raises(IndexMismatch, match="begins with"):
        Searcher(open_index(folder))


def test_other_rows_are_refused(folder: Path) -> None:
    _write_other(folder, unit_rows(COUNT - 1, SIZE))
    with pytest.raises(IndexMismatch, match="rows 4999"):
        Searcher(open_index(folder))
    _write_other(folder, unit_rows(COUNT, SIZE * 2))
    with pytest.raises(IndexMismatch, match="values 64"):
        Searcher(open_index(folder))
    _write_other(folder, unit_rows(COUNT, SIZE, seed=9))
    with pytest.raises(ProbeFailed):
        Searcher(open_index(folder))


def test_a_right_beginning_is_not_enough(folder: Path) -> None:
    path = folder / SEARCH
    path.write_bytes(path.read_bytes()[:5000])
    _signed_again(folder)
    with pytest.raises(IndexMismatch, match="FAISS"):
        Searcher(open_index(folder))


def test_the_file_is_there_exactly_when_the_manifest_says_so(folder: Path) -> None:
    _signed_again(folder, profile=None)
    with pytest.raises(ManifestInvalid, match=SEARCH):
        open_index(folder)


def test_a_search_file_that_is_missing_is_told(folder: Path) -> None:
    (folder / SEARCH).unlink()
    with pytest.raises(FileMissing, match=SEARCH):
        open_index(folder)


class _Full(Disk):
    """Takes no more than the first kilobytes of the search file."""

    def write(self, descriptor: int, data: memoryview) -> int:
        if Path(f"/proc/self/fd/{descriptor}").resolve().name == SEARCH:
            raise OSError(28, "No space left on device")
        return super().write(descriptor, data)


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "full"
    with pytest.raises(DiskFull, match=SEARCH):
        _publish(root, "compact", disk=_Full())
    assert not list(root.iterdir())


def test_numbers_of_rows_that_are_none_never_come(published: Path) -> None:
    index = open_index(published)
    store = open_store(index)
    assert isinstance(store, ApproximateStore)
    store.effort = store.effort._replace(probes=1)  # its lists hold fewer rows than are asked for: FAISS adds -1
    hits = store.best_tiles(index.vectors[:1].astype(np.float32), 900)
    assert len(hits) == 900
    assert ((hits.rows >= 0) & (hits.rows < COUNT)).all()
