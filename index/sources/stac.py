"""STAC items, collections and catalogues on this machine: which raster of each item, and what they say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pystac
from pystac.stac_io import DefaultStacIO

from index.sources.raster import Raster, read_raster
from models.errors import PathUnsafe, SourceError

CATALOGUES = ("catalog.json", "collection.json")
TIFF = re.compile(r"image/(?:tiff|vnd\.stac\.geotiff)\b")
TIFF_SUFFIXES = (".tif", ".tiff")
WANTED = ("visual", "data")
"""Roles, the best first."""
UNWANTED = frozenset({"thumbnail", "overview", "metadata"})
ID_LIMIT, TEXT_LIMIT = 120, 2000
UNREADABLE = (pystac.STACError, pystac.STACTypeError, KeyError, TypeError, ValueError, AttributeError)
"""What pystac raises on documents that are not as they should be."""


@dataclass(frozen=True, slots=True)
class StacAsset:
    """One item's picture."""

    id: str
    """Of the item."""
    href: str
    attribution: str
    captured: str | None
    problem: str = ""
    """Why there is none."""

    def open(self) -> Raster:
        """Read what the raster is.

        Raises:
            PathUnsafe: it is not a file on this machine. SourceError: it cannot be used.
        """
        if self.problem:
            raise SourceError(self.problem)
        return read_raster(_local(self.href)).described(self.id, self.attribution, self.captured)


class LocalIO(DefaultStacIO):
    """Reads files of this machine and nothing else."""

    def read_text_from_href(self, href: str) -> str:
        try:
            return _local(href).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{href} cannot be read: {error}.") from error


def is_stac(path: Path) -> bool:
    """Say whether a path is a catalogue's folder, or a JSON file, which cannot be anything else."""
    return any((path / name).is_file() for name in CATALOGUES) if path.is_dir() else path.suffix.lower() == ".json"


def find_assets(path: Path) -> Iterator[StacAsset]:
    """List the pictures of an item, an item collection, or of all items below a collection or catalogue.

    Raises:
        SourceError: a file is no STAC, or leads away from this machine.
    """
    if path.is_dir():
        path = next(path / name for name in CATALOGUES if (path / name).is_file())
    try:
        for item in _items(path):
            yield _asset(item)
    except UNREADABLE as error:
        if isinstance(error.__cause__, SourceError):  # raised by LocalIO
            raise error.__cause__ from error
        raise SourceError(f"{path} is not STAC that can be read: {type(error).__name__}: {str(error)[:200]}") from error


def _items(path: Path) -> Iterator[pystac.Item]:
    io = LocalIO()
    pystac.StacIO.set_default(LocalIO)  # asked wherever a link has no root
    href = str(path.resolve())
    document = io.read_json(href)
    kind = document.get("type")
    if kind == "FeatureCollection":
        yield from (pystac.Item.from_dict(feature, href=href) for feature in document.get("features", []))
    elif kind == "Feature":
        yield pystac.Item.from_file(href, stac_io=io)
    elif kind in ("Catalog", "Collection"):
        root = pystac.Catalog if kind == "Catalog" else pystac.Collection
        yield from root.from_file(href, stac_io=io).get_items(recursive=True)
    else:
        raise SourceError(f"{path} is no STAC item, collection or catalogue: its type is {str(kind)[:40]}.")


def _asset(item: pystac.Item) -> StacAsset:
    href, problem = _choose(item)
    return StacAsset(item.id[:ID_LIMIT], href, _credit(item), _date(item), problem)


def _choose(item: pystac.Item) -> tuple[str, str]:
    """Give the path of the one raster that shows colours, or say why there is none."""
    ranked: dict[int, list[str]] = {}
    for key, asset in item.assets.items():
        roles = set(asset.roles or ())
        if roles & UNWANTED or not _is_tiff(asset):
            continue
        rank = next((place for place, role in enumerate(WANTED) if role in roles or key == role), len(WANTED))
        ranked.setdefault(rank, []).append(key)
    if not ranked:
        return "", f"The item {item.id} has no GeoTIFF among its assets ({', '.join(item.assets) or 'none'})."
    best = ranked[min(ranked)]
    if len(best) > 1:
        return "", (
            f"The item {item.id} has several GeoTIFFs, {', '.join(best)}, and none of them alone has the role visual. "
            "Name the file itself as the source."
        )
    return str(item.assets[best[0]].get_absolute_href() or ""), ""


def _is_tiff(asset: pystac.Asset) -> bool:
    return bool(TIFF.match(asset.media_type or "")) or asset.href.lower().endswith(TIFF_SUFFIXES)


def _date(item: pystac.Item) -> str | None:
    """When it was taken; of a span of time the day that it began."""
    start = item.common_metadata.start_datetime
    taken: datetime | None = item.datetime or start
    return None if taken is None else taken.strftime("%Y-%m-%dT%H:%M:%SZ" if item.datetime else "%Y-%m-%d")


def _credit(item: pystac.Item) -> str:
    """Say whom to credit: what the item or its collection says, else their providers; with the licence."""
    collection = _collection(item)
    said: Sequence[dict[str, Any]] = (item.properties, collection.extra_fields if collection else {})
    text = next((str(fields["attribution"]) for fields in said if fields.get("attribution")), "")
    if not text:
        providers = item.common_metadata.providers or (collection.providers if collection else None) or []
        text = ", ".join(provider.name for provider in providers)
    licence = item.properties.get("license") or (collection.license if collection else "")
    return " ".join(filter(None, (text, f"({licence})" if licence and text else "")))[:TEXT_LIMIT]


def _collection(item: pystac.Item) -> pystac.Collection | None:
    """The item's collection, if it can be read here."""
    try:
        return item.get_collection()
    except SourceError:
        return None


def _local(href: str) -> Path:
    parts = urlsplit(href)
    if parts.scheme not in ("", "file") or parts.netloc or href.startswith("/vsi"):
        raise PathUnsafe(f"{href[:200]} is not a file on this machine; download it and correct the link.")
    return Path(unquote(parts.path) if parts.scheme else href)
