"""Columns taken apart: the terms are the similarity, and what says nothing is given nothing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from index.build import build_index
from index.bundle import Index, open_index
from index.search import Searcher
from models.encoder import FakeEncoder
from service.explaining.attention import Attention
from service.index_localizer import IndexLocalizer
from service.localizer import localize
from service.query import Answer, CameraHints, Prior, Query
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import COLUMNS, PaintedTiles, encode, panorama, position

Float32s = NDArray[np.float32]


class Silent(FakeEncoder):
    """Grey says nothing: its column stands at a right angle to those of every tile."""

    def ground(self, pixels: Float32s) -> Float32s:
        n, _, _, width = pixels.shape
        columns = pixels.reshape(n, 3, -1, width // 8, 8).mean(axis=(2, 4)).transpose(0, 2, 1)
        grey = np.abs(columns).max(axis=2, keepdims=True) < 0.05
        return _unit(np.concatenate([np.where(grey, 0.0, columns), grey], axis=2))

    def aerial(self, pixels: Float32s) -> Float32s:
        tiles = super().aerial(pixels)
        columns = tiles.reshape(*tiles.shape[:2], COLUMNS, 4).copy()
        columns[..., 3] = 0.0
        return _unit(columns).reshape(tiles.shape)


def _unit(columns: Float32s) -> Float32s:
    """Columns of one norm, unit over all of a row."""
    unit = columns / np.linalg.norm(columns, axis=-1, keepdims=True)
    scaled: Float32s = (unit / np.sqrt(columns.shape[-2])).astype(np.float32)
    return scaled


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> IndexLocalizer:
    folder = tmp_path_factory.mktemp("silent") / "index"
    build_index(PaintedTiles(), Silent(), folder, name="silent", licence="CC0")
    return IndexLocalizer(Silent(), Searcher(open_index(folder)))


def _explained(
    localizer: IndexLocalizer, pixels: NDArray[np.uint8], camera: CameraHints, prior: Prior | None = None
) -> tuple[Answer, Attention]:
    query = Query(prior=prior, camera=camera, wants_attention=True)
    answer, _ = localize(localizer, encode(pixels), query)
    assert answer.attention is not None
    return answer, answer.attention


@pytest.mark.parametrize("heading", [None, 0.0, 77.0])
@pytest.mark.parametrize("fov", [360.0, 180.0, 100.0])
def test_the_mean_of_the_cosines_is_the_similarity(
    localizer: IndexLocalizer, heading: float | None, fov: float
) -> None:
    shown = panorama(7, 77.0)[:, int(256 - fov / 360 * 256) : int(256 + fov / 360 * 256)]
    camera = CameraHints(fov_deg=fov, projection="panorama", heading_deg=heading)
    answer, found = _explained(localizer, shown, camera)
    assert found.kind == "contribution"
    assert found.columns is not None
    assert found.columns.cosines.mean() == pytest.approx(answer.candidates[0].similarity, abs=1e-6)
    assert len(found.columns.cosines) == round(fov / 45.0)


def test_a_covered_half_contributes_nothing(silent: IndexLocalizer) -> None:
    covered = panorama(7, 0.0)
    covered[:, :256] = 128
    answer, found = _explained(silent, covered, CameraHints(fov_deg=360.0, projection="panorama"))
    assert found.columns is not None
    assert answer.candidates[0].tile.id == "t7"
    np.testing.assert_allclose(found.columns.cosines[:4], 0.0, atol=1e-3)
    assert found.columns.cosines[4:].min() > 0.95
    middle = found.photo[found.photo.shape[0] // 2]
    assert middle[: len(middle) // 2].max() == 0.0
    assert middle[len(middle) // 2 :].min() > 0.9 * middle.max() > 0.0


def test_the_tile_shows_the_sector_that_was_seen(silent: IndexLocalizer) -> None:
    """A photo to the east: the tile's right quarter, and nothing in the others."""
    east = panorama(7, 90.0)[:, 192:320]
    camera = CameraHints(fov_deg=90.0, projection="panorama", heading_deg=90.0)
    _, found = _explained(silent, east, camera)
    assert found.tile is not None
    side = len(found.tile)
    most = found.tile.max()
    assert found.tile[side // 2, -3] > 0.9 * most > 0.0
    assert found.tile[side // 2, 3] == found.tile[3, side // 2] == found.tile[-3, side // 2] == 0.0
    assert (found.tile > 0.5 * most).mean() == pytest.approx(0.25, abs=0.04)


def test_nothing_is_explained_unless_it_is_asked(localizer: IndexLocalizer) -> None:
    answer, _ = localize(localizer, encode(panorama(7)), Query(camera=CameraHints(fov_deg=360.0)))
    assert answer.attention is None


def test_where_nothing_was_compared_that_is_said(localizer: IndexLocalizer) -> None:
    lat, lon = position(0)
    query = Query(mode="prior", prior=Prior(lat + 1.0, lon, 30.0, is_cut=True), wants_attention=True)
    answer, _ = localize(localizer, encode(panorama(7)), query)
    assert (answer.attention, answer.notices[-1].code) == (None, "attention_unavailable")


def test_what_calibration_measured_is_not_measured_again(painted_index: Index) -> None:
    """Both ways to the similarity at large give the same."""
    encoder = FakeEncoder()
    camera, pixels = CameraHints(fov_deg=360.0, projection="panorama"), panorama(7, 30.0)
    _, plain = _explained(IndexLocalizer(encoder, Searcher(painted_index)), pixels, camera)
    encoder.manifest = encoder.manifest.model_copy(update={"calibration": CALIBRATION})
    answer, found = _explained(IndexLocalizer(encoder, Searcher(painted_index)), pixels, camera)
    assert plain.columns is not None
    assert found.columns is not None
    assert answer.at_large == found.columns.at_large == pytest.approx(plain.columns.at_large, abs=1e-6)
    assert found.columns.cosines.mean() == pytest.approx(answer.candidates[0].similarity, abs=1e-6)
