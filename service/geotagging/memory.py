"""What is known of photos from earlier runs: the journal of a report folder, asked by photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from index.journal import Journal
from models.disk import DISK, Disk
from service.geotagging.placement import Found, Placement
from service.geotagging.told import Told, told_from
from service.geotagging.walk import REPORT_MARK, Photo

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What a look at a photo's bytes gave: a position in it, an answer, or why there is neither."""

    sha256: str
    found: Found | None = None
    told: Told | None = None
    code: str = ""
    detail: str = ""


class Memory:
    """Looks that were taken, one line each; one at a photo that has changed since, or with another question, is none.

    Args:
        folder: of the report; it exists.
        question: whatever the answers depend on besides the photo.
        disk: what to write through.
    """

    def __init__(self, folder: Path, question: str, disk: Disk = DISK) -> None:
        self._journal = Journal(folder / REPORT_MARK, disk)
        self._question = question
        self._looks: dict[str, Record] = {}
        for record in self._journal.records:
            self._looks[record["photo"]] = record
        self._journal.records.clear()

    def recall(self, photo: Photo) -> Known | None:
        """Give the last look at a photo if it is of the same size and time."""
        record = self._looks.get(photo.name)
        if record is None or (record["size"], record["mtime_ns"]) != (photo.size, photo.mtime_ns):
            return None
        return self._known(record)

    def recall_bytes(self, photo: Photo, sha256: str) -> Known | None:
        """Give the last look at a photo if it held the same bytes."""
        record = self._looks.get(photo.name)
        return None if record is None or record["sha256"] != sha256 else self._known(record)

    def _known(self, record: Record) -> Known | None:
        if "told" in record and record["question"] != self._question:
            return None
        found = dict(record["found"]) if "found" in record else None
        own = found.get("own") if found else None
        return Known(
            sha256=record["sha256"],
            found=Found(**{**found, "own": Placement(**own) if own else None}) if found else None,
            told=told_from(record["told"]) if "told" in record else None,
            code=record.get("code", ""),
            detail=record.get("detail", ""),
        )

    def keep(self, photo: Photo, known: Known) -> None:
        """Write a look down, unless it is there already."""
        record: dict[str, Any] = {
            "photo": photo.name,
            "size": photo.size,
            "mtime_ns": photo.mtime_ns,
            "sha256": known.sha256,
        }
        if known.found is not None:
            record["found"] = asdict(known.found)
        if known.told is not None:
            record |= {"told": known.told.record(), "question": self._question}
        if known.code:
            record |= {"code": known.code, "detail": known.detail}
        if self._looks.get(photo.name) != record:
            self._looks[photo.name] = record
            self._journal.append(record)
            self._journal.records.clear()
