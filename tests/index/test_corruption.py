"""Bundles damaged at random, all refused: every one raises a BundleError before anything of it is used."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from index.build import build_index
from index.bundle import open_index
from index.manifest import FILES
from models.artefact import MANIFEST
from models.encoder import FakeEncoder
from models.errors import BundleError
from tests.index.made import Noise, thaw


def _flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _cut_one(data: bytearray, rng: random.Random) -> None:  # noqa: ARG001
    del data[-1:]


def _add(data: bytearray, rng: random.Random) -> None:
    data.insert(rng.randrange(len(data) + 1), rng.randrange(256))


def _zero(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    size = min(64, len(data) - start)
    data[start : start + size] = bytes(255 - value for value in data[start : start + size])


def _swap(data: bytearray, rng: random.Random) -> None:
    """Two different pieces change places."""
    half = len(data) // 2
    size = min(32, half)
    one, other = rng.randrange(half - size + 1), half + rng.randrange(len(data) - half - size + 1)
    data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


@pytest.mark.parametrize("count", [60, pytest.param(600, marks=pytest.mark.slow)])
def test_every_damaged_bundle_is_refused(tmp_path: Path, count: int) -> None:
    folder = thaw(build_index(Noise(), FakeEncoder(), tmp_path / "index", name="noise").path, tmp_path / "copy")
    rng = random.Random(count)
    damages = (_flip, _flip, _cut, _cut_one, _add, _zero, _swap)
    refused = 0
    for number in range(count):
        path = folder / (MANIFEST, *FILES)[number % (1 + len(FILES))]
        whole = path.read_bytes()
        data = bytearray(whole)
        while data == whole:
            rng.choice(damages)(data, rng)
        path.write_bytes(data)
        with pytest.raises(BundleError):
            open_index(folder)
        refused += 1
        path.write_bytes(whole)
    assert refused == count
    assert len(open_index(folder)) == 60
