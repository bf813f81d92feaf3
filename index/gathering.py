"""The middle of the index job: walk through the source, describe what is new, keep it shard by shard."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from index.describer import Float16s, row_shape
from index.engines.describing import Describing
from index.harvest import Harvest, Tally, add_id
from index.producer import Item, Prepared, produce
from index.shards import Shard
from index.tiles import BadTile, Tile, TileSource
from index.workspace import Workspace
from models.errors import EncoderNonFinite, JobStopped, SourceChanged, TileDuplicate

AHEAD = 4
"""Batches handed out beyond those being described, so that no thread waits while a shard is written."""
SHOW_EVERY = 16
LASTING = (TileDuplicate.code, EncoderNonFinite.code)
"""What is wrong with a tile that its source finds nothing wrong with."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build has come; `total` is an estimate."""

    indexed: int
    quarantined: int
    total: int
    resumed: int = 0
    """Of the indexed ones, those that were not described now: of finished shards, or taken over."""


class Known(Protocol):
    """Rows that may be taken over instead of being made again."""

    def row(self, identifier: str, digest: str) -> Float16s | None:
        """Give the row, (D,) or (C, D), of a tile whose pixels had this digest."""

    def has(self, identifier: str, digest: str) -> bool: ...


class Nothing:
    def row(self, identifier: str, digest: str) -> Float16s | None:  # noqa: ARG002
        return None

    def has(self, identifier: str, digest: str) -> bool:  # noqa: ARG002
        return False


Place = tuple[str, float, float]
"""Digest, lat and lon of a tile."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a source is gone through; only the batch has an influence on the rows."""

    batch: int
    workers: int
    shard_tiles: int
    max_bad_ratio: float
    on_progress: Callable[[Progress], None] | None = None
    stopped: Callable[[], bool] | None = None


