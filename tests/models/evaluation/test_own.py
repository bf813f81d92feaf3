"""One's own pairs: `skyfix evaluate --pairs`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.encoder import Encoder, FakeEncoder
from models.evaluation.protocols import PROTOCOLS
from models.evaluation.results import ProtocolResult
from models.evaluation.run import evaluate_protocol
from models.evaluation.settings import Orientation
from tests.models.evaluation.strips import StripEncoder

Pixels = NDArray[np.uint8]
Paint = Callable[[Pixels], Pixels]
FAKE = FakeEncoder()
HEADER = "ground,aerial,lat,lon,heading_deg,fov_deg,ground_resolution_m\n"
COUNT, STEP_DEG = 6, 0.001
OWN = PROTOCOLS["own"]


@pytest.fixture
def rows(tmp_path: Path, sector_tile: Paint, strip_photo: Paint) -> list[str]:
    """Six places 111 m apart; panorama i looks along 45 i degrees; the photo of place 5 shows place 4."""
    palettes = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 3), dtype=np.uint8)
    lines = []
    for i, colours in enumerate(palettes):
        Image.fromarray(np.kron(sector_tile(colours), np.ones((2, 2, 1), np.uint8))).save(tmp_path / f"a{i}.png")
        shown = np.roll(palettes[4] if i == 5 else colours, 4 - i, axis=0)
        Image.fromarray(np.repeat(strip_photo(shown), 2, axis=0)).save(tmp_path / f"g{i}.png")
        lines.append(f"g{i}.png,a{i}.png,{i * STEP_DEG},7,{45 * i},,1\n")
    return lines


@pytest.fixture
def measure(tmp_path: Path) -> Callable[..., ProtocolResult]:
    def run(
        lines: list[str],
        orientation: Orientation = "known",
        fov_deg: float | None = None,
        footprint_m: float | None = None,
        encoder: Encoder = FAKE,
    ) -> ProtocolResult:
        (tmp_path / "pairs.csv").write_text(HEADER + "".join(lines))
        settings = OWN.settings(encoder.manifest, orientation=orientation, fov_deg=fov_deg, footprint_m=footprint_m)
        return evaluate_protocol(encoder, OWN.open(tmp_path / "pairs.csv"), "own", settings)

    return run


Measure = Callable[..., ProtocolResult]


@pytest.mark.parametrize("orientation", ["known", "unknown"])
def test_recall_of_six_pairs_one_of_them_wrong(rows: list[str], measure: Measure, orientation: Orientation) -> None:
    row = measure(rows, orientation)
    assert (row.recall_at_1, row.recall_at_10) == (5 / 6, 1.0)
    assert (row.gallery, row.queries, row.fov_deg, row.turned) == (6, 6, 360.0, False)
    assert row.median_error_m == 0.0


def test_headings_are_judged_where_they_were_searched(rows: list[str], measure: Measure) -> None:
    searched, given = measure(rows[:5], "unknown"), measure(rows[:5], "known")
    assert (searched.heading_within_15_deg, given.heading_within_15_deg) == (1.0, None)


def test_a_field_of_view_is_cut_out_of_the_middle(rows: list[str], measure: Measure) -> None:
    row = measure(rows[:5], "unknown", 90.0)
    assert (row.fov_deg, row.recall_at_1, row.heading_within_15_deg) == (90.0, 1.0, 1.0)


def test_errors_are_metres_on_the_ground(rows: list[str], measure: Measure) -> None:
    row = measure(rows[4:])
    assert row.median_error_m == pytest.approx(110.574 / 2, abs=0.01)  # one right, one a step to the south


def test_without_positions_there_are_no_metres(rows: list[str], measure: Measure) -> None:
    assert len(rows) == COUNT
    row = measure(["g0.png,a0.png,,,,,\n", "g1.png,a1.png,,,,,\n"], "unknown")
    assert (row.recall_at_1, row.median_error_m, row.errors, row.heading_within_15_deg) == (1.0, None, None, None)


def test_photos_may_share_an_aerial_image(rows: list[str], measure: Measure) -> None:
    row = measure([*rows[:5], rows[0]])
    assert (row.gallery, row.queries, row.recall_at_1) == (5, 6, 1.0)


def test_the_footprint_is_cut_out_of_larger_images(rows: list[str], measure: Measure, tmp_path: Path) -> None:
    for i in range(5):
        tile = np.asarray(Image.open(tmp_path / f"a{i}.png"))
        framed = np.random.default_rng(i).integers(0, 256, (128, 128, 3), dtype=np.uint8)
        framed[32:96, 32:96] = tile
        Image.fromarray(framed).save(tmp_path / f"a{i}.png")
    assert measure(rows[:5], footprint_m=64.0).recall_at_1 == 1.0


def test_plain_vectors_are_not_told_the_heading_by_the_file(rows: list[str], measure: Measure) -> None:
    """A panorama stored north up would give a network that does not search headings what it may not know."""
    assert measure(rows, "unknown", encoder=StripEncoder()).turned
    assert not measure(rows, "known", encoder=StripEncoder()).turned
