from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import DatasetError
from models.evaluation.evidence import CellEvidence

PAIR = np.array([0.0, np.nan])
EVIDENCE = CellEvidence(
    similarity=np.array([[0.9, 0.5], [0.4, 0.3]], np.float32),
    x_m=np.array([[3.0, 0.0], [8.0, 9.0]]),
    y_m=np.array([[4.0, 1.0], [8.0, 9.0]]),
    heading_deg=np.array([[10.0, 20.0], [30.0, 40.0]]),
    background_mean=np.array([0.1, 0.2], np.float32),
    background_std=np.array([0.05, 0.06], np.float32),
    true_x_m=PAIR,
    true_y_m=PAIR,
    true_heading_deg=np.array([11.0, 99.0]),
    fov_deg=np.array([90.0, 90.0]),
    gallery_cells=50,
    spacing_m=6.4,
)


def test_errors_are_known_inside_the_gallery_only() -> None:
    assert EVIDENCE.inside.tolist() == [True, False]
    assert EVIDENCE.error_m[0].tolist() == [5.0, 1.0]
    assert np.isnan(EVIDENCE.error_m[1]).all()


def test_evidence_comes_back_as_it_was(tmp_path: Path) -> None:
    EVIDENCE.save(tmp_path / "one.npz")
    found = CellEvidence.load(tmp_path / "one.npz")
    for field in fields(CellEvidence):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(EVIDENCE, field.name))
    assert type(found.gallery_cells) is int


@pytest.mark.parametrize("name", ["x_m", "true_heading_deg"])
def test_fields_of_another_length_are_refused(name: str) -> None:
    with pytest.raises(DatasetError, match=name):
        replace(EVIDENCE, **{name: np.zeros(3)})  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"none"])
def test_a_file_that_holds_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.npz").write_bytes(content)
    with pytest.raises(DatasetError, match=r"one\.npz"):
        CellEvidence.load(tmp_path / "one.npz")
