from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest

from index.planning.planner import Planner, box_km2
from index.planning.sample import measure_encoder, take_sample
from index.planning.sizes import Sizes, float16_rows, numbered_id, possible, search_bytes
from index.planning.strides import all_strides, coarsest_reaching, finest_within, shown_strides
from index.planning.units import length, size, size_words, time_words
from index.sources.opening import open_source
from index.stores.profiles import EXACT_BELOW, Profile, build_faiss
from index.tiles import Bounds, TileSource
from models.cells import Cells
from models.encoder import FakeEncoder
from models.errors import NoTiles, PlanImpossible, UsageError
from tests.index.made import FOOTPRINT_M, Noise, square_transform, write_tif

CELLS = Cells(per_side=5, spacing_m=6.4)


def _quadratic(stride_m: float) -> int:
    return int(1e6 / stride_m**2)


def test_a_budget_takes_the_finest_stride_that_fits() -> None:
    strides = all_strides(16.0, 64.0)
    chosen = finest_within(10_000, strides, _quadratic, None)
    assert _quadratic(chosen) <= 10_000
    assert min(s for s in strides if _quadratic(s) <= 10_000) == chosen == pytest.approx(10.0, abs=0.2)


def test_with_cells_a_narrower_stride_that_gains_nothing_is_not_taken() -> None:
    assert finest_within(_quadratic(25.6), [16.0, 25.6, 32.0, 64.0], _quadratic, CELLS) == 32.0
    assert finest_within(_quadratic(16.0), [16.0, 25.6, 32.0, 64.0], _quadratic, CELLS) == 16.0


def test_a_budget_too_small_for_the_widest_stride_is_refused_with_both_numbers() -> None:
    with pytest.raises(PlanImpossible, match=r"takes 244 bytes; the budget is 100"):
        finest_within(100, [16.0, 64.0], _quadratic, None)


def test_an_error_takes_the_coarsest_stride_that_reaches_it() -> None:
    assert coarsest_reaching(13.88, [16.0, 36.25, 37.0, 64.0], None) == 36.25
    assert coarsest_reaching(2.4487, all_strides(32.0, 160.0), CELLS) == 32.0


def test_an_error_out_of_reach_is_refused_with_the_best_that_can_be_had() -> None:
    with pytest.raises(PlanImpossible, match=r"5 m: a perfect retriever is 6\.12 m off at 16 m"):
        coarsest_reaching(5.0, [16.0, 64.0], None)


def test_strides_shown_are_among_those_looked_at_and_none_is_wider_than_a_tile() -> None:
    shown = shown_strides(36.25, 145.0)
    assert shown[0] == 145.0
    assert 36.25 in shown
    assert set(shown) <= set(all_strides(36.25, 145.0))
    assert max(all_strides(40.0, 50.0)) <= 50.0


@pytest.mark.parametrize(
    ("text", "expected"), [("2GB", 2e9), ("1.5 GiB", 1.5 * 2**30), ("500mb", 5e8), ("7", 7.0), (".5k", 500.0)]
)
def test_sizes_are_read_as_people_write_them(text: str, expected: float) -> None:
    assert size(text) == expected


def test_lengths_and_words() -> None:
    assert (length("15m"), length("0.5km"), length("3")) == (15.0, 500.0, 3.0)
    assert [size_words(n) for n in (999, 123_456, 2.5e9)] == ["999 B", "123 kB", "2.5 GB"]
    assert [time_words(s) for s in (0.1, 90, 600, 12_000, 4e5)] == ["1 s", "90 s", "10 min", "3 h 20 min", "4 d 15 h"]
    for text in ("", "-2GB", "2 parsecs", "0", "GB"):
        with pytest.raises(Exception, match="no such amount"):
            size(text)


def test_the_area_of_a_box_is_that_of_the_ellipsoid() -> None:
    assert box_km2(Bounds(-180.0, -90.0, 180.0, 90.0)) == pytest.approx(510_065_622, rel=1e-4)
    assert box_km2(Bounds(179.5, 0.0, -179.5, 1.0)) == pytest.approx(12_308.8, rel=1e-3)


def test_numbers_in_ids_are_replaced_from_the_end() -> None:
    assert numbered_id("sheet7-r0006-c0015", 12, 3) == "sheet7-r0012-c0003"
    assert numbered_id("a.png", 1, 2) == "a.png-0001-0002"


def test_a_sample_counts_good_and_bad_tiles() -> None:
    clock = itertools.count(0.0, 1.0).__next__
    sample = take_sample(Noise(40, bad=(1,), blank=(3,)), FakeEncoder().manifest.aerial, 14.0, clock)
    assert (len(sample.tiles), len(sample.inputs), len(sample.bad)) == (13, 13, 2)
    assert sample.tiles_per_s == pytest.approx(1.0)


def test_a_source_of_one_tile_has_no_speed() -> None:
    assert take_sample(Noise(1), FakeEncoder().manifest.aerial, 1.0).tiles_per_s is None


def test_a_source_that_begins_with_bad_tiles_only_cannot_be_planned() -> None:
    with pytest.raises(NoTiles, match="eaten by mice"):
        take_sample(Noise(3, bad=(0, 1, 2)), FakeEncoder().manifest.aerial, 5.0)


