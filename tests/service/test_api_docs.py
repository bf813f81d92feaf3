"""docs/api.md: its tables are those of the code, and every code, header and path that it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from service.catalogue import CATALOGUE
from service.requests import RAW_TYPES
from tests.service.tables import TABLES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_one_of_the_code(name: str) -> None:
    expected = TABLES[name].replace("| maybe |", "| *maybe* |")
    missing = [line for line in expected.splitlines() if line not in PAGE.splitlines()]
    assert missing == [], "docs/api.md lacks:\n" + "\n".join(missing)
    assert expected in PAGE


def test_notices_are_those_of_the_code() -> None:
    said = set(re.findall(r"`(\w+)`", PAGE.split("Notices: ")[1].split("\n\n")[0]))
    made = {
        node.args[0].value
        for path in (ROOT / "service").rglob("*.py")
        if "commands" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Notice"
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert said == made


def test_the_types_of_images_are_those_that_are_taken() -> None:
    body = PAGE.split("the file itself as the body")[1].split("\n- ")[0]
    assert set(re.findall(r"image/\w+", body)) == set(RAW_TYPES)


def test_no_code_of_another_name_is_told() -> None:
    known = {entry.code for entry in CATALOGUE}
    rows = re.findall(r"^\| \d{3} \| `(\w+)`", PAGE, re.MULTILINE)
    assert set(rows) == known
    assert len(rows) == len(known)
