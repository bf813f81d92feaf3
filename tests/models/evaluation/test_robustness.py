from __future__ import annotations

from pathlib import Path

import pytest

from models.encoder import FakeEncoder
from models.evaluation.protocols import PROTOCOLS
from models.evaluation.robustness import Robustness, measure_robustness
from models.evaluation.run import Run, run_protocol
from models.evaluation.settings import Settings
from tests.models.datasets.made import made_cvusa

CORRUPTIONS, SEVERITIES = ("gaussian_noise", "contrast"), (1, 5)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Robustness, Path]:
    folder = tmp_path_factory.mktemp("robustness")
    encoder, protocol = FakeEncoder(12), PROTOCOLS["cvusa"]
    pairs = protocol.open(made_cvusa(folder / "cvusa", 24, val=20))
    settings = protocol.settings(encoder.manifest, orientation="known")

    def run(chosen: Settings, target: Path, gallery: Path | None) -> Run:
        return run_protocol(encoder, pairs, "cvusa", chosen, target, gallery=gallery)

    clean = run(settings, folder / "clean", None)
    found = measure_robustness(
        clean,
        CORRUPTIONS,
        SEVERITIES,
        lambda name, severity, target: run(settings.corrupted(name, severity), target, folder / "clean"),
    )
    return found, folder / "clean"


def test_there_is_a_row_for_every_corruption_and_severity(measured: tuple[Robustness, Path]) -> None:
    found, folder = measured
    assert [(row.corruption, row.severity) for row in found.rows] == [(c, s) for c in CORRUPTIONS for s in SEVERITIES]
    assert found.clean.corruption is None
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {
        "gaussian_noise-1",
        "gaussian_noise-5",
        "contrast-1",
        "contrast-5",
    }


def test_means_are_over_severities_and_over_all(measured: tuple[Robustness, Path]) -> None:
    found, _ = measured
    by_name = {(row.corruption, row.severity): row.recall_at_1 for row in found.rows}
    noise, contrast = found.means
    assert (noise.corruption, noise.severities) == ("gaussian_noise", (1, 5))
    assert noise.recall_at_1 == pytest.approx((by_name["gaussian_noise", 1] + by_name["gaussian_noise", 5]) / 2)
    assert found.overall.recall_at_1 == pytest.approx((noise.recall_at_1 + contrast.recall_at_1) / 2)


def test_lost_contrast_costs_a_model_of_mean_colours(measured: tuple[Robustness, Path]) -> None:
    found, _ = measured
    by_name = {(row.corruption, row.severity): row.recall_at_1 for row in found.rows}
    assert by_name["contrast", 5] < found.clean.recall_at_1
    assert by_name["gaussian_noise", 1] >= 0.5 * found.clean.recall_at_1


def test_photos_are_spoiled_and_tiles_are_not(measured: tuple[Robustness, Path]) -> None:
    _, folder = measured
    spoiled = folder / "contrast-5"
    assert (spoiled / "aerial.npy").read_bytes() == (folder / "aerial.npy").read_bytes()
    assert (spoiled / "ground.npy").read_bytes() != (folder / "ground.npy").read_bytes()
