"""Tiles of web maps made by code, in every store they come in."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from index.sources.cut import CutSource
from index.sources.opening import open_source
from index.tiles import BadTile, Tile
from models.geo import enu_m
from tests.index.made import LEVELS_PER_M, Pixels

Pieces = Mapping[tuple[int, int], bytes]
"""Files by x and y, y from the north."""


def png(pixels: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def address(lat: float, lon: float, zoom: int) -> tuple[int, int]:
    """The tile that a position lies in, by the formula of web maps."""
    x = (lon + 180.0) / 360.0
    y = (1.0 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2.0
    return int(x * 2**zoom) % 2**zoom, int(y * 2**zoom)


def compass_tiles(
    lat: float, lon: float, zoom: int, side_px: int = 256, reach: int = 1
) -> dict[tuple[int, int], bytes]:
    """The tiles up to `reach` around the one at a position; their colours are those of made.write_compass."""
    centre, around = address(lat, lon, zoom), 2**zoom
    along = (np.arange(side_px) + 0.5) / side_px
    made = {}
    for dx in range(-reach, reach + 1):
        for dy in range(-reach, reach + 1):
            x, y = np.meshgrid((centre[0] + dx + along) / around, (centre[1] + dy + along) / around)
            lats = np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * y))))
            east, north = enu_m(lats, x * 360.0 - 180.0, lat, lon)
            levels = np.stack(
                [128 + LEVELS_PER_M * east, 128 + LEVELS_PER_M * north, np.full_like(east, 200.0)], axis=2
            )
            made[((centre[0] + dx) % around, centre[1] + dy)] = png(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
    return made


def noise_tiles(addresses: Iterable[tuple[int, int]], side_px: int = 256) -> dict[tuple[int, int], bytes]:
    rng = np.random.default_rng(5)
    small = max(1, side_px // 8)
    return {
        at: png(np.kron(rng.integers(0, 256, (small, small, 3), dtype=np.uint8), np.ones((8, 8, 1), dtype=np.uint8)))
        for at in addresses
    }


def write_folder(folder: Path, zoom: int, pieces: Pieces, *, flipped: bool = False, suffix: str = ".png") -> Path:
    for (x, y), data in pieces.items():
        file = folder / str(zoom) / str(x) / f"{2**zoom - 1 - y if flipped else y}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def write_mbtiles(path: Path, zooms: Mapping[int, Pieces], **metadata: str) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE metadata (name text, value text)")
        database.execute(
            "CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)"
        )
        database.executemany("INSERT INTO metadata VALUES (?, ?)", ({"format": "png"} | metadata).items())
        for zoom, pieces in zooms.items():
            rows = ((zoom, x, 2**zoom - 1 - y, data) for (x, y), data in pieces.items())
            database.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
        database.commit()
    return path


def write_pmtiles(path: Path, zooms: Mapping[int, Pieces], *, kind: TileType = TileType.PNG, **metadata: str) -> Path:
    with path.open("wb") as stream:
        writer = Writer(stream)  # type: ignore[no-untyped-call]
        numbered = {zxy_to_tileid(zoom, *at): data for zoom, pieces in zooms.items() for at, data in pieces.items()}
        for number in sorted(numbered):
            writer.write_tile(number, numbered[number])  # type: ignore[no-untyped-call]
        writer.finalize({"tile_type": kind, "tile_compression": Compression.NONE}, metadata)  # type: ignore[no-untyped-call]
    return path


def write_json(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def cut(
    *paths: Path, footprint_m: float = 40.0, size_px: int = 64, stride_m: float = 20.0, zoom: int | None = None
) -> tuple[list[Tile], list[BadTile], CutSource]:
    """Open imagery and walk through it: good tiles, bad ones, and the source afterwards."""
    source = open_source(paths, footprint_m=footprint_m, size_px=size_px, stride_m=stride_m, zoom=zoom)
    assert isinstance(source, CutSource)
    found = list(source)
    good = [tile for tile in found if isinstance(tile, Tile)]
    return good, [bad for bad in found if isinstance(bad, BadTile)], source
