from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pystac
import pytest

from models.errors import PathUnsafe, SourceError
from tests.index.made import square_transform, write_tif
from tests.index.sources.tiled import cut, write_json

UTM = "EPSG:32633"
TAKEN = datetime(2025, 6, 30, 10, 20, 30, tzinfo=UTC)
COG = pystac.MediaType.COG


def _tif(path: Path, lon: float = 15.0) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(1, 255, (3, 100, 100), dtype=np.uint8)
    return str(write_tif(path, pixels, square_transform(UTM, 50.0, lon, 100, 0.5), UTM))


def _item(name: str, assets: dict[str, pystac.Asset], taken: datetime | None = TAKEN, **properties: str) -> pystac.Item:
    point = {"type": "Point", "coordinates": [15.0, 50.0]}
    item = pystac.Item(name, point, [15.0, 50.0, 15.0, 50.0], taken, dict(properties))
    for key, asset in assets.items():
        item.add_asset(key, asset)
    return item


def _image(href: str, *roles: str) -> pystac.Asset:
    return pystac.Asset(href, media_type=COG, roles=list(roles))


def test_an_item_gives_its_picture_its_date_and_its_credit(tmp_path: Path) -> None:
    _tif(tmp_path / "images" / "a.tif")
    assets = {
        "thumb": _image("./images/none.tif", "thumbnail"),
        "report": pystac.Asset("./report.pdf"),
        "image": _image("./images/a.tif", "data"),
    }
    item = _item("flight-7", assets, attribution="© Land survey", license="CC-BY-4.0")
    tiles, bad, source = cut(write_json(tmp_path / "item.json", item.to_dict()))
    assert not bad
    assert tiles[0].id.startswith("flight-7-z33-n")
    assert tiles[0].source == "a.tif"
    assert tiles[0].captured == "2025-06-30T10:20:30Z"
    assert source.attribution == "© Land survey (CC-BY-4.0)"
    assert {tile.attribution for tile in tiles} == {source.attribution}


def test_a_span_of_time_counts_from_its_beginning(tmp_path: Path) -> None:
    _tif(tmp_path / "a.tif")
    span = {"start_datetime": "2024-03-01T00:00:00Z", "end_datetime": "2024-05-01T00:00:00Z"}
    item = _item("spring", {"image": _image("a.tif")}, None, **span)
    tiles, _, _ = cut(write_json(tmp_path / "item.json", item.to_dict()))
    assert tiles[0].captured == "2024-03-01"


@pytest.mark.parametrize("entry", ["", "catalog.json", "flights/collection.json"])
def test_a_catalogue_is_walked_and_a_bad_item_costs_itself(tmp_path: Path, entry: str) -> None:
    owner = pystac.Provider("City of Prague")
    extent = pystac.Extent(pystac.SpatialExtent([[0.0, 0.0, 1.0, 1.0]]), pystac.TemporalExtent([[TAKEN, None]]))
    flights = pystac.Collection("flights", "all of them", extent, providers=[owner], license="CC0-1.0")
    for name, lon in (("west", 15.0), ("east", 15.01)):
        flights.add_item(_item(name, {"visual": _image(_tif(tmp_path / name / "visual.tif", lon))}))
    flights.add_item(_item("lost", {"visual": _image(str(tmp_path / "gone.tif"))}))
    flights.add_item(_item("away", {"visual": _image("https://example.org/a.tif")}))
    flights.add_item(_item("words", {"report": pystac.Asset("a.pdf")}))
    catalogue = pystac.Catalog("root", "of the test")
    catalogue.add_child(flights)
    catalogue.normalize_and_save(str(tmp_path), pystac.CatalogType.SELF_CONTAINED)
    tiles, bad, source = cut(tmp_path / entry)
    assert {tile.id.split("-")[0] for tile in tiles} == {"west", "east"}
    assert {tile.id: tile.code for tile in bad} == {"lost": "source", "away": "path_unsafe", "words": "source"}
    assert source.attribution == "City of Prague (CC0-1.0)"


def test_the_visual_one_of_several_is_taken(tmp_path: Path) -> None:
    _tif(tmp_path / "b.tif")
    assets = {"nir": _image("nir.tif", "data"), "rgb": _image("b.tif", "visual"), "dem": _image("dem.tif", "data")}
    tiles, _, _ = cut(write_json(tmp_path / "item.json", _item("i", assets).to_dict()))
    assert tiles[0].source == "b.tif"


def test_several_alike_are_not_guessed_between(tmp_path: Path) -> None:
    assets = {"nir": _image("nir.tif", "data"), "red": _image("red.tif", "data")}
    with pytest.raises(SourceError, match="several GeoTIFFs, nir, red, and none of them alone has the role visual"):
        cut(write_json(tmp_path / "item.json", _item("i", assets).to_dict()))


def test_links_to_elsewhere_are_not_followed(tmp_path: Path) -> None:
    catalogue = pystac.Catalog("root", "of the test")
    catalogue.add_link(pystac.Link("child", "https://example.org/catalog.json"))
    with pytest.raises(PathUnsafe, match="not a file on this machine"):
        cut(write_json(tmp_path / "catalog.json", catalogue.to_dict()))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"type": "Feature"}', '{"type": "Catalog", "stac_version": 3}'])
def test_what_is_no_stac_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(SourceError, match=r"a\.json"):
        cut(tmp_path / "a.json")


def test_pictures_of_one_day_are_one_and_those_of_another_stay_apart(tmp_path: Path) -> None:
    later = datetime(2026, 6, 1, tzinfo=UTC)
    catalogue = pystac.Catalog("root", "of the test")
    for name, lon, taken in (("west", 15.0, TAKEN), ("east", 15.0005, TAKEN), ("new", 15.0, later)):
        path = _tif(tmp_path / name / f"{name}.tif", lon)
        catalogue.add_item(_item(name, {"visual": _image(str(path))}, taken))
    catalogue.normalize_and_save(str(tmp_path / "stac"), pystac.CatalogType.SELF_CONTAINED)
    tiles, bad, source = cut(tmp_path / "stac" / "catalog.json")
    assert not bad
    assert "catalog.json of 2025-06-30 (2 sheets" in source.name
    places = {(tile.lat, tile.lon) for tile in tiles if tile.source != "new.tif"}
    assert len(places) == sum(tile.source != "new.tif" for tile in tiles)
    assert {(tile.lat, tile.lon) for tile in tiles if tile.source == "new.tif"} & places
