"""Adding, removing and updating give what a build over the same tiles gives, and describe nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.build import Run, build_index
from index.bundle import open_index
from index.manifest import FILES, SearchProfile
from index.revise import add_tiles, remove_tiles, update_index
from index.search import Searcher
from index.tiles import BadTile, Bounds, Tile
from models.encoder import FakeEncoder
from models.errors import ModelMismatch, NoTiles, OutputUnfinished, UsageError
from tests.index.made import FailingEncoder, Noise

BOX = Bounds(9.9, 49.9, 10.1, 50.1)
RUN = Run(shard_tiles=8, workers=2)


@dataclass(frozen=True)
class Part(Noise):
    """Some of the tiles of Noise, as of a file; those in `repainted` have other pixels."""

    numbers: tuple[int, ...] = ()
    repainted: tuple[int, ...] = ()
    bounds: Bounds | None = BOX

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for number in self.numbers:
            if number in self.bad:
                yield BadTile(f"{self.name}-{number}", "io_error", "It was eaten by mice.")
            else:
                yield self._made(number)

    def _made(self, number: int) -> Tile:
        tile = self._tile(number)
        seed = number + 1000 * (number in self.repainted)
        pixels = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        return Tile(tile.id, tile.lat, tile.lon, pixels, 64.0, 0.5, "2025-06", self.name)


class Counting(FakeEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.described = 0

    def aerial(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        self.described += len(pixels)
        return super().aerial(pixels)


def _part(first: int, last: int, name: str = "noise", **more: object) -> Part:
    numbers = tuple(range(first, last))
    return Part(count=len(numbers), numbers=numbers, name=name, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Both(Noise):
    """Two sources after each other."""

    parts: tuple[Part, ...] = ()
    bounds: Bounds | None = BOX

    def __iter__(self) -> Iterator[Tile | BadTile]:
        for part in self.parts:
            yield from part


def _files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def _build(root: Path, *parts: Part) -> Path:
    source = Both(count=sum(part.count for part in parts), parts=parts)
    return build_index(source, FakeEncoder(), root, name="noise", run=RUN).path


def test_what_is_added_stands_as_if_it_had_been_built(tmp_path: Path) -> None:
    one, two = _part(0, 30, "a", bad=(3,)), _part(25, 50, "b", bad=(44,), repainted=(26,))
    _build(tmp_path / "grown", one)
    encoder = Counting()
    report = add_tiles(tmp_path / "grown", two, encoder, RUN)
    assert report.title == "noise@2"
    assert encoder.described == 19
    assert report.resumed == 29
    assert _files(report.path) == _files(_build(tmp_path / "whole", one, two))
    manifest = open_index(tmp_path / "grown").manifest
    assert (manifest.count, manifest.quarantined, manifest.source) == (48, 3, "noise; b")
    assert manifest.bounds == one.bounds


def test_an_addition_that_breaks_goes_on(tmp_path: Path) -> None:
    one, two = _part(0, 30, "a"), _part(30, 80, "b")
    _build(tmp_path / "grown", one)
    with pytest.raises(RuntimeError, match="power cut"):
        add_tiles(tmp_path / "grown", two, FailingEncoder(runs=40), RUN)
    assert open_index(tmp_path / "grown").title == "noise@1"
    with pytest.raises(OutputUnfinished, match="job was add, is remove"):
        remove_tiles(tmp_path / "grown", ids=["t3"])
    encoder = Counting()
    report = add_tiles(tmp_path / "grown", two, encoder, RUN)
    assert encoder.described <= 50 - 24
    assert _files(report.path) == _files(_build(tmp_path / "whole", one, two))


def test_what_is_removed_is_as_if_it_had_never_been(tmp_path: Path) -> None:
    one, two = _part(0, 30, "a", bad=(3,)), _part(30, 50, "b", bad=(44,))
    _build(tmp_path / "less", one, two)
    report = remove_tiles(tmp_path / "less", sources=["b"])
    assert _files(report.path) == _files(_build(tmp_path / "one", one))
    assert (report.count, report.quarantined, report.title) == (29, 1, "noise@2")


def test_single_tiles_and_those_in_a_box_are_removed(tmp_path: Path) -> None:
    _build(tmp_path, _part(0, 40))
    report = remove_tiles(tmp_path, ids=["t0", "t39", "nobody"])
    assert report.count == 38
    index = open_index(tmp_path)
    edge = float(np.median(index.tiles.lon))
    report = remove_tiles(tmp_path, bounds=Bounds(-180.0, -90.0, edge, 90.0))
    assert report.count == int((index.tiles.lon > edge).sum())
    crossing = Bounds(179.0, -90.0, -179.0, 90.0)
    with pytest.raises(UsageError, match="No tile of noise@3"):
        remove_tiles(tmp_path, bounds=crossing)
    with pytest.raises(NoTiles, match="No tile would be left"):
        remove_tiles(tmp_path, sources=["noise"])
    assert open_index(tmp_path).title == "noise@3"


def test_an_update_describes_what_changed_and_nothing_else(tmp_path: Path) -> None:
    _build(tmp_path / "old", _part(0, 40, bad=(3,)))
    now = _part(5, 50, repainted=(7, 8, 9))
    encoder = Counting()
    report = update_index(tmp_path / "old", now, encoder, RUN)
    assert encoder.described == 3 + 10
    assert _files(report.path) == _files(_build(tmp_path / "new", now))
    assert (report.count, report.quarantined, report.resumed) == (45, 0, 32)


def test_files_that_did_not_change_need_not_be_read(tmp_path: Path) -> None:
    one, two = _part(0, 30, "a", bad=(3,)), _part(30, 50, "b")
    _build(tmp_path / "old", one, two)
    now = _part(30, 60, "b", repainted=(31,))
    encoder = Counting()
    report = update_index(tmp_path / "old", now, encoder, RUN, unread=["a"])
    assert encoder.described == 11
    assert _files(report.path) == _files(_build(tmp_path / "new", one, now))
    report = update_index(tmp_path / "old", None, encoder, RUN, unread=["a"])
    assert _files(report.path) == _files(_build(tmp_path / "one", one))


def test_another_model_or_size_of_tiles_is_refused(tmp_path: Path) -> None:
    _build(tmp_path, _part(0, 10))
    with pytest.raises(ModelMismatch):
        add_tiles(tmp_path, _part(10, 20), FakeEncoder(columns=16), RUN)
    with pytest.raises(UsageError, match="tiles of 64 m, the source tiles of 99 m"):
        add_tiles(tmp_path, _part(10, 20, footprint_m=99.0), FakeEncoder(), RUN)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CURRENT", "gen-1"]


def test_generations_of_programs_without_digests_can_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _build(tmp_path / "old", _part(0, 10))
    monkeypatch.setattr("index.base.read_digests", lambda _: [None] * 10)
    encoder = Counting()
    assert add_tiles(tmp_path / "old", _part(10, 20), encoder, RUN).count == 20
    assert encoder.described == 10


def test_an_index_keeps_its_profile(tmp_path: Path) -> None:
    encoder, root = FakeEncoder(), tmp_path / "index"
    build_index(_part(0, 20), encoder, root, name="noise", profile="balanced", run=RUN)
    add_tiles(root, _part(20, 30), encoder, RUN)
    assert open_index(root).manifest.profile == SearchProfile(kind="balanced")
    update_index(root, _part(0, 25), encoder, RUN)
    assert open_index(root).manifest.profile == SearchProfile(kind="balanced")
    remove_tiles(root, ids={"t3"}, run=RUN)
    assert open_index(root).manifest.profile == SearchProfile(kind="balanced")


def test_an_update_that_changes_nothing_keeps_the_generation(tmp_path: Path) -> None:
    one = _part(0, 30, "a", bad=(3,))
    first = _build(tmp_path, one)
    encoder = Counting()
    for revise in (update_index, add_tiles):
        source = one if revise is update_index else _part(0, 3, "a")
        report = revise(tmp_path, source, encoder, RUN)
        assert (report.unchanged, report.path, report.title, encoder.described) == (True, first, "noise@1", 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CURRENT", "gen-1"]


def test_a_word_about_a_tile_is_a_change(tmp_path: Path) -> None:
    _build(tmp_path, _part(0, 30, "a"))
    report = update_index(tmp_path, _part(0, 30, "b"), FakeEncoder(), RUN)
    assert (report.unchanged, report.title, report.resumed) == (False, "noise@2", 30)
    assert set(open_index(tmp_path).tiles.source) == {"b"}


@dataclass(frozen=True)
class Credited(Part):
    """Tiles each of which says whom to credit."""

    def _made(self, number: int) -> Tile:
        return replace(super()._made(number), attribution=f"© {number % 2}")


def test_a_tile_keeps_its_own_credit_from_generation_to_generation(tmp_path: Path) -> None:
    _build(tmp_path, Credited(count=20, name="a", numbers=tuple(range(20))))
    add_tiles(tmp_path, _part(20, 30, "b"), FakeEncoder(), RUN)
    index = open_index(tmp_path)
    searcher = Searcher(index)
    for row, identifier in enumerate(index.tiles.id):
        number = int(identifier[1:])
        own = f"© {number % 2}" if number < 20 else index.manifest.attribution
        assert searcher.tile(row).attribution == own
