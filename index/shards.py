"""A shard: a few thousand of a source's items, described and kept on disk until the index is put together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index.describer import Float16s
from index.harvest import Harvest
from index.producer import NO_PIXELS
from index.tiles import BadTile, Tile
from models.artefact import sha256_file
from models.disk import Disk


@dataclass(frozen=True, slots=True)
class Shard:
    """The items `first` to `first + items` of a source; row i of the file `rows_path` describes tile i."""

    first: int
    items: int
    ids: str
    """Hash over the ids of its items."""
    tiles: Sequence[Tile]
    digests: Sequence[str]
    bad: Sequence[BadTile]
    rows_path: Path

    @property
    def end(self) -> int:
        return self.first + self.items

    @property
    def rows(self) -> Float16s:
        """(n, D) or (n, C, D), mapped into memory."""
        rows: Float16s = np.load(self.rows_path, mmap_mode="r", allow_pickle=False)
        return rows


def write_shard(folder: Path, name: str, harvest: Harvest, empty: Float16s, disk: Disk) -> tuple[Shard, dict[str, Any]]:
    """Write what was gathered and force it to the disk.

    Args:
        folder, name: where; two files.
        harvest: complete.
        empty: rows of no tile, (0, …).
        disk: what to write through.

    Returns:
        The shard, and its record for the journal.
    """
    rows_path, tiles_path = folder / f"{name}.npy", folder / f"{name}.json"
    with disk.create(rows_path) as stream:
        np.save(stream, np.ascontiguousarray(np.concatenate([empty, *harvest.rows])), allow_pickle=False)
    disk.fsync(rows_path)
    document = {
        "tiles": [
            (
                tile.id,
                tile.lat,
                tile.lon,
                tile.footprint_m,
                tile.ground_resolution_m,
                tile.captured,
                tile.source,
                digest,
            )
            for tile, digest in zip(harvest.tiles, harvest.digests, strict=True)
        ],
        "attributions": [tile.attribution for tile in harvest.tiles],
        "bad": [(bad.id, bad.code, bad.reason) for bad in harvest.bad],
    }
    disk.write_file(tiles_path, json.dumps(document).encode("ascii"))
    disk.fsync(folder)
    ids = harvest.ids.hexdigest()
    record = {
        "shard": name,
        "first": harvest.first,
        "items": harvest.items,
        "ids": ids,
        "sha256": [sha256_file(rows_path), sha256_file(tiles_path)],
    }
    return Shard(harvest.first, harvest.items, ids, harvest.tiles, harvest.digests, harvest.bad, rows_path), record


def read_shard(folder: Path, record: dict[str, Any]) -> Shard | None:
    """Read a shard as the journal lists it; None if a file is gone or not as it was written."""
    paths = [folder / f"{record['shard']}.{suffix}" for suffix in ("npy", "json")]
    if not all(path.is_file() for path in paths) or [sha256_file(path) for path in paths] != record["sha256"]:
        return None
    document = json.loads(paths[1].read_bytes())
    credited = document.get("attributions", [None] * len(document["tiles"]))  # there were none once
    tiles = [
        Tile(identifier, lat, lon, NO_PIXELS, footprint_m, resolution_m, captured, source, credit)
        for (identifier, lat, lon, footprint_m, resolution_m, captured, source, _), credit in zip(
            document["tiles"], credited, strict=True
        )
    ]
    digests = [entry[-1] for entry in document["tiles"]]
    bad = [BadTile(*entry) for entry in document["bad"]]
    return Shard(record["first"], record["items"], record["ids"], tiles, digests, bad, paths[0])
