"""What a build gathers while the tiles stream by: the rows of a shard, and counts of all of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from index.describer import Describer, Float16s
from index.producer import Prepared
from index.tiles import BadTile, Tile
from models.errors import (
    EncoderNonFinite,
    NoTiles,
    SourceUnavailable,
    TileBlank,
    TileUnreadable,
    TooManyBadTiles,
)

__all__ = ["Describer", "Harvest", "Tally"]

RATIO_FROM = 100
SMALL_RATIO = 0.5
MOST_UNREADABLE = 20
"""So many tiles in a row that cannot be read are put up with."""


@dataclass(slots=True)
class Harvest:
    """What became of a run of a source's items: the good tiles (without pixels), their rows, and the bad ones."""

    first: int
    """Number of the first item in the source."""
    items: int = 0
    tiles: list[Tile] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    rows: list[Float16s] = field(default_factory=list)
    bad: list[BadTile] = field(default_factory=list)
    ids: Any = field(default_factory=hashlib.sha256)
    """Hash over the ids of all items, in their order."""

    def see(self, identifier: str) -> None:
        self.items += 1
        add_id(self.ids, identifier)

    def take(self, group: list[Prepared], rows: Float16s) -> list[BadTile]:
        """Keep described tiles, rows (N, …); give those back whose description is not finite."""
        finite = np.asarray(np.isfinite(rows.reshape(len(rows), -1)).all(axis=1))
        self.rows.append(rows[finite])
        wrong = []
        for item, good in zip(group, finite.tolist(), strict=True):
            if good:
                self.tiles.append(item.tile)
                self.digests.append(item.digest)
            else:
                wrong.append(BadTile(item.tile.id, EncoderNonFinite.code, "Its description is not finite."))
        self.bad.extend(wrong)
        return wrong


def add_id(ids: Any, identifier: str) -> None:
    """Go on with a hash over ids."""
    ids.update(identifier.encode("utf-8", "surrogatepass") + b"\n")


@dataclass(slots=True)
class Tally:
    """Counts over a whole build."""

    good: int = 0
    bad: list[BadTile] = field(default_factory=list)
    damaged: int = 0
    """Bad tiles that are not merely blank."""
    unreadable: int = 0
    """In a row, the last ones."""

    def count(self, good: int, bad: Iterable[BadTile]) -> None:
        self.good += good
        for tile in bad:
            self.bad.append(tile)
            self.damaged += tile.code != TileBlank.code

    def check(self, max_bad_ratio: float, expected: int = 0) -> None:
        """Raise TooManyBadTiles if too many are bad, even were all that is still expected good.

        Blank tiles do not count: water and nodata are no damage. Below 100 tiles half may be bad.
        """
        seen = max(self.good + self.damaged, expected)
        allowed = max_bad_ratio if seen >= RATIO_FROM else max(SMALL_RATIO, max_bad_ratio)
        if self.damaged > allowed * seen:
            raise TooManyBadTiles(
                f"{self.damaged} of {seen} tiles are bad, more than {allowed:.1%}: {self._summary()} "
                "Mend the source, or allow more with --max-bad."
            )

    def check_readable(self, item: BadTile | None) -> None:
        """Take note of the next item, None if it is good; raise SourceUnavailable if none of late could be read."""
        self.unreadable = self.unreadable + 1 if item is not None and item.code == TileUnreadable.code else 0
        if item is not None and self.unreadable > MOST_UNREADABLE:
            raise SourceUnavailable(
                f"{self.unreadable} tiles in a row cannot be read, the last is {item.id}: {item.reason} "
                "Bring the imagery back and run the same command again; what is done is kept."
            )

    def check_some(self) -> None:
        if not self.good:
            raise NoTiles(f"The source gave no tile that can be indexed: {self._summary()}")

    def _summary(self) -> str:
        """For example: 3 image_undecodable (first: a.png: The PNG image is damaged)."""
        if not self.bad:
            return "it is empty."
        counts = Counter(tile.code for tile in self.bad).most_common(3)
        kinds = ", ".join(f"{count} {code}" for code, count in counts)
        return f"{kinds} (first: {self.bad[0].id}: {self.bad[0].reason})"
