from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from models.bundle import ModelBundle
from models.commands.evaluate import command as evaluate
from models.commands.evaluate_conditions import ALL_CORRUPTIONS, condensed, lines, markdown
from models.errors import UsageError
from models.evaluation.endurance import Endurance, Endured
from models.evaluation.photographs import Setting

WIDE, NARROW = Setting(360.0, "unknown"), Setting(90.0, "unknown")
CITY = ("--city", "3", "--places", "4", "--extent", "100", "--conditions")


def _endured(condition: str, family: str, severity: int | None, setting: Setting, recall: float) -> Endured:
    return Endured(
        condition=condition,
        family=family,
        severity=severity,
        fov_deg=setting.fov_deg,
        orientation=setting.orientation,
        recall_at_1=recall,
        recall_at_5=1.0,
        drop_at_1=0.9 - recall,
        drop_at_5=0.0,
        drop_at_1_error=0.01,
    )


def _found() -> Endurance:
    rows = [
        _endured(name, family, severity, setting, recall)
        for setting in (WIDE, NARROW)
        for name, family, severity, recall in (
            ("clear-day", "clear", None, 0.9),
            ("frost", "corruption", 1, 0.8),
            ("frost", "corruption", 5, 0.4),
            ("fog", "corruption", 1, 0.6),
            ("fog", "corruption", 5, 0.2),
        )
    ]
    return Endurance(protocol="sample-city-centre, seed 3", queries=10, gallery=10, rows=tuple(rows))


def test_corruptions_are_condensed_to_their_means() -> None:
    rows = condensed(_found(), NARROW)
    assert [row.condition for row in rows] == ["clear-day", "frost", "fog", ALL_CORRUPTIONS]
    assert [row.recall_at_1 for row in rows] == pytest.approx([0.9, 0.6, 0.4, 0.5])
    assert [row.drop_at_1_error for row in rows] == pytest.approx([0.01] * 4)


def test_a_line_has_a_name_and_four_cells_a_setting() -> None:
    first, frost, *_ = lines(_found(), [WIDE, NARROW])
    assert first == ("clear-day", "90.0", "100.0", "", "", "90.0", "100.0", "", "")
    assert frost[:5] == ("frost", "60.0", "100.0", "30.0 ± 1.0", "80 40")


def test_markdown_carries_its_command_and_is_one_table() -> None:
    text = markdown(_found(), [WIDE, NARROW], "tiny@1", "skyfix evaluate --city 3 --conditions").splitlines()
    assert text[0] == "    skyfix evaluate --city 3 --conditions"
    rows = [line for line in text if line.startswith("|")]
    assert len(rows) == 2 + 4
    assert {line.count("|") for line in rows} == {10}


def test_one_command_measures_every_condition(tiny_bundle: ModelBundle) -> None:
    given = ("--bundle", str(tiny_bundle.folder), *CITY, "--severity", "3", "--fov", "90", "--json")
    result = CliRunner().invoke(evaluate, given)
    assert result.exception is None, result.exception
    found = json.loads(result.stdout)
    assert (found["model"], found["queries"], len(found["rows"]), len(found["means"])) == ("mean-colour@1", 4, 26, 27)
    assert found["rows"][0]["condition"] == "clear-day"
    assert "--conditions" in found["command"]


@pytest.mark.parametrize(
    "given",
    [
        ("--conditions", "--pairs", "pairs.csv"),
        (*CITY, "--record"),
        (*CITY, "--stride", "16"),
        ("--city", "3", "--markdown"),
    ],
)
def test_what_does_not_go_together_is_refused(tiny_bundle: ModelBundle, tmp_path: Path, given: tuple[str, ...]) -> None:
    given = tuple(str(tmp_path / word) if word.endswith(".csv") else word for word in given)
    result = CliRunner().invoke(evaluate, ["--bundle", str(tiny_bundle.folder), *given])
    assert isinstance(result.exception, UsageError)
