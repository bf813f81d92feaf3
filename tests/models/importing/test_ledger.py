from __future__ import annotations

import pytest

from models.errors import UsageError
from models.importing.ledger import SAMPLE4GEO_CODE, TRANSGEO_CODE, Declared, licence_line, licence_notes, make_ledger
from models.importing.published import DatasetName, footprint


def test_what_the_operator_declares_is_recorded_as_theirs() -> None:
    declared = Declared("CC-BY-4.0", "A. Company", "https://example.org/w", "ODbL-1.0", "own survey")
    code, weights, data = make_ledger(declared, TRANSGEO_CODE, "cvusa")
    assert (code.licence, code.declared_by) == ("MIT", "skyfix")
    assert weights.model_dump() == {
        "subject": "weights",
        "licence": "CC-BY-4.0",
        "holder": "A. Company",
        "source": "https://example.org/w",
        "declared_by": "operator",
    }
    assert (data.licence, data.source, data.declared_by) == ("ODbL-1.0", "own survey", "operator")
    assert licence_notes((code, weights, data)) == []


def test_what_nobody_declared_is_called_that() -> None:
    ledger = make_ledger(Declared())
    assert licence_line(ledger) == "weights: not declared; training data: not declared"
    assert [note.split(";")[-1] for note in licence_notes(ledger)] == [
        " --weights-licence declares it.",
        " --training-data-licence declares it.",
    ]


def test_code_without_a_licence_is_the_operators_to_settle() -> None:
    ledger = make_ledger(Declared("own"), SAMPLE4GEO_CODE, "vigor")
    assert licence_line(ledger) == "code: none stated; weights: own; training data: academic use only, on request"
    assert "github.com/Skyy93/Sample4Geo states no licence" in licence_notes(ledger)[0]


@pytest.mark.parametrize(("dataset", "side_m"), [("cvusa", 172.05), ("cvact", 146.21), ("vigor", 72.96)])
def test_footprints_follow_from_pixels_and_zoom(dataset: DatasetName, side_m: float) -> None:
    assumed = footprint(dataset, None)
    assert assumed.side_m == side_m
    assert assumed.assumption.startswith(f"assumed {side_m:g} m a side")
    assert footprint(dataset, 50.0).side_m == 50
    assert footprint(dataset, 50.0).assumption == ""


def test_an_unknown_footprint_is_asked_for() -> None:
    with pytest.raises(UsageError, match="give --footprint-m"):
        footprint("university", None)
