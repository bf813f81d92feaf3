"""A service behind which a region stands answers as one behind which one index of the same tiles does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from index.build import build_index
from index.bundle import Index
from index.manifest import ALIASING
from index.region import Region
from index.region_file import write_region
from index.region_opening import open_region
from index.region_survey import survey
from index.search import Searcher
from index.tiles import BadTile, Tile
from models.bundle import ModelBundle
from models.encoder import FakeEncoder, OnnxEncoder
from service.app import create_app
from service.cli import main
from service.index_localizer import IndexLocalizer
from service.loading import load_localizer, warm_up
from service.models_held import ModelsHeld
from service.query import make_prior
from service.settings import Settings
from tests.index.made import thaw
from tests.service.conftest import WHOLE_CIRCLE, Client, check_problem
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import TILE_COUNT, PaintedTiles, encode, panorama, position


@dataclass(frozen=True)
class Band(PaintedTiles):
    """Twelve of the painted tiles: two rows of the grid."""

    number: int = 0

    def __iter__(self) -> Iterator[Tile | BadTile]:
        return (tile for place, tile in enumerate(super().__iter__()) if place // 12 == self.number)


def write_bands(base: Path, encoder: FakeEncoder | OnnxEncoder) -> Path:
    roots = [base / f"band{n}" for n in range(3)]
    for number, root in enumerate(roots):
        source = Band(number=number, attribution=("painted by hand", "painted by foot")[number % 2])
        build_index(source, encoder, root, name=f"band-{number}", licence="CC0")
    write_region(base / "region.json", survey("painted", roots), "2026-01-01T00:00:00Z")
    return base / "region.json"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bands(tmp_path_factory.mktemp("bands"), FakeEncoder())


@pytest.fixture
def region(file: Path) -> Region:
    return open_region(file, FakeEncoder())


def encoder_with(calibrated: bool) -> FakeEncoder:
    encoder = FakeEncoder()
    update = {"calibration": CALIBRATION} if calibrated else {}
    encoder.manifest = encoder.manifest.model_copy(update=update)
    return encoder


def clients(region: Region, index: Index, calibrated: bool) -> tuple[Client, Client]:
    encoder = encoder_with(calibrated)
    return (
        Client(create_app(Settings(), IndexLocalizer(encoder, region))),
        Client(create_app(Settings(), IndexLocalizer(encoder, Searcher(index)))),
    )


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what says when, and where it came from."""
    left = {name: value for name, value in answer.items() if name not in ("request_id", "timings_ms")}
    for candidate in left["candidates"]:
        candidate["tile"].pop("attribution")
    left["search"].pop("index")
    return left


def check_alike(one: Any, other: Any, where: str = "") -> None:
    """Hold two answers against each other, numbers to one part in a thousand."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for name in one:
            check_alike(one[name], other[name], f"{where}.{name}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for number, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            check_alike(mine, theirs, f"{where}[{number}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-3, abs=2e-6), where
    else:
        assert one == other, where


def prior_at(tile: int, accuracy_m: float) -> dict[str, str]:
    lat, lon = position(tile)
    return {"lat": f"{lat}", "lon": f"{lon}", "accuracy_m": f"{accuracy_m}", "accuracy_percentile": "68"}


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("tile", [0, 11, 12, 20, 35])
@pytest.mark.parametrize("accuracy_m", [None, 30.0, 200.0])
def test_answers_are_those_of_one_index(
    region: Region, painted_index: Index, calibrated: bool, tile: int, accuracy_m: float | None
) -> None:
    image = encode(panorama(tile, 60.0))
    fields = WHOLE_CIRCLE | ({} if accuracy_m is None else prior_at(tile, accuracy_m))
    mine, theirs = (client.raw(image, **fields).json() for client in clients(region, painted_index, calibrated))
    assert mine["candidates"][0]["tile"]["id"] == f"t{tile}"
    check_alike(comparable(mine), comparable(theirs))


def test_info_shows_the_region(region: Region, painted_index: Index) -> None:
    mine, theirs = (client.get("/info").json()["index"] for client in clients(region, painted_index, True))
    assert (mine["name"], mine["tiles"]) == ("painted", TILE_COUNT)
    assert mine["attribution"] == "painted by hand; painted by foot"
    assert mine["bounds"] == theirs["bounds"]
    assert mine["licence"] == "CC0"


def test_a_damaged_member_fails_what_needs_it_and_nothing_else(
    file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a global search nor one near the damage gives half an answer; the operator's log names the member."""
    for name in ("band0", "band1", "band2"):
        (tmp_path / name).mkdir()
        thaw(file.parent / name / "gen-1", tmp_path / name / "gen-1")
    for part in file.parent.glob("region.*"):
        (tmp_path / part.name).write_bytes(part.read_bytes())
    vectors = tmp_path / "band2/gen-1/vectors.npy"
    data = bytearray(vectors.read_bytes())
    data[-5] ^= 1
    vectors.write_bytes(data)
    client = Client(create_app(Settings(), IndexLocalizer(encoder_with(True), open_region(tmp_path / "region.json"))))
    image = encode(panorama(3))
    near = client.raw(image, mode="prior", **prior_at(3, 20.0), **WHOLE_CIRCLE)
    assert near.json()["candidates"][0]["tile"]["id"] == "t3"
    check_problem(client.raw(image, **WHOLE_CIRCLE), 503, "checksum_mismatch")
    check_problem(client.raw(image, mode="prior", **prior_at(30, 20.0), **WHOLE_CIRCLE), 503, "checksum_mismatch")
    assert client.raw(image, mode="prior", **prior_at(3, 20.0), **WHOLE_CIRCLE).status_code == 200
    told = [record.message for record in caplog.records if record.name == "skyfix" and "member" in record.message]
    assert len(told) == 1, "it was read once, not for every question"
    assert "member band2 of region painted" in told[0]
    assert "vectors.npy does not match its manifest" in told[0]


