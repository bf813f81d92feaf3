"""What a build left out, by reason."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from models.errors import IndexMismatch

COLUMNS = ("id", "code", "reason")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Tiles of one reason."""

    code: str
    count: int
    first_id: str
    first_reason: str


def read_left_out(path: Path) -> list[LeftOut]:
    """Count the rows of a quarantine.csv by code, the most frequent first.

    Raises:
        IndexMismatch: not such a file.
    """
    found: dict[str, LeftOut] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if not set(COLUMNS) <= set(reader.fieldnames or ()):
            raise IndexMismatch(f"{path} has the columns {reader.fieldnames}; a quarantine list has {list(COLUMNS)}.")
        for row in reader:
            code = row["code"]
            held = found.get(code) or LeftOut(code, 0, row["id"], row["reason"])
            found[code] = LeftOut(code, held.count + 1, held.first_id, held.first_reason)
    return sorted(found.values(), key=lambda one: -one.count)
