"""From index folders to a region: every file verified, ids held against each other, ground and background measured."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import numpy as np

from index.bundle import CURRENT, resolve_generation
from index.gallery import spacing_by_tiles
from index.manifest import NAME_PATTERN, TILES, read_index_manifest
from index.region_plan import Member, RegionPlan, check_alike
from index.region_sample import draw_rows
from index.table import read_table
from models.artefact import verify_files
from models.errors import TableInvalid, UsageError

SAME_DEG = 1e-5
"""Tiles of one id whose centres differ by less, 1 m, are the same ground twice."""


def survey(name: str, roots: Sequence[Path], tell: Callable[[str], None] = lambda _: None) -> RegionPlan:
    """Read every byte of some indexes once and plan their region.

    Args:
        name: of the region.
        roots: index folders, each with its CURRENT.
        tell: is told each member that was found whole.

    Raises:
        UsageError: a folder is no index folder.
        BundleError: a file is damaged, or two members do not go together.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(f"{name!r} is no name for a region: letters, digits, '.', '_' and '-'. Give another --name.")
    members = []
    for root in roots:
        if not (root / CURRENT).is_file():
            raise UsageError(f"{root} is no index folder: it has no {CURRENT}. Give the folders that were built.")
        folder = resolve_generation(root)
        manifest = read_index_manifest(folder)
        verify_files(folder, manifest.files)
        tiles = read_table(folder / TILES)
        members.append(Member(root.resolve().name, folder, manifest, spacing_by_tiles(manifest, tiles.lat, tiles.lon)))
        tell(f"{root.name}: {manifest.title}, {manifest.count} tiles, every file as published")
    check_alike(members)
    return RegionPlan(name, tuple(members), ids_collide(members), draw_rows(members))


def ids_collide(members: Sequence[Member]) -> bool:
    """Say whether any id belongs to tiles of different ground."""
    tables = [str(member.folder / TILES) for member in members]
    ask = (
        "SELECT count(*) FROM (SELECT id FROM read_parquet(?) GROUP BY id "
        "HAVING max(lat) - min(lat) > ? OR max(lon) - min(lon) > ?)"
    )
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(config=settings) as connection:
            found = connection.execute(ask, [tables, SAME_DEG, SAME_DEG]).fetchone()
    except duckdb.Error as error:
        raise TableInvalid(f"The tile tables cannot be compared: {str(error).splitlines()[0][:200]}") from error
    return bool(np.any(found))
