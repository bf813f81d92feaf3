"""The unfinished work of a job: a folder in the index folder with a journal and the shards that it lists."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from index.bundle import resolve_generation
from index.describer import Float16s
from index.harvest import Harvest
from index.journal import Journal, read_records
from index.shards import Shard, read_shard, write_shard
from models.artefact import canonical_json
from models.disk import Disk
from models.errors import BundleMissing, OutputUnfinished

WORK = ".unfinished"
JOURNAL = "journal.jsonl"
FORMAT = 1
BASE = "from generation"
"""The setting that names it."""
Settings = dict[str, Any]


class Workspace:
    """What a job has done so far. Hold `lock_root` around it.

    Args:
        root: the index folder.
        settings: whatever decides the result; unfinished work under others is refused.
        fresh: what is decided when the work begins and kept when it is resumed.
        disk: what to write through.
        restart: throw unfinished work away.

    Raises:
        OutputUnfinished: there is unfinished work under other settings, with shards that would be lost.
    """

    def __init__(self, root: Path, settings: Settings, fresh: Settings, disk: Disk, restart: bool = False) -> None:
        settings = json.loads(canonical_json(settings))
        self.folder, self._disk = root / WORK, disk
        self.shards: list[Shard] = []
        """What was finished, none overlapping another, by their place in the source."""
        if restart:
            self.discard()
        self._journal = self._open(settings)
        if not self._journal.records:
            self.discard()
            disk.mkdir(self.folder)
            disk.fsync(root)
            self._journal = Journal(self.folder / JOURNAL, disk)
            self._journal.append({"format": FORMAT, "settings": settings, **fresh})
            disk.fsync(self.folder)
        self.begun: Settings = self._journal.records[0]
        """The first record: the settings and what was decided when the work began."""
        listed = [record for record in self._journal.records if "shard" in record]
        self._next = len(listed)
        newest = {record["first"]: record for record in listed}
        for first in sorted(newest):
            shard = read_shard(self.folder, newest[first])
            if shard is not None and (not self.shards or shard.first >= self.shards[-1].end):
                self.shards.append(shard)

    def _open(self, settings: Settings) -> Journal:
        """Open the journal of these settings; an empty one in place of one that nothing would be lost with."""
        journal = Journal(self.folder / JOURNAL, self._disk)
        if not journal.records:
            return journal
        begun = journal.records[0]
        found = {**begun.get("settings", {}), "format": begun.get("format")}
        wanted = {**settings, "format": FORMAT}
        other = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
        if not other:
            return journal
        shards = sum("shard" in record for record in journal.records)
        if shards and not _is_current(self.folder.parent, begun.get("generation")):
            differences = "; ".join(
                f"{key} was {_short(found.get(key))}, is {_short(wanted.get(key))}" for key in other
            )
            raise OutputUnfinished(
                f"{self.folder} holds {shards} finished shard(s) of another job: {differences}. "
                "Run the command that began it again, or add --restart to throw its work away."
            )
        self.discard()
        return Journal(self.folder / JOURNAL, self._disk)

    def keep(self, harvest: Harvest, empty: Float16s) -> Shard:
        """Write a shard and list it; from here on it is not done again."""
        shard, record = write_shard(self.folder, f"shard-{self._next:06d}", harvest, empty, self._disk)
        self._journal.append(record)
        self._next += 1
        self.shards.append(shard)
        return shard

    def discard(self) -> None:
        """Throw the work away; from the first moment on it is either all there or gone."""
        if self.folder.exists():
            doomed = self.folder.with_name(f"{WORK}.tmp-{secrets.token_hex(4)}")
            self._disk.rename(self.folder, doomed)
            self._disk.fsync(self.folder.parent)
            self._disk.remove(doomed)
        self.shards = []


def _is_current(root: Path, generation: object) -> bool:
    """Whether a job had published already, and only its work was not cleared away."""
    try:
        return resolve_generation(root).name == f"gen-{generation}"
    except BundleMissing:
        return False


def begun_from(root: Path) -> int | None:
    """The generation that unfinished work takes rows from, if there is such work."""
    path = root / WORK / JOURNAL
    records = read_records(path)
    generation = records[0].get("settings", {}).get(BASE) if records else None
    return generation if isinstance(generation, int) else None


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