def test_speed_is_tiles_described_over_the_time_they_took() -> None:
    clock = itertools.count(0.0, 2.0).__next__
    inputs = [np.zeros((1, 3, 32, 32), np.float32)]
    assert measure_encoder(FakeEncoder(), inputs, 3.0, workers=3, clock=clock) == pytest.approx(12 / 4)


def _open(stride_m: float | None) -> TileSource:
    return Noise(60) if stride_m is None else Noise(round(60 * 16.0 / stride_m), stride_m=stride_m)


def test_a_plan_says_what_every_stride_costs() -> None:
    planner = Planner(_open, FakeEncoder(), seconds=0.0)
    plan = planner.plan(error_m=7.0)
    usual = next(option for option in plan.options if option.stride_m == 16.0)
    assert usual.tiles == 60
    assert usual.bytes["exact"] > float16_rows(60, 32)
    assert usual.mean_error_m == pytest.approx(6.12, abs=0.01)
    assert [option.tiles for option in plan.options] == sorted(option.tiles for option in plan.options)
    assert plan.chosen is not None
    assert plan.chosen.stride_m == pytest.approx(18.2)
    assert (plan.imagery.finest_m, plan.imagery.wanted_m) == (0.5, 2.0)
    assert planner.plan([20.0, 30.0]).options[1].stride_m == 20.0


def test_what_comes_ready_cut_has_no_stride_to_choose() -> None:
    planner = Planner(lambda _: replace(Noise(40), stride_m=None), FakeEncoder(), seconds=0.0)
    plan = planner.plan(budget_bytes=1e9)
    assert plan.chosen is not None
    assert (plan.chosen.tiles, plan.chosen.stride_m, plan.chosen.mean_error_m) == (40, None, None)
    with pytest.raises(UsageError, match="ready cut"):
        planner.plan(error_m=10.0)
    with pytest.raises(PlanImpossible, match="the budget is 1,000"):
        planner.plan(budget_bytes=1000.0)


def test_the_table_that_was_foretold_is_the_one_that_is_written(tmp_path: Path) -> None:
    from index.build import build_index

    pixels = np.random.default_rng(0).integers(0, 255, (3, 400, 400), dtype=np.uint8)
    path = write_tif(tmp_path / "a.tif", pixels, square_transform("EPSG:32633", 50.0, 15.0, 400, 1.0), "EPSG:32633")

    def open_at(stride_m: float | None) -> TileSource:
        return open_source([path], footprint_m=FOOTPRINT_M, size_px=32, stride_m=stride_m)

    option = Planner(open_at, FakeEncoder(), seconds=0.0).option(None)
    report = build_index(open_at(None), FakeEncoder(), tmp_path / "index", name="a")
    found = sum(file.stat().st_size for file in report.path.iterdir())
    assert option.tiles == report.count
    assert option.bytes["exact"] == pytest.approx(found, rel=0.1)


def test_rows_and_cells_make_the_bytes() -> None:
    sizes = Sizes(cells=25, values=768, table_bytes=0.0, row_bytes=10.0)
    assert sizes.index_bytes(1000, "exact") - sizes.index_bytes(0, "exact") == pytest.approx(
        1000 * (25 * 768 * 2 + 10), rel=0.01
    )


@pytest.mark.parametrize("profile", ["balanced", "compact"])
@pytest.mark.parametrize(("rows", "size"), [(5000, 32), (6000, 96)])
def test_what_a_profile_takes_besides_is_foretold(profile: Profile, rows: int, size: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((rows, size)).astype(np.float16)
    found = len(faiss.serialize_index(build_faiss(vectors, profile)))
    assert search_bytes(profile, rows, size) == pytest.approx(found, rel=0.02)
    assert search_bytes(profile, EXACT_BELOW - 1, size) == search_bytes("exact", rows, size) == 0


def test_values_that_cannot_be_grouped_have_no_compact_profile() -> None:
    assert possible(768) == ["exact", "balanced", "compact"]
    assert possible(997) == ["exact", "balanced"]


def test_a_sample_is_taken_from_all_over_the_imagery(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 2000, 2000), dtype=np.uint8)
    path = write_tif(tmp_path / "a.tif", pixels, square_transform("EPSG:32633", 50.0, 15.0, 2000, 0.5), "EPSG:32633")
    source = open_source([path], footprint_m=FOOTPRINT_M, size_px=32, stride_m=16.0)
    ticks = itertools.count()
    view = FakeEncoder().manifest.aerial
    sample = take_sample(source, view, 1.0, lambda: 0.0 if next(ticks) < 1500 else 2.0)
    lat, lon = (np.array([getattr(tile, axis) for tile in sample.tiles]) for axis in ("lat", "lon"))
    assert len({tile.id for tile in sample.tiles}) == len(sample.tiles) < source.count / 2
    east, north = (lon - 15.0) * 71_700 / 500, (lat - 50.0) * 111_200 / 500
    for side in (east, north):
        assert side.min() < -0.5
        assert side.max() > 0.5
        assert abs(side.mean()) < 0.35
