"""Which indexes and model bundles a server is given: one, or several by name, from the command line or a variable."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from index.manifest import NAME_PATTERN

NAMED = re.compile(rf"({NAME_PATTERN.strip('^$')})=(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class IndexAt:
    """An index folder or region, and the name it is to be served by; "" for its own."""

    name: str
    path: Path


def read_index_at(text: str) -> IndexAt:
    """Take NAME=PATH apart, or PATH; a relative path with = in its first part is written ./PATH."""
    named = NAMED.fullmatch(text)
    return IndexAt(named[1], Path(named[2])) if named else IndexAt("", Path(text))


def _listed(given: object) -> list[object]:
    """Split a variable at the system's path separator; a single path stands for a list of one."""
    if isinstance(given, str):
        return [part for part in given.split(os.pathsep) if part]
    return list(given) if isinstance(given, Sequence) else [given]


def _indexes(given: object) -> tuple[IndexAt, ...]:
    found = tuple(each if isinstance(each, IndexAt) else read_index_at(str(each)) for each in _listed(given))
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        what = f"{twice} is given twice" if twice else "more than one index has no name"
        raise PydanticCustomError("names", "{what}; write NAME=DIR for each of several", {"what": what})
    return found


def _paths(given: object) -> tuple[Path, ...]:
    return tuple(Path(str(each)) for each in _listed(given))


Indexes = Annotated[tuple[IndexAt, ...], NoDecode, BeforeValidator(_indexes)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_paths)]
