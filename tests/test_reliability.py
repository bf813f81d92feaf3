"""RELIABILITY.md names tests; each of them is there, and each that is called slow is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LINES = [
    line for line in (TESTS.parent / "RELIABILITY.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")
]
PROMISES = [line.split(" | ") for line in LINES if "`" in line]
TIMES = re.compile(r"\bslow\b")


def _named(cell: str) -> list[tuple[str, str]]:
    """Files and tests (or none) of a cell; `::test` alone is of the file before it."""
    found: list[tuple[str, str]] = []
    for name in re.findall(r"`([^`]+)`", cell):
        file, _, test = name.partition("::")
        found.append((file or found[-1][0], test))
    return found


def test_promises_were_found() -> None:
    assert len(PROMISES) > 15
    assert all(len(cells) == 3 for cells in PROMISES)


@pytest.mark.parametrize("cells", PROMISES, ids=lambda cells: cells[0].strip("| ")[:50])
def test_what_shows_a_promise_is_there(cells: list[str]) -> None:
    named = _named(cells[1])
    assert named
    for file, test in named:
        text = (TESTS / file).read_text(encoding="utf-8")
        assert f"def {test}(" in text if test else re.search(r"def test_|conformance", text)


@pytest.mark.parametrize("cells", [cells for cells in PROMISES if TIMES.search(cells[1])], ids=lambda cells: cells[0])
def test_what_is_called_slow_is_left_out_of_the_quick_run(cells: list[str]) -> None:
    assert any("pytest.mark.slow" in (TESTS / file).read_text(encoding="utf-8") for file, _ in _named(cells[1]))
