"""Where the tiles of a web map are kept: addresses and bytes, nothing of geometry or pictures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index.tiles import DATE, BadTile
from models.errors import TileIdInvalid

Addresses = NDArray[np.int64]
"""(N, 2) x and y of tiles; y counts from the north, as in XYZ, whatever the store itself does."""
DEEPEST_ZOOM = 24
TILE_LIMIT_BYTES = 16 * 1024 * 1024
TEXT_LIMIT = 2000
DATE_KEYS = ("captured", "capture_date", "acquired", "acquisition_date", "date", "datetime")


@dataclass(frozen=True, slots=True)
class Listing:
    """What a store holds of one zoom."""

    addresses: Addresses
    """In any order."""
    strays: Sequence[BadTile] = ()
    """What claims to be a tile and has no address."""


def check_addresses(zoom: int, addresses: Addresses, flipped: bool = False) -> Listing:
    """Leave out what lies beyond the zoom's edges; `flipped`: y counts from the south, as in TMS."""
    end = 1 << zoom
    fits = ((addresses >= 0) & (addresses < end)).all(axis=1)
    strays = [
        BadTile(f"{zoom}/{x}/{y}", TileIdInvalid.code, f"At zoom {zoom} x and y run from 0 to {end - 1}.")
        for x, y in addresses[~fits].tolist()
    ]
    addresses = addresses[fits]
    if flipped:
        addresses = np.stack([addresses[:, 0], end - 1 - addresses[:, 1]], axis=1)
    return Listing(addresses, strays)


class TileReader(Protocol):
    """The tiles of one zoom, held open; used by one thread."""

    def read(self, x: int, y: int) -> bytes:
        """Give the bytes of a tile that is there.

        Raises:
            SourceError: of the kind that says why they cannot be had.
        """

    def name(self, x: int, y: int) -> str:
        """For people, for example: 18/69105/105093.jpg."""


class TileStore(Protocol):
    @property
    def path(self) -> Path: ...

    @property
    def kind(self) -> str:
        """For people, for example: MBTiles."""

    @property
    def attribution(self) -> str: ...

    @property
    def captured(self) -> str | None: ...

    @property
    def zooms(self) -> Sequence[int]:
        """Those with tiles, ascending."""

    def listing(self, zoom: int) -> Listing:
        """Say which tiles there are.

        Raises:
            SourceError: the store is damaged.
        """

    def open(self, zoom: int) -> AbstractContextManager[TileReader]: ...


def text_of(metadata: dict[str, Any], key: str) -> str:
    """Give a text from a store's metadata, without the links and tags that maps put into it."""
    value = metadata.get(key)
    if not isinstance(value, str):
        return ""
    parser = _Words()
    parser.feed(value[: 4 * TEXT_LIMIT])
    parser.close()
    return " ".join("".join(parser.words).split())[:TEXT_LIMIT]


def date_of(metadata: dict[str, Any]) -> str | None:
    """Give the date of the imagery, if the metadata name one."""
    said = (str(metadata.get(key, "")).strip() for key in DATE_KEYS)
    return next((value for value in said if DATE.fullmatch(value)), None)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)
