"""Sample photos that a page offers to click: pictures and, in samples.json, what is told of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from models.errors import UsageError

LIST = "samples.json"
MOST = 60
TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


class Place(TypedDict):
    """WGS84 degrees."""

    lat: float
    lon: float


class Told(TypedDict):
    """One sample as the page is told of it."""

    file: str
    caption: str
    fields: dict[str, str]
    """Flat fields of POST /localize."""
    truth: Place | None


@dataclass(frozen=True, slots=True)
class Sample:
    path: Path
    media_type: str
    told: dict[str, Any]


def read_samples(folder: Path) -> dict[str, Sample]:
    """Read what a folder offers, by file name.

    Raises:
        UsageError: samples.json is missing, malformed, or names files that are not pictures beside it.
    """
    try:
        listed = TypeAdapter(list[Told]).validate_json((folder / LIST).read_bytes(), strict=True)
    except OSError as error:
        raise UsageError(f"{folder / LIST} cannot be read: {error.strerror}. `skyfix demo` writes one.") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{folder / LIST} is no list of samples: {where} {first['msg']}.") from None
    return dict(_sample(folder, told) for told in listed[:MOST])


def _sample(folder: Path, told: Told) -> tuple[str, Sample]:
    path = folder / told["file"]
    if Path(told["file"]).name != told["file"] or path.suffix.lower() not in TYPES or not path.is_file():
        raise UsageError(f"{folder / LIST} names {told['file']!r}, which is no JPEG, PNG or WebP file beside it.")
    return told["file"], Sample(path, TYPES[path.suffix.lower()], dict(told))


def write_samples(folder: Path, listed: list[Told]) -> None:
    """Write the list for pictures that lie in the folder already."""
    (folder / LIST).write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
