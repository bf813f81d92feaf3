"""Whole maps: the ground under them, what stands around them, and the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.report.maps import round_length
from models.errors import OutputUnwritable, ParameterError, UsageError
from service.pictures.background import NOTHING, PALER, Orthophoto, PlainGround
from service.pictures.extent import Extent
from service.pictures.layers import CORRECTED, RAW, TRUTH, Dots, Ellipses, Line, Links, Markers
from service.pictures.lettering import lettering, plain, shortened, width_of
from service.pictures.map_picture import draw_map, save_picture
from service.pictures.surround import foot_height, legend_entries
from tests.index.made import LEVELS_PER_M, square_transform, write_compass
from tests.service.pictures.test_extent import at

EAST = [at(east, 0) for east in range(-100, 101, 20)]
LAYERS = (
    Ellipses.circles("95 %", CORRECTED, EAST, [8.0] * len(EAST)),
    Line("truth", TRUTH, [EAST], 2, is_dashed=True),
    Line("raw GPS", RAW, [[at(east, 9) for east in range(-100, 101, 20)]]),
    Links("moved", RAW, [(at(0, 0), at(0, 9))]),
    Dots("corrected", CORRECTED, EAST),
    Markers("photos", CORRECTED, EAST[:2], ["1", "2"]),
)


def test_a_map_is_as_large_as_asked_and_holds_every_colour() -> None:
    picture = draw_map(LAYERS, PlainGround(), (1000, 700), "van-17")
    colours = {f"#{r:02x}{g:02x}{b:02x}" for _, (r, g, b) in picture.getcolors(1 << 24) or []}  # type: ignore[misc]
    assert (picture.mode, picture.size) == ("RGB", (1000, 700))
    assert {RAW, CORRECTED, TRUTH} <= colours


def test_a_map_is_the_same_every_time() -> None:
    assert draw_map(LAYERS, PlainGround()).tobytes() == draw_map(LAYERS, PlainGround()).tobytes()


def test_the_orthophoto_lies_under_the_layers(tmp_path: Path) -> None:
    where = square_transform("EPSG:32632", 48.0, 9.0, 160, 0.5)
    file = write_compass(tmp_path / "c.tif", "EPSG:32632", where, 48.0, 9.0, 160)
    extent = Extent(48.0, 9.0, 5.0, 300, 200)
    ground = np.asarray(Orthophoto([file]).draw(extent).image, dtype=np.float64)
    x, y = 250, 30
    east_m, north_m = (x + 0.5 - 150) / 5, (100 - y - 0.5) / 5
    expected = [128 + LEVELS_PER_M * east_m, 128 + LEVELS_PER_M * north_m, 200]
    assert ground.shape == (200, 300, 3)
    assert ground[y, x] == pytest.approx([PALER * 255 + (1 - PALER) * level for level in expected], abs=2.5)


def test_beyond_the_orthophoto_is_plain_ground(tmp_path: Path) -> None:
    where = square_transform("EPSG:32632", 48.0, 9.0, 40, 0.5)
    file = write_compass(tmp_path / "c.tif", "EPSG:32632", where, 48.0, 9.0, 40)
    ground = Orthophoto([file]).draw(Extent(48.0, 9.0, 5.0, 300, 200)).image
    assert ground.getpixel((5, 5)) == tuple(bytes.fromhex(NOTHING[1:]))


def test_tiles_are_outlined_on_plain_ground() -> None:
    (south, west), (north, east) = at(-10, -10), at(10, 10)
    ground = np.asarray(PlainGround([(west, south, east, north)]).draw(Extent(48.0, 9.0, 5.0, 300, 200)).image)
    inside, edge, outside = ground[100, 150], ground[100, 100], ground[100, 50]
    assert inside.sum() > outside.sum() > edge.sum()


def test_the_legend_goes_on_in_another_row_where_it_is_long() -> None:
    layers = [Dots(f"layer number {n}", RAW, EAST) for n in range(12)] + [Dots("", RAW, EAST)]
    entries = legend_entries(layers, 600)
    assert len(entries) == 12
    assert max(entry.row for entry in entries) >= 3
    assert all(entry.x + 48 + width_of(entry.layer.label, 17) <= 600 for entry in entries)
    assert foot_height(entries) > foot_height(legend_entries(layers[:1], 600))


def test_the_bar_of_length_is_true() -> None:
    picture = np.asarray(draw_map(LAYERS, PlainGround(), (1000, 700)), dtype=np.int64)
    dark = (picture[690 - 22 : 690, :400].sum(axis=2) < 200).sum(axis=0)  # the last row of the foot
    along = np.flatnonzero(dark)
    bar = along[: np.flatnonzero(np.diff(along) > 1)[0] + 1] if (np.diff(along) > 1).any() else along
    metre_px = 1000 * 0.84 / 200
    assert len(bar) == pytest.approx(round_length(0.16 * 1000 / metre_px) * metre_px, abs=5)


@pytest.mark.parametrize("size", [(299, 700), (700, 8001), (400, 300)])
def test_a_size_that_cannot_be_is_refused(size: tuple[int, int]) -> None:
    layers = [Dots(f"layer number {n}", RAW, EAST) for n in range(12)]
    with pytest.raises(ParameterError, match="size"):
        draw_map(layers, PlainGround(), size)


def test_without_a_position_there_is_no_map() -> None:
    with pytest.raises(UsageError, match="no position"):
        draw_map([Dots("nothing", RAW, [])], PlainGround())


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.JPG", "JPEG"), ("a.webp", "WEBP")])
def test_the_suffix_says_the_format(tmp_path: Path, name: str, kind: str) -> None:
    save_picture(Image.new("RGB", (8, 8)), tmp_path / name)
    with Image.open(tmp_path / name) as read:
        assert read.format == kind


def test_files_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.png, \.jpg"):
        save_picture(Image.new("RGB", (8, 8)), tmp_path / "a.gif")
    with pytest.raises(OutputUnwritable):
        save_picture(Image.new("RGB", (8, 8)), tmp_path / "nowhere" / "a.png")


def test_letters_that_the_font_lacks() -> None:
    assert plain("Straße in Łódź – 25 m² 東京") == "Strasse in odz - 25 m2 "
    assert lettering("25 m\x00\n·", 12)[0] == "25 m·"


def test_a_long_credit_is_cut_to_its_room() -> None:
    cut = shortened("© everybody who ever took a picture", 14, 120)
    assert cut.endswith("...")
    assert width_of(cut, 14) <= 120 < width_of(cut + "xxxx", 14) + 20
    assert shortened("© me", 14, 120) == "© me"
