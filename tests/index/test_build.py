from __future__ import annotations

import csv
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.build import Progress, build_index
from index.bundle import open_index
from index.search import Searcher
from index.tiles import BadTile, Tile
from models.bundle import ModelBundle
from models.encoder import FakeEncoder, OnnxEncoder
from models.errors import EncoderNonFinite, NoTiles, SourceError, TooManyBadTiles, UsageError
from models.geo import distance_m
from models.preprocess import aerial_input
from tests.index.made import FailingEncoder, Noise


class SometimesNan(FakeEncoder):
    """Cannot describe tiles whose mean is highest; either says so in the numbers or refuses the whole batch."""

    def __init__(self, refuses: bool) -> None:
        super().__init__()
        self._refuses = refuses

    def aerial(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = super().aerial(pixels)
        bad = pixels.mean(axis=(1, 2, 3)) > 0.01
        if self._refuses and bad.any():
            raise EncoderNonFinite("not finite")
        rows[bad] = np.nan
        return rows


def _quarantine(folder: Path) -> list[dict[str, str]]:
    with (folder / "quarantine.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_every_tile_is_found_at_its_place(tmp_path: Path) -> None:
    source, encoder = Noise(count=100), FakeEncoder()
    build_index(source, encoder, tmp_path, name="noise")
    index = open_index(tmp_path, encoder)
    searcher = Searcher(index)
    for tile in source:
        assert isinstance(tile, Tile)
        query = encoder.aerial(aerial_input(tile.pixels, encoder.manifest.aerial)[None])[:, 0]
        row = int(searcher.search(query, 1).rows[0])
        assert index.tiles.id[row] == tile.id
        assert distance_m(index.tiles.lat[row], index.tiles.lon[row], tile.lat, tile.lon) < 1e-3


def test_a_real_network_builds_the_same(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    build_index(Noise(), OnnxEncoder(tiny_bundle, views=("aerial",)), tmp_path / "a", name="noise")
    build_index(Noise(), FakeEncoder(), tmp_path / "b", name="noise")
    one, other = open_index(tmp_path / "a", tiny_bundle), open_index(tmp_path / "b")
    assert np.allclose(one.vectors, other.vectors, atol=2e-3)


@pytest.mark.parametrize("name", ["vectors.npy", "tiles.parquet", "probes.npz", "quarantine.csv"])
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    for out in ("a", "b"):
        build_index(Noise(bad=(3,)), FakeEncoder(), tmp_path / out, name="noise")
    assert (tmp_path / "a/gen-1" / name).read_bytes() == (tmp_path / "b/gen-1" / name).read_bytes()


def test_the_report_and_progress_say_what_happened(tmp_path: Path) -> None:
    seen: list[Progress] = []
    report = build_index(Noise(bad=(3, 9)), FakeEncoder(), tmp_path, name="noise", batch=20, on_progress=seen.append)
    assert (report.count, report.quarantined, report.path) == (58, 2, tmp_path / "gen-1")
    assert seen[-1] == Progress(58, 2, 60)
    assert [step.indexed for step in seen] == sorted(step.indexed for step in seen)
    assert report.tiles_per_s > 0


def test_bad_and_blank_tiles_are_listed_and_skipped(tmp_path: Path) -> None:
    report = build_index(Noise(bad=(3,), blank=(5,)), FakeEncoder(), tmp_path, name="noise")
    assert [(row["id"], row["code"]) for row in _quarantine(report.path)] == [("t3", "io_error"), ("t5", "tile_blank")]
    assert open_index(tmp_path).manifest.quarantined == 2
    assert not {"t3", "t5"} & set(open_index(tmp_path).tiles.id)


@pytest.mark.parametrize("refuses", [False, True])
def test_a_tile_without_a_finite_description_is_bad_alone(tmp_path: Path, refuses: bool) -> None:
    report = build_index(Noise(), SometimesNan(refuses), tmp_path, name="noise")
    codes = {row["code"] for row in _quarantine(report.path)}
    assert codes == {"encoder_non_finite"}
    assert 0 < report.quarantined < 20
    assert report.count + report.quarantined == 60


def test_ids_that_come_again_are_bad(tmp_path: Path) -> None:
    with pytest.raises(TooManyBadTiles, match="31 duplicate_conflict"):
        build_index(Noise(ids="same"), FakeEncoder(), tmp_path, name="noise")


def test_no_good_tile_publishes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoTiles, match="60 tile_blank"):
        build_index(Noise(blank=tuple(range(60))), FakeEncoder(), tmp_path, name="noise")
    assert [path.name for path in tmp_path.iterdir()] == ["refused-tiles.csv"]


@pytest.mark.parametrize(
    ("count", "bad", "ratio", "fits"),
    [
        (200, 2, 0.01, True),
        (200, 3, 0.01, False),
        (200, 3, 0.02, True),
        (10, 5, 0.01, True),
        (10, 6, 0.01, False),
        (10, 9, 1.0, True),
    ],
)
def test_so_many_bad_tiles_and_no_more(tmp_path: Path, count: int, bad: int, ratio: float, fits: bool) -> None:
    source = Noise(count=count, bad=tuple(range(bad)))
    if fits:
        report = build_index(source, FakeEncoder(), tmp_path, name="noise", max_bad_ratio=ratio)
        assert report.quarantined == bad
    else:
        with pytest.raises(TooManyBadTiles, match=f"{bad} of {count} tiles are bad.*eaten by mice.*--max-bad"):
            build_index(source, FakeEncoder(), tmp_path, name="noise", max_bad_ratio=ratio)
        assert not (tmp_path / "CURRENT").exists()


def test_the_list_of_a_refused_build_goes_with_the_next_good_one(tmp_path: Path) -> None:
    with pytest.raises(TooManyBadTiles):
        build_index(Noise(bad=tuple(n for n in range(60) if n % 3)), FakeEncoder(), tmp_path, name="noise")
    assert len((tmp_path / "refused-tiles.csv").read_text().splitlines()) > 30
    build_index(Noise(), FakeEncoder(), tmp_path, name="noise")
    assert not (tmp_path / "refused-tiles.csv").exists()


def test_a_build_that_breaks_leaves_the_old_index_and_no_thread(tmp_path: Path) -> None:
    build_index(Noise(), FakeEncoder(), tmp_path, name="noise")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(RuntimeError, match="power cut"):
        build_index(Noise(count=200), FailingEncoder(runs=3), tmp_path, name="noise")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert len(open_index(tmp_path)) == 60
    assert "tiles" not in {thread.name for thread in threading.enumerate()}


@dataclass(frozen=True)
class Broken(Noise):
    def __iter__(self) -> Iterator[Tile | BadTile]:
        yield self._tile(0)
        raise SourceError("the disk went away")


def test_what_a_source_raises_reaches_the_caller(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the disk went away"):
        build_index(Broken(), FakeEncoder(), tmp_path, name="noise")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "x" * 81, "a\n"])
def test_an_index_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name an index"):
        build_index(Noise(), FakeEncoder(), tmp_path, name=name)


def test_credit_is_the_given_one_or_the_source_s(tmp_path: Path) -> None:
    build_index(Noise(), FakeEncoder(), tmp_path, name="noise", licence="CC0")
    assert (open_index(tmp_path).manifest.attribution, open_index(tmp_path).manifest.licence) == ("Nobody", "CC0")
    build_index(Noise(), FakeEncoder(), tmp_path, name="noise", attribution="Me")
    assert open_index(tmp_path).manifest.attribution == "Me"
