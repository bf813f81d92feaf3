from __future__ import annotations

from pathlib import Path

import pytest

from models.importing.published import DatasetName, choose_dataset

ALL: tuple[DatasetName, ...] = ("cvusa", "cvact", "vigor", "university")


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("cvact/weights_e36_90.8149.pth", "cvact"),
        ("vigor_same/weights_e40_0.7786.pth", "vigor"),
        ("somewhere/CVACT_best.pth", "cvact"),
        ("somewhere/weights.pth", "cvusa"),
        ("cvusa/after_cvact.pth", "cvusa"),
    ],
)
def test_the_path_tells_the_data_set(file: str, found: DatasetName) -> None:
    chosen = choose_dataset(Path(file), None, ALL)
    assert chosen.dataset == found
    assert "--dataset replaces it" in chosen.note


def test_what_is_given_needs_no_note() -> None:
    chosen = choose_dataset(Path("cvact/x.pth"), "vigor", ALL)
    assert (chosen.dataset, chosen.note) == ("vigor", "")


def test_what_alone_fits_needs_no_note() -> None:
    assert choose_dataset(Path("x.pth"), None, ("vigor",)).note == ""
