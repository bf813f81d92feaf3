"""Tiles as files, z/x/y.png, .jpg or .webp: the cache of a tile server, or what gdal2tiles writes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np

from index.sources.files import read_inside
from index.sources.tile_store import DEEPEST_ZOOM, Listing, check_addresses, date_of, text_of
from index.tiles import BadTile
from models.errors import GeoreferenceInvalid, SourceError, TileDuplicate, TileIdInvalid, TileUnreadable

Scheme = Literal["xyz", "tms"]
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
NUMBER = re.compile(r"-?\d{1,18}")
TILE_MAP = "tilemapresource.xml"
METADATA = ("metadata.json", "tilejson.json", "tile.json")
METADATA_LIMIT_BYTES = 1_000_000
WEB_MERCATOR_NAMES = ("EPSG:3857", "EPSG:900913", "EPSG:3785", "OSGEO:41001")


@dataclass(frozen=True, slots=True)
class TileFolder:
    """A folder of tiles; a `TileStore`."""

    path: Path
    scheme: Scheme
    attribution: str
    captured: str | None

    @classmethod
    def at(cls, path: Path, scheme: Scheme | None = None) -> TileFolder:
        """Find out what a folder of tiles says of itself.

        Args:
            scheme: order of the rows; when None tms where a tilemapresource.xml or the metadata say so, else xyz.

        Raises:
            GeoreferenceInvalid: its tiles are not those of web maps (EPSG:3857).
        """
        metadata = _metadata(path)
        said: Scheme = "tms" if _has_tile_map(path) or metadata.get("scheme") == "tms" else "xyz"
        return cls(path, scheme or said, text_of(metadata, "attribution"), date_of(metadata))

    @property
    def kind(self) -> str:
        return f"{self.scheme.upper()} tiles"

    @property
    def zooms(self) -> list[int]:
        found = (int(name) for name in _folders(self.path) if NUMBER.fullmatch(name))
        return sorted(zoom for zoom in found if 0 <= zoom <= DEEPEST_ZOOM and _folders(self.path / str(zoom)))

    def listing(self, zoom: int) -> Listing:
        strays = [
            BadTile(name, TileIdInvalid.code, f"Zooms run from 0 to {DEEPEST_ZOOM}.")
            for name in _folders(self.path)
            if NUMBER.fullmatch(name) and not 0 <= int(name) <= DEEPEST_ZOOM
        ]
        found: list[tuple[int, int]] = []
        for column in _folders(self.path / str(zoom)):
            if not NUMBER.fullmatch(column):
                continue
            for stem in _pictures(self.path / str(zoom) / column):
                if NUMBER.fullmatch(stem):
                    found.append((int(column), int(stem)))
                else:
                    name = f"{zoom}/{column}/{stem}"
                    strays.append(BadTile(name, TileIdInvalid.code, "Its name is not the number of a row."))
        addresses = np.array(found, dtype=np.int64).reshape(-1, 2)
        listing = check_addresses(zoom, np.unique(addresses, axis=0), flipped=self.scheme == "tms")
        return Listing(listing.addresses, [*strays, *listing.strays])

    @contextmanager
    def open(self, zoom: int) -> Iterator[FolderReader]:
        yield FolderReader(self.path.resolve(), zoom, self.scheme == "tms")


@dataclass(frozen=True, slots=True)
class FolderReader:
    folder: Path
    zoom: int
    flipped: bool

    def read(self, x: int, y: int) -> bytes:
        found = self._names(x, y)
        if len(found) > 1:
            raise TileDuplicate(f"It is there {len(found)} times: {', '.join(found)}. Remove what is out of date.")
        return read_inside(self.folder, self.name(x, y))

    def name(self, x: int, y: int) -> str:
        return next(iter(self._names(x, y)), self._stem(x, y))

    def _stem(self, x: int, y: int) -> str:
        return f"{self.zoom}/{x}/{(1 << self.zoom) - 1 - y if self.flipped else y}"

    def _names(self, x: int, y: int) -> list[str]:
        stem = self._stem(x, y)
        return [stem + end for end in SUFFIXES if os.path.lexists(self.folder / (stem + end))]


def is_tile_folder(path: Path) -> bool:
    """Say whether a folder has folders of zooms."""
    return any(name.isdecimal() and len(name) <= 2 for name in _folders(path))


def _folders(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error


def _pictures(path: Path) -> Iterator[str]:
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                stem, dot, end = entry.name.rpartition(".")
                if dot + end in SUFFIXES:
                    yield stem
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error


def _metadata(path: Path) -> dict[str, Any]:
    for name in METADATA:
        if (path / name).is_file():
            try:
                found = json.loads(_small(path / name))
            except ValueError as error:
                raise SourceError(f"{path / name} is not JSON: {error}. Mend or remove it.") from error
            return found if isinstance(found, dict) else {}
    return {}


def _has_tile_map(path: Path) -> bool:
    """Say whether the tiles are a TMS.

    Raises:
        GeoreferenceInvalid: one in another coordinate reference system.
    """
    file = path / TILE_MAP
    if not file.is_file():
        return False
    try:
        found = ElementTree.fromstring(_small(file)).findtext("SRS")
    except ElementTree.ParseError as error:
        raise SourceError(f"{file} is not XML: {error}. Mend or remove it.") from error
    if found is None or found.strip() not in WEB_MERCATOR_NAMES:
        raise GeoreferenceInvalid(
            f"{file} says that the tiles are in {str(found)[:60]}; they must be those of web maps, EPSG:3857. "
            "Make them again with `gdal2tiles.py --profile=mercator`, or use the raster that they were made of."
        )
    return True


def _small(path: Path) -> bytes:
    try:
        if path.stat().st_size > METADATA_LIMIT_BYTES:
            raise SourceError(f"{path} has more than {METADATA_LIMIT_BYTES} bytes. Remove it.")
        return path.read_bytes()
    except OSError as error:
        raise TileUnreadable(f"{path} cannot be read: {error.strerror}.") from error
