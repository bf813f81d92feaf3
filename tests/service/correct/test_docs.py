"""docs/correct.md: its tables are those of the code, and every notice, setting and format that it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.correct.reading import ACCEPTED, FORMATS
from service.settings import Settings
from tests.service.correct.tables import TABLES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/correct.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_one_of_the_code(name: str) -> None:
    missing = [line for line in TABLES[name].splitlines() if line not in PAGE.splitlines()]
    assert missing == [], "docs/correct.md lacks:\n" + "\n".join(missing)
    assert TABLES[name] in PAGE


def test_notices_are_in_the_code() -> None:
    said = set(re.findall(r"`(\w+)`", PAGE.split("Notices of a call")[1].split("\n\n")[0]))
    words = {
        node.value
        for folder in ("correct", "fleet", "track_files")
        for path in (ROOT / "service" / folder).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert said <= words, said - words
    assert len(said) > 10


def test_settings_formats_and_types_exist() -> None:
    settings = {name.lower() for name in re.findall(r"SKYFIX_(\w+)", PAGE)}
    assert settings <= set(Settings.model_fields), settings
    assert set(re.findall(r"\| `(\w+)` \| in a form \|", PAGE)) == set(FORMATS) - {"skyfix"}
    assert set(re.findall(r"\| `([\w/+-]+)` \| (?:\||`)", PAGE)) == set(ACCEPTED)


def test_options_are_those_of_the_command() -> None:
    told = CliRunner().invoke(main, ["correct", "--help"]).stdout
    shown = PAGE.split("## POST /correct")[0].split("skyfix correct", 1)[1]
    options = set(re.findall(r"(--[a-z-]+)", shown)) - {"--seed", "--panoramas", "--source", "--name"}
    assert options <= set(re.findall(r"(--[a-z-]+)", told)), options


@pytest.mark.parametrize("code", re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
def test_python_is_python(code: str) -> None:
    ast.parse(code)
