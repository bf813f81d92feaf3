"""Arithmetic of sizing: bytes, machines, hours and costs of so many tiles, from bytes and rates that were measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

KM2 = 1e-6
GB = 1e9


@dataclass(frozen=True, slots=True)
class Profile:
    """How rows are kept for search."""

    name: str
    disk: float
    """Bytes a row beside the vectors themselves: 0 where a search needs no file of its own."""
    memory: float
    """Bytes a row of an open index."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What one tile is, as measured."""

    name: str
    stride_m: float
    rows: int
    """Descriptions of a tile."""
    vector_bytes: float
    table_bytes: float
    """Of a tile, on the disk."""
    table_memory: float
    """Of a tile in an open index, beside its rows."""
    search_s: float
    """Seconds of one core to compare a photo with one tile exactly, at every heading."""
    open_s: float
    """Seconds of one core to verify and open one tile of an index."""
    tiles_per_s: float
    """Described by one core; 0 where it was not measured."""
    profiles: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class Means:
    """What the reader has and pays."""

    memory_gb: float = 64.0
    """Of one machine."""
    usable: float = 0.8
    """Share of it that indexes may take."""
    cores: int = 16
    gpu_tiles_per_s: float = 0.0
    """0: not told."""
    open_members: int = 64
    member_tiles: int = 10_000
    price_gb_month: float = 0.0
    price_machine_month: float = 0.0
    price_core_hour: float = 0.0


def lines(layout: Layout, tiles: int, means: Means) -> Iterator[tuple[str, str]]:
    """Give what so many tiles take, line by line: what it is, and the figure with its unit."""
    yield f"ground, at a stride of {layout.stride_m:g} m", f"{tiles * layout.stride_m**2 * KM2:,.0f} km²"
    yield "vectors", size(tiles * layout.vector_bytes)
    yield "tile table", size(tiles * layout.table_bytes)
    for profile in layout.profiles:
        stored, held = stored_bytes(layout, profile, tiles), held_bytes(layout, profile, tiles)
        yield f"{profile.name}: on storage in all", size(stored)
        yield f"{profile.name}: memory, everything open", size(held)
        count = machines(held, means)
        yield f"{profile.name}: machines of {means.memory_gb:g} GB for that", f"{count:,}"
        if means.price_gb_month or means.price_machine_month:
            yield f"{profile.name}: a month", f"{monthly_cost(stored, count, means):,.2f}"
    some = min(tiles, means.open_members * means.member_tiles)
    for profile in layout.profiles:
        what = f"{profile.name}: memory, {means.open_members} members of {means.member_tiles:,} tiles open"
        yield what, size(held_bytes(layout, profile, some))
    yield f"opening one member of {means.member_tiles:,} tiles", duration(layout.open_s * means.member_tiles)
    yield "exact search of everything, one core", duration(tiles * layout.search_s)
    if layout.tiles_per_s:
        alone_s = tiles / layout.tiles_per_s
        yield "describing, one core", duration(alone_s)
        yield f"describing, {means.cores} cores", duration(alone_s / means.cores)
        if means.price_core_hour:
            yield "describing, cost", f"{alone_s / 3600 * means.price_core_hour:,.2f}"
    if means.gpu_tiles_per_s:
        yield f"describing, a GPU of {means.gpu_tiles_per_s:g} tiles/s", duration(tiles / means.gpu_tiles_per_s)


def stored_bytes(layout: Layout, profile: Profile, tiles: int) -> float:
    return tiles * (layout.vector_bytes + layout.table_bytes + layout.rows * profile.disk)


def held_bytes(layout: Layout, profile: Profile, tiles: int) -> float:
    return tiles * (layout.table_memory + layout.rows * profile.memory)


def machines(held: float, means: Means) -> int:
    return math.ceil(held / (means.memory_gb * GB * means.usable))


def monthly_cost(stored: float, count: int, means: Means) -> float:
    """Storage and machines; what is read from storage when members are opened is not in it."""
    return stored / GB * means.price_gb_month + count * means.price_machine_month


def size(count: float) -> str:
    """Bytes in decimal units, three digits."""
    for unit, step in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= step:
            return f"{count / step:.3g} {unit}" if count < 1000 * step else f"{count / step:,.0f} {unit}"
    return f"{count:,.0f} bytes"


def duration(seconds: float) -> str:
    for unit, step in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * step:
            return f"{seconds / step:,.3g} {unit}" if seconds < 1000 * step else f"{seconds / step:,.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