def test_places_far_from_each_other_are_exact(tmp_path: Path) -> None:
    """One flat frame over a country would be off by tens of metres at its ends; each place is told from its cell."""

    @dataclass(frozen=True)
    class Away(PaintedTiles):
        def __iter__(self) -> Iterator[Tile | BadTile]:
            for tile in super().__iter__():
                assert isinstance(tile, Tile)
                yield replace(tile, id=f"far-{tile.id}", lat=tile.lat - 8.0, lon=tile.lon + 9.0)

    encoder = encoder_with(True)
    build_index(PaintedTiles(), encoder, tmp_path / "north", name="north")
    build_index(Away(), encoder, tmp_path / "south", name="south")
    write_region(
        tmp_path / "region.json", survey("land", [tmp_path / "north", tmp_path / "south"]), "2026-01-01T00:00:00Z"
    )
    localizer = IndexLocalizer(encoder, open_region(tmp_path / "region.json", encoder))
    answer = Client(create_app(Settings(), localizer)).raw(encode(panorama(7)), **WHOLE_CIRCLE).json()
    assert answer["status"] == "ambiguous"
    found = {c["tile"]["id"]: (c["lat"], c["lon"]) for c in answer["candidates"][:2]}
    lat, lon = position(7)
    np.testing.assert_allclose(found["t7"], (lat, lon), atol=1e-6)
    np.testing.assert_allclose(found["far-t7"], (lat - 8.0, lon + 9.0), atol=1e-6)


def test_warming_up_opens_no_more_than_the_middle_of_the_largest_member(region: Region) -> None:
    lat, lon = region.about.middle
    warm_up(IndexLocalizer(encoder_with(True), region, usual_prior=make_prior(lat, lon, None, None, 100.0)))
    assert set(region.open_members) == {"band0", "band1"}, "the next begins within the reach of the circle"


def test_a_region_is_loaded_and_asked_like_an_index(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    file = write_bands(tmp_path, OnnxEncoder(tiny_bundle))
    models = ModelsHeld([tiny_bundle.folder])
    assert load_localizer(file, models).usual_prior is not None
    assert load_localizer(tmp_path / "band0", models).usual_prior is None
    image = tmp_path / "photo.png"
    image.write_bytes(encode(panorama(7, 90.0)))
    options = ["--index", str(tmp_path), "--bundle", str(tiny_bundle.folder), "--fov", "360", "--json"]
    result = CliRunner().invoke(main, ["localize", str(image), "--projection", "panorama", *options])
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["search"]["tiles_scanned"]) == (0, TILE_COUNT)
    assert answer["search"]["index"] == "painted"


def test_where_places_look_alike_is_told_of_all_members_without_opening_one(tmp_path: Path) -> None:
    roots = [tmp_path / f"band{number}" for number in range(2)]
    for number, root in enumerate(roots):
        build_index(Band(number=number), FakeEncoder(), root, name=f"band-{number}", thumbnails=number == 0)
    write_region(tmp_path / "region.json", survey("painted", roots), "2026-01-01T00:00:00Z")
    region = open_region(tmp_path / "region.json", FakeEncoder())
    told = Client(create_app(Settings(), IndexLocalizer(FakeEncoder(), region))).get("/coverage?aliasing=true").json()
    assert region.open_members == ()
    assert (told["sampled"], len(told["features"]), told["index"]) == (12, 12, "painted")
    damaged = open_region(tmp_path / "region.json", FakeEncoder())
    kept = tmp_path / "band0" / "gen-1" / ALIASING
    kept.chmod(0o644)
    kept.write_bytes(kept.read_bytes().replace(b"[", b" ", 1))
    asked = Client(create_app(Settings(), IndexLocalizer(FakeEncoder(), damaged))).get("/coverage?aliasing=true")
    check_problem(asked, 503, "checksum_mismatch")
