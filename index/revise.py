"""New generations from old ones: tiles added, removed or looked at again; what did not change is taken over.

The vectors, table, probes and quarantine are those of a build over the same tiles, byte for byte, with batches of one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from index.base import Base
from index.build import describe_index, model_settings, source_settings
from index.job import BuildReport, Order, Run, run_job
from index.manifest import IndexManifest
from index.table import TileTable
from index.tiles import BadTile, Bounds, Tile, TileSource, union
from models.encoder import Encoder
from models.errors import UsageError

TEXT_LIMIT = 4000


def add_tiles(root: Path, source: TileSource, encoder: Encoder, run: Run | None = None) -> BuildReport:
    """Publish a generation that holds the tiles of a source besides those of the current one.

    A tile that is there already, by id, place and pixels, is kept once; another under the same id is quarantined.

    Raises:
        As `run_job`; BundleError where the index cannot be trusted or is of another model; UsageError where the tiles
        are of another size.
    """
    run = run or Run()

    def make_order() -> Order:
        base = Base(root, encoder)
        _check_footprint(base, source)
        kept = base.keep(lambda _: True)
        settings = {"job": "add", **base.settings, **source_settings(source), **model_settings(encoder, run)}

        def describe(table: TileTable, generation: int, created: str) -> IndexManifest:
            new = describe_index(source, encoder, table, generation, created)
            old = base.manifest
            return _renewed(old, table, generation, created).model_copy(
                update={
                    "stride_m": old.stride_m if old.stride_m == source.stride_m else None,
                    "bounds": union([old.bounds, new.bounds]),
                    "source": _joined([old.source, source.name]),
                    "attribution": _joined([old.attribution, source.attribution]),
                }
            )

        return Order(
            settings,
            source,
            encoder,
            describe,
            source.footprint_m,
            [kept],
            base.bad,
            kept.places,
            known=base,
            current=base,
            imagery=base.imagery,
        )

    return run_job(make_order, root, run)


def update_index(
    root: Path,
    source: TileSource | None,
    encoder: Encoder,
    run: Run | None = None,
    *,
    unread: Collection[str] = (),
) -> BuildReport:
    """Publish a generation that holds the tiles of a source; those whose pixels did not change are not described again.

    Args:
        root: the index folder.
        source: all the imagery there is now, but for what is `unread`; None if that is all.
        encoder: the model that built the index.
        run: how.
        unread: names of files, as the table's `source` has them, whose tiles are taken over without a look.

    Raises:
        As `add_tiles`.
    """
    run = run or Run()

    def make_order() -> Order:
        base = Base(root, encoder)
        settings = {"job": "update", "unread": sorted(unread), **base.settings, **model_settings(encoder, run)}
        if source is not None:
            _check_footprint(base, source)
            settings |= source_settings(source)
        kept = base.keep(lambda tile: tile.source in unread)
        kept_bad = [bad for bad in base.bad if _is_of(bad, unread)]

        def describe(table: TileTable, generation: int, created: str) -> IndexManifest:
            if source is None:
                return _renewed(base.manifest, table, generation, created)
            new = describe_index(source, encoder, table, generation, created)
            return _known_as_before(base.manifest, new, both=bool(kept.tiles))

        parts = [kept] if kept.tiles else []
        return Order(
            settings,
            source,
            encoder,
            describe,
            base.manifest.footprint_m,
            parts,
            kept_bad,
            kept.places,
            known=base,
            current=base,
            imagery=base.imagery,
        )

    return run_job(make_order, root, run)


def remove_tiles(
    root: Path,
    *,
    ids: Collection[str] = (),
    sources: Collection[str] = (),
    bounds: Bounds | None = None,
    run: Run | None = None,
) -> BuildReport:
    """Publish a generation without some tiles: those of given ids or files, and those centred in a box.

    Raises:
        UsageError: no tile of the index is meant. NoTiles: all are. As `run_job` for the rest.
    """
    run = run or Run()
    meant = _meant(frozenset(ids), frozenset(sources), bounds)

    def make_order() -> Order:
        base = Base(root)
        kept = base.keep(lambda tile: not meant(tile))
        if len(kept.tiles) == len(base):
            raise UsageError(f"No tile of {base.manifest.title} is among those to be removed.")
        bad = [tile for tile in base.bad if tile.id not in ids and not _is_of(tile, sources)]
        settings = {
            "job": "remove",
            **base.settings,
            "ids": sorted(ids),
            "sources": sorted(sources),
            "box": None if bounds is None else list(bounds),
        }

        def describe(table: TileTable, generation: int, created: str) -> IndexManifest:
            box = union(table.bounds(row) for row in range(len(table)))
            return _renewed(base.manifest, table, generation, created).model_copy(update={"bounds": box})

        return Order(settings, None, None, describe, base.manifest.footprint_m, [kept], bad, imagery=base.imagery)

    return run_job(make_order, root, replace(run, workers=1))


def _meant(ids: Collection[str], sources: Collection[str], box: Bounds | None) -> Callable[[Tile], bool]:
    def meant(tile: Tile) -> bool:
        return tile.id in ids or tile.source in sources or (box is not None and _inside(tile, box))

    return meant


def _inside(tile: Tile, box: Bounds) -> bool:
    east = tile.lon <= box.east or (box.west > box.east and tile.lon >= box.west)
    west = tile.lon >= box.west or (box.west > box.east and tile.lon <= box.east)
    return box.south <= tile.lat <= box.north and east and west


def _is_of(bad: BadTile, files: Collection[str]) -> bool:
    """Whether a bad tile is of one of the files; ids begin with a file's name."""
    return bad.id in files or any(bad.id.startswith(f"{Path(file).stem}-") for file in files)


def _check_footprint(base: Base, source: TileSource) -> None:
    if source.footprint_m != base.manifest.footprint_m:
        raise UsageError(
            f"{base.manifest.title} has tiles of {base.manifest.footprint_m:g} m, the source tiles of "
            f"{source.footprint_m:g} m. An index holds tiles of one size."
        )


def _known_as_before(old: IndexManifest, new: IndexManifest, both: bool) -> IndexManifest:
    """Give the new description under the old one's name; `both`: of the ground and sources of the two together."""
    return new.model_copy(
        update={
            "name": old.name,
            "licence": old.licence,
            "attribution": old.attribution,
            "bounds": union([old.bounds, new.bounds]) if both else new.bounds,
            "source": old.source if both else new.source,
            "profile": old.profile,
        }
    )


def _renewed(old: IndexManifest, table: TileTable, generation: int, created: str) -> IndexManifest:
    return old.model_copy(
        update={
            "generation": generation,
            "created": created,
            "count": len(table),
            "ground_resolution_m": float(np.median(table.ground_resolution_m)),
            "files": {},
            "sha256": "",
        }
    )


def _joined(texts: Iterable[str]) -> str:
    parts = [part for text in texts for part in text.split("; ") if part]
    text = "; ".join(dict.fromkeys(parts))
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 1]}…"
