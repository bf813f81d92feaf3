from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.encoder import FakeEncoder
from models.evaluation.own import evaluate_pairs
from models.pairs import Pair, read_pairs

Pixels = NDArray[np.uint8]
Paint = Callable[[Pixels], Pixels]
FAKE = FakeEncoder()
HEADER = "ground,aerial,lat,lon,heading_deg,fov_deg,ground_resolution_m\n"
COUNT, STEP_DEG = 6, 0.001


@pytest.fixture
def pairs(tmp_path: Path, sector_tile: Paint, strip_photo: Paint) -> list[Pair]:
    """Six places 111 m apart; panorama i looks along 45 i degrees; the photo of place 5 shows place 4."""
    palettes = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 3), dtype=np.uint8)
    rows = []
    for i, colours in enumerate(palettes):
        Image.fromarray(np.kron(sector_tile(colours), np.ones((2, 2, 1), np.uint8))).save(tmp_path / f"a{i}.png")
        shown = np.roll(palettes[4] if i == 5 else colours, 4 - i, axis=0)
        Image.fromarray(np.repeat(strip_photo(shown), 2, axis=0)).save(tmp_path / f"g{i}.png")
        rows.append(f"g{i}.png,a{i}.png,{i * STEP_DEG},7,{45 * i},,1\n")
    (tmp_path / "pairs.csv").write_text(HEADER + "".join(rows))
    return read_pairs(tmp_path / "pairs.csv")


@pytest.mark.parametrize("heading_known", [True, False])
def test_recall_of_six_pairs_one_of_them_wrong(pairs: list[Pair], heading_known: bool) -> None:
    row = evaluate_pairs(FAKE, pairs, heading_known=heading_known)
    assert (row.recall_at_1, row.recall_at_10) == (5 / 6, 1.0)
    assert (row.gallery, row.queries, row.fov_deg) == (6, 6, 360.0)
    assert row.median_error_m == 0.0


def test_headings_are_judged_where_they_were_searched(pairs: list[Pair]) -> None:
    searched, given = (evaluate_pairs(FAKE, pairs[:5], heading_known=known) for known in (False, True))
    assert (searched.heading_within_15_deg, given.heading_within_15_deg) == (1.0, None)


def test_a_field_of_view_is_cut_out_of_the_middle(pairs: list[Pair]) -> None:
    row = evaluate_pairs(FAKE, pairs[:5], heading_known=False, fov_deg=90.0)
    assert (row.fov_deg, row.recall_at_1, row.heading_within_15_deg) == (90.0, 1.0, 1.0)


def test_errors_are_metres_on_the_ground(pairs: list[Pair]) -> None:
    row = evaluate_pairs(FAKE, pairs[4:], heading_known=True)
    assert row.median_error_m == pytest.approx(110.574 / 2, abs=0.01)  # one right, one a step to the south


@pytest.mark.usefixtures("pairs")
def test_without_positions_there_are_no_metres(tmp_path: Path) -> None:
    (tmp_path / "bare.csv").write_text("ground,aerial\ng0.png,a0.png\ng1.png,a1.png\n")
    row = evaluate_pairs(FAKE, read_pairs(tmp_path / "bare.csv"), heading_known=False)
    assert (row.recall_at_1, row.median_error_m, row.heading_within_15_deg) == (1.0, None, None)


def test_photos_may_share_an_aerial_image(pairs: list[Pair]) -> None:
    row = evaluate_pairs(FAKE, [*pairs[:5], pairs[0]], heading_known=True)
    assert (row.gallery, row.queries, row.recall_at_1) == (5, 6, 1.0)


def test_the_footprint_is_cut_out_of_larger_images(pairs: list[Pair], tmp_path: Path) -> None:
    for i in range(5):
        tile = np.asarray(Image.open(tmp_path / f"a{i}.png"))
        framed = np.random.default_rng(i).integers(0, 256, (128, 128, 3), dtype=np.uint8)
        framed[32:96, 32:96] = tile
        Image.fromarray(framed).save(tmp_path / f"a{i}.png")
    cut = evaluate_pairs(FAKE, pairs[:5], heading_known=True, footprint_m=64.0)
    assert cut.recall_at_1 == 1.0
