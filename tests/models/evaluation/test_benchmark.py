from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle import ModelManifest
from models.cells import Cells
from models.encoder import FakeEncoder
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.photographs import Setting, photograph_places
from models.evaluation.scoring import Scores

CELLS = Cells(per_side=3, spacing_m=8.0)
KNOWN, SEARCHED = Setting(360.0, "known"), Setting(90.0, "unknown")


class _Blind:
    """Describes everything alike."""

    provider = "none"

    def __init__(self) -> None:
        fake = FakeEncoder()
        self.manifest: ModelManifest = fake.manifest
        self.sha256 = fake.sha256

    def ground(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        columns = pixels.shape[3] // 8
        return np.full((len(pixels), columns, 4), 0.5 / columns**0.5, np.float32)

    def aerial(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.full((len(pixels), 1, 32), 32**-0.5, np.float32)


@pytest.fixture(scope="module")
def benchmark() -> CityBenchmark:
    return CityBenchmark.render(3, 10, 100.0)


@pytest.fixture(scope="module")
def again() -> CityBenchmark:
    return CityBenchmark.render(3, 10, 100.0)


def test_places_come_from_the_seed_and_keep_their_distance(benchmark: CityBenchmark, again: CityBenchmark) -> None:
    np.testing.assert_array_equal(benchmark.x_m, again.x_m)
    np.testing.assert_array_equal(benchmark.heading_deg, again.heading_deg)
    apart = np.hypot(*(v[:, None] - v[None] for v in (benchmark.x_m, benchmark.y_m)))
    assert apart[~np.eye(10, dtype=bool)].min() >= 18.0


def test_a_model_that_sees_nothing_scores_nothing(benchmark: CityBenchmark) -> None:
    (row,) = benchmark.score(_Blind(), [SEARCHED])
    assert (row.recall_at_1, row.recall_at_5) == (0.0, 0.0)
    assert (row.gallery, row.queries, row.fov_deg, row.orientation) == (10, 10, 90.0, "unknown")


def test_a_figure_can_be_had_again(benchmark: CityBenchmark, again: CityBenchmark) -> None:
    first = benchmark.score(FakeEncoder(), [KNOWN])
    assert again.score(FakeEncoder(), [KNOWN]) == first
    assert first[0].protocol == "sample-city-centre, seed 3"
    assert first[0].heading_within_15_deg is first[0].heading_median_deg is first[0].median_error_m is None


def test_the_centre_gallery_is_the_middle_cell_alone(benchmark: CityBenchmark) -> None:
    encoder = FakeEncoder(cells=CELLS)
    alone = benchmark.centres(encoder)
    assert alone.rows.shape == (10, 1, 32)
    assert alone.offsets_m.tolist() == [[0, 0]]
    every = benchmark.grid(encoder, 24.0)
    assert (every.rows.shape, every.cells) == ((25, 9, 32), 225)


def test_cells_of_neighbouring_tiles_continue_each_other(benchmark: CityBenchmark) -> None:
    gallery = benchmark.grid(FakeEncoder(cells=CELLS), CELLS.stride_m)
    tile, cell = np.divmod(np.arange(gallery.cells), CELLS.count)
    x, y = gallery.position_m(tile, cell)
    assert sorted(set(x.tolist())) == [4.0 + 8.0 * step for step in range(15)]
    assert len(set(zip(x.tolist(), y.tolist(), strict=True))) == gallery.cells


def test_the_error_is_measured_from_the_best_cell(benchmark: CityBenchmark) -> None:
    """Rows that point at the cell nearest to each photo: errors are at most half a cell's diagonal."""
    gallery = benchmark.grid(FakeEncoder(cells=CELLS), CELLS.stride_m)
    tile, cell = np.divmod(np.arange(gallery.cells), CELLS.count)
    x, y = gallery.position_m(tile, cell)
    away = np.hypot(x - benchmark.x_m[:, None], y - benchmark.y_m[:, None]).reshape(10, 25, 9)
    scores = Scores(-away.min(axis=2).astype(np.float32), away.argmin(axis=2), np.zeros((10, 25)))
    row = benchmark.summarise(scores, SEARCHED, gallery, CELLS.stride_m)
    assert row.recall_at_1 == 1.0
    assert row.median_error_m == pytest.approx(np.median(away.min(axis=(1, 2))))
    assert np.median(away.min(axis=(1, 2))) < 8 / 2**0.5


def test_the_grid_covers_the_city(benchmark: CityBenchmark) -> None:
    (row,) = benchmark.score(FakeEncoder(), [KNOWN], stride_m=20.0)
    assert (row.gallery, row.protocol) == (25, "sample-city-grid-20m, seed 3")
    assert row.median_error_m is not None
    assert 0 < row.median_error_m < 100 * 2**0.5


def test_a_photo_depends_on_its_own_place_only(benchmark: CityBenchmark) -> None:
    x, y, heading = benchmark.x_m[:2], benchmark.y_m[:2], benchmark.heading_deg[:2]
    (both, _), (alone, _) = (
        photograph_places(benchmark.city, SEARCHED, x[:n], y[:n], heading[:n], [1])[0] for n in (2, 1)
    )
    np.testing.assert_array_equal(both, alone)


@pytest.mark.parametrize(
    ("setting", "shape", "projection"),
    [
        (KNOWN, (96, 384, 3), "panorama"),
        (Setting(180.0, "unknown"), (96, 192, 3), "panorama"),
        (SEARCHED, (150, 200, 3), "perspective"),
    ],
)
def test_the_camera_says_what_is_known(
    benchmark: CityBenchmark, setting: Setting, shape: tuple[int, ...], projection: str
) -> None:
    place = benchmark.x_m[:1], benchmark.y_m[:1], benchmark.heading_deg[:1]
    ((pixels, camera),) = photograph_places(benchmark.city, setting, *place, [1])
    assert pixels.shape == shape
    assert (camera.projection, camera.fov_deg) == (projection, setting.fov_deg)
    assert camera.heading_deg == (benchmark.heading_deg[0] if setting.orientation == "known" else None)
