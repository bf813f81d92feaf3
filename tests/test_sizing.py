"""The arithmetic of docs/sizing.md, by figures that can be checked by hand."""

from __future__ import annotations

import pytest

from benchmarks.size_model import Layout, Means, Profile, duration, lines, size

LAYOUT = Layout(
    name="made",
    stride_m=50.0,
    rows=2,
    vector_bytes=1000.0,
    table_bytes=100.0,
    table_memory=200.0,
    search_s=1e-6,
    open_s=1e-3,
    tiles_per_s=10.0,
    profiles=(Profile("exact", 0.0, 1500.0), Profile("small", 50.0, 40.0)),
)


def test_every_line_of_a_million_tiles() -> None:
    means = Means(
        memory_gb=1.0,
        usable=0.5,
        gpu_tiles_per_s=100.0,
        open_members=3,
        member_tiles=10_000,
        price_gb_month=2.0,
        price_machine_month=10.0,
        price_core_hour=3.0,
    )
    assert dict(lines(LAYOUT, 1_000_000, means)) == {
        "ground, at a stride of 50 m": "2,500 km²",
        "vectors": "1 GB",
        "tile table": "100 MB",
        "exact: on storage in all": "1.1 GB",
        "exact: memory, everything open": "3.2 GB",
        "exact: machines of 1 GB for that": "7",
        "exact: a month": "72.20",
        "small: on storage in all": "1.2 GB",
        "small: memory, everything open": "280 MB",
        "small: machines of 1 GB for that": "1",
        "small: a month": "12.40",
        "exact: memory, 3 members of 10,000 tiles open": "96 MB",
        "small: memory, 3 members of 10,000 tiles open": "8.4 MB",
        "opening one member of 10,000 tiles": "10 s",
        "exact search of everything, one core": "1 s",
        "describing, one core": "27.8 h",
        "describing, 16 cores": "104 min",
        "describing, cost": "83.33",
        "describing, a GPU of 100 tiles/s": "2.78 h",
    }


def test_what_is_not_told_is_not_reckoned() -> None:
    named = [name for name, _ in lines(LAYOUT, 1_000_000, Means())]
    assert not [name for name in named if "GPU" in name or "cost" in name or "month" in name]


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999 bytes"), (38_400e6, "38.4 GB"), (3.84e12, "3.84 TB"), (1.2e16, "12,000 TB")]
)
def test_sizes(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0648, "0.065 s"), (90, "90 s"), (3060, "51 min"), (9e7, "1,042 days"), (7200, "2 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