class Gathering:
    """One walk through a source; afterwards `work` holds all its shards.

    Args:
        source: tiles.
        describer: the encoder; it works on `pace.workers` batches at once.
        work: what was finished before, and where more is kept.
        known: rows to take over.
        taken: tiles that are in the index already, id -> place; the same id elsewhere is a conflict.
        pace: sizes, limits and whom to tell.
    """

    def __init__(
        self,
        source: TileSource,
        describer: Describing,
        work: Workspace,
        known: Known,
        taken: dict[str, Place],
        pace: Pace,
    ) -> None:
        self._source, self._describer, self._work, self._known, self._pace = source, describer, work, known, pace
        self._empty = np.empty((0, *row_shape(describer.encoder)), dtype=np.float16)
        self._done = list(work.shards)
        self._starts = [shard.first for shard in self._done]
        self._places = dict(taken)
        self._refused: set[str] = set()
        self.tally = Tally()
        for shard in self._done:
            self._places.update(zip_places(shard.tiles, shard.digests))
            self._refused.update(bad.id for bad in shard.bad if bad.code in LASTING)
            self.tally.count(len(shard.tiles), shard.bad)
        self._resumed = self.tally.good
        self._harvest: Harvest | None = None
        self._waiting: list[Prepared] = []
        self._under_way: deque[tuple[Harvest, list[Prepared], Future[Float16s] | Float16s | None]] = deque()
        self._writing: Future[Shard] | None = None
        self._passed = _Passed()
        self._position = 0

    def run(self) -> Tally:
        """Walk through the source to its end.

        Raises:
            TooManyBadTiles, SourceUnavailable: see Tally. SourceChanged: a finished shard is not of this source.
            JobStopped: as was asked; what could be kept was.
        """
        expected = self._source.count
        view = self._describer.encoder.manifest.aerial
        self._show(expected)
        with (
            ThreadPoolExecutor(1, "write") as self._writer,
            produce(self._source, view, self._ahead, self._wanted) as items,
        ):
            for item in items:
                self._take(item, expected)
                self._position += 1
                if self._position % SHOW_EVERY == 0:
                    self._show(expected)
                if self._pace.stopped is not None and self._pace.stopped():
                    self._stop()
            self._close()
            self._settle(0)
            self._written()
        self._passed.check(self._done)
        self._show(expected)
        self.tally.check(self._pace.max_bad_ratio)
        return self.tally

    @property
    def _ahead(self) -> int:
        return 2 * self._pace.batch * (self._pace.workers + AHEAD)

    @property
    def described(self) -> int:
        """Good tiles that were described in this walk."""
        return self.tally.good - self._resumed

    def _wanted(self, number: int, identifier: str, digest: str) -> bool:
        return self._finished(number) is None and not self._known.has(identifier, digest)

    def _finished(self, number: int) -> Shard | None:
        """The finished shard that an item belongs to."""
        found = bisect_right(self._starts, number) - 1
        return self._done[found] if found >= 0 and number < self._done[found].end else None

    def _take(self, item: Item, expected: int) -> None:
        identifier = item.tile.id if isinstance(item, Prepared) else item.id
        shard = self._finished(self._position)
        if shard is not None:
            self._close()
            self._pass(item, identifier, shard)
            return
        self.tally.check_readable(item if isinstance(item, BadTile) else None)
        if self._harvest is None:
            self._harvest = Harvest(self._position)
        self._harvest.see(identifier)
        self._admit(self._harvest, item, expected)
        if (self._position + 1) % self._pace.shard_tiles == 0:
            self._close()

    def _pass(self, item: Item, identifier: str, shard: Shard) -> None:
        self._passed.see(shard, identifier)
        if isinstance(item, Prepared) and identifier not in self._refused:
            place = self._places.get(identifier)
            if place != (item.digest, item.tile.lat, item.tile.lon):
                raise _changed(f"tile {identifier}")

    def _admit(self, harvest: Harvest, item: Item, expected: int) -> None:
        """Hand a tile on to be described, unless it is bad or there already."""
        if isinstance(item, Prepared):
            place = (item.digest, item.tile.lat, item.tile.lon)
            there = self._places.setdefault(item.tile.id, place)
            if there is not place:
                if there == place:
                    return
                item = BadTile(item.tile.id, TileDuplicate.code, "Another tile has the same id.")
        if isinstance(item, BadTile):
            harvest.bad.append(item)
            self.tally.count(0, [item])
            self.tally.check(self._pace.max_bad_ratio, expected=expected)
            return
        row = self._known.row(item.tile.id, item.digest)
        if row is not None:
            self._resumed += 1
            self._under_way.append((harvest, [item], row[None]))
            return
        self._waiting.append(item)
        if len(self._waiting) == self._pace.batch:
            self._hand_out(harvest)

    def _hand_out(self, harvest: Harvest) -> None:
        if self._waiting:
            self._under_way.append(
                (harvest, self._waiting, self._describer.submit([item.pixels for item in self._waiting]))
            )
            self._waiting = []
        self._settle(self._pace.workers + AHEAD)

    def _close(self) -> None:
        """End the current shard; it is kept once the last of its tiles is described."""
        if self._harvest is not None:
            self._hand_out(self._harvest)
            self._under_way.append((self._harvest, [], None))
            self._harvest = None

    def _settle(self, most: int) -> None:
        """Wait until at most so many batches are under way; shards are written meanwhile, one at a time."""
        if self._writing is not None and self._writing.done():
            self._written()
        while len(self._under_way) > most:
            harvest, group, rows = self._under_way.popleft()
            if rows is None:
                self._written()
                self._writing = self._writer.submit(self._work.keep, harvest, self._empty)
                continue
            wrong = harvest.take(group, rows.result() if isinstance(rows, Future) else rows)
            self.tally.count(len(group) - len(wrong), wrong)

    def _written(self) -> None:
        """Wait for the shard that is being written, and raise what went wrong with it."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _stop(self) -> None:
        """Keep what is described as a shard of its own, so that nothing has to be done again."""
        if self._harvest is not None and not self._waiting:
            self._close()
        self._settle(0)
        self._written()
        raise JobStopped("Stopped as asked. Run the same command again to go on; what is done is kept.")

    def _show(self, expected: int) -> None:
        if self._pace.on_progress is not None:
            tally = self.tally
            self._pace.on_progress(Progress(tally.good, len(tally.bad), expected, min(self._resumed, tally.good)))


class _Passed:
    """Holds the ids that go by against those of the finished shards."""

    def __init__(self) -> None:
        self._ids: dict[int, Any] = {}
        self._seen: dict[int, int] = {}

    def see(self, shard: Shard, identifier: str) -> None:
        ids = self._ids.setdefault(shard.first, hashlib.sha256())
        add_id(ids, identifier)
        self._seen[shard.first] = self._seen.get(shard.first, 0) + 1
        if self._seen[shard.first] == shard.items and ids.hexdigest() != shard.ids:
            raise _changed(f"the tiles {shard.first} to {shard.end}")

    def check(self, shards: list[Shard]) -> None:
        for shard in shards:
            if self._seen.get(shard.first, 0) != shard.items:
                raise _changed(f"it ends before tile {shard.end}")


def _changed(what: str) -> SourceChanged:
    return SourceChanged(
        f"The imagery is not what it was when this build began ({what}). "
        "Bring it back as it was, or add --restart to begin again."
    )


def zip_places(tiles: Sequence[Tile], digests: Sequence[str]) -> Iterator[tuple[str, Place]]:
    """Give (id, place) of tiles and their digests."""
    for tile, digest in zip(tiles, digests, strict=True):
        yield tile.id, (digest, tile.lat, tile.lon)
