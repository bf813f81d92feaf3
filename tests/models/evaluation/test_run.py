"""Every protocol from files on disk to figures, on miniature data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.cells import Cells
from models.encoder import Encoder, FakeEncoder
from models.errors import UsageError
from models.evaluation.protocols import PROTOCOLS, find_protocol
from models.evaluation.results import ProtocolResult
from models.evaluation.run import evaluate_protocol, run_protocol
from models.evaluation.settings import Orientation
from tests.models.datasets.made import made_cvact, made_cvusa, made_university, made_vigor
from tests.models.evaluation.strips import StripEncoder

COLUMNS = FakeEncoder(columns=12)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("data")
    return {
        "cvusa": made_cvusa(folder / "cvusa", 40, val=30),
        "cvact": made_cvact(folder / "cvact"),
        "vigor": made_vigor(folder / "vigor", corrected="splits__corrected"),
        "university": made_university(folder / "university"),
    }


def measure(
    roots: dict[str, Path], name: str, encoder: Encoder, orientation: Orientation, fov_deg: float | None = None
) -> ProtocolResult:
    protocol = PROTOCOLS[name]
    pairs = protocol.open(roots[name.split("-")[0]])
    settings = protocol.settings(encoder.manifest, orientation=orientation, fov_deg=fov_deg)
    return evaluate_protocol(encoder, pairs, name, settings)


@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name != "own"])
@pytest.mark.parametrize("orientation", ["known", "unknown"])
def test_every_protocol_runs(roots: dict[str, Path], name: str, orientation: Orientation) -> None:
    found = measure(roots, name, COLUMNS, orientation)
    expected = {"cvusa": (30, 30), "cvact-val": (2, 2), "cvact-test": (3, 3), "cvact-test-5m": (3, 3)}
    expected |= {"vigor-same": (4, 24), "vigor-cross": (4, 12), "university-street": (2, 2), "university-drone": (1, 2)}
    assert (found.queries, found.gallery) == expected[name]
    assert (found.protocol, found.turned, found.model) == (name, orientation == "unknown", "mean-colour@1")
    assert found.recall_at_1 <= found.recall_at_5 <= found.published.recall_at_10 == 1.0 or found.gallery > 10


@pytest.mark.parametrize("encoder", [COLUMNS, StripEncoder()])
def test_places_are_found_among_thirty(roots: dict[str, Path], encoder: Encoder) -> None:
    assert measure(roots, "cvusa", encoder, "known").recall_at_1 >= 0.7


def test_a_turned_panorama_is_lost_on_a_network_of_plain_vectors(roots: dict[str, Path]) -> None:
    assert measure(roots, "cvusa", StripEncoder(), "unknown").recall_at_1 <= 0.3


def test_a_network_of_columns_turns_along(roots: dict[str, Path]) -> None:
    assert measure(roots, "cvusa", COLUMNS, "unknown").recall_at_10 >= 0.8


def test_headings_of_turned_panoramas_are_found(roots: dict[str, Path]) -> None:
    turned = measure(roots, "cvusa", COLUMNS, "unknown")
    assert (turned.heading_within_15_deg or 0) >= 0.8
    assert measure(roots, "cvusa", COLUMNS, "known").heading_within_15_deg is None


def test_a_narrow_network_is_measured_in_the_middle_or_turned(roots: dict[str, Path]) -> None:
    known = measure(roots, "cvusa", StripEncoder(120.0), "known", 120.0)
    turned = measure(roots, "cvusa", StripEncoder(120.0), "unknown")
    assert (known.fov_deg, turned.fov_deg, known.turned, turned.turned) == (120.0, 120.0, False, True)
    assert known.recall_at_5 >= 0.8 >= 0.4 >= turned.recall_at_5


def test_narrower_is_harder(roots: dict[str, Path]) -> None:
    whole, part = (measure(roots, "cvusa", COLUMNS, "unknown", fov).recall_at_1 for fov in (360.0, 70.0))
    assert whole >= part


def test_positions_give_metres_of_the_best_tile(roots: dict[str, Path]) -> None:
    found = measure(roots, "vigor-same", COLUMNS, "known")
    assert found.errors is not None
    assert found.errors.queries == 4
    assert found.hit_rate is not None
    assert found.hit_rate >= found.recall_at_1
    if found.recall_at_1 == 1.0:
        assert found.median_error_m == pytest.approx(np.hypot(10, 8), abs=0.1)


def test_a_figure_can_be_had_again(roots: dict[str, Path]) -> None:
    first, again = (measure(roots, "cvusa", COLUMNS, "unknown", 90.0) for _ in range(2))
    assert first == again


def test_a_wrong_network_is_refused_before_anything_is_described(roots: dict[str, Path], tmp_path: Path) -> None:
    encoder, protocol = StripEncoder(90.0), PROTOCOLS["cvusa"]
    pairs = protocol.open(roots["cvusa"])
    settings = protocol.settings(encoder.manifest, orientation="unknown", fov_deg=180.0)
    with pytest.raises(UsageError, match="180"):
        evaluate_protocol(encoder, pairs, "cvusa", settings, embeddings=tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_corrected_labels_are_another_data_set(roots: dict[str, Path]) -> None:
    assert PROTOCOLS["vigor-cross"].open(roots["vigor"], "corrected").name == "vigor-cross-test-corrected"


def test_an_unknown_protocol_is_named() -> None:
    with pytest.raises(UsageError, match="cvusa, cvact-val"):
        find_protocol("cvusb")


def test_published_tiles_are_never_cut() -> None:
    assert PROTOCOLS["cvusa"].settings(COLUMNS.manifest, orientation="known").footprint_m is None
    with pytest.raises(UsageError, match="whole tiles"):
        PROTOCOLS["cvusa"].settings(COLUMNS.manifest, orientation="known", footprint_m=50.0)


def test_a_camera_anywhere_is_compared_with_every_cell_and_a_centred_one_with_the_middle(
    roots: dict[str, Path], tmp_path: Path
) -> None:
    encoder = FakeEncoder(columns=12, cells=Cells(per_side=3, spacing_m=8.0))
    kept = {}
    for name in ("cvusa", "vigor-same"):
        protocol = PROTOCOLS[name]
        pairs, settings = (
            protocol.open(roots[name.split("-")[0]]),
            protocol.settings(encoder.manifest, orientation="known"),
        )
        run = run_protocol(encoder, pairs, name, settings, tmp_path / name)
        kept[name] = run.measured.embeddings.meta.cells, len(run.measured.embeddings.aerial)
    assert kept == {"cvusa": (1, 30), "vigor-same": (9, 24 * 9)}
    assert not PROTOCOLS["vigor-same"].settings(COLUMNS.manifest, orientation="known").all_cells
