"""From paths to the imagery in them, each piece opened by what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path

from index.sources.files import check_inside, check_regular
from index.sources.imagery import Imagery
from index.sources.mbtiles import MBTiles
from index.sources.mosaic import Mosaic
from index.sources.pmtiles_archive import PMTiles
from index.sources.raster import DRIVERS, read_raster
from index.sources.stac import StacAsset, find_assets, is_stac
from index.sources.tile_folder import Scheme, TileFolder, is_tile_folder
from index.sources.tile_store import TileStore
from index.sources.zoom import choose_zoom
from index.tiles import BadTile
from models.errors import SourceError

ACCEPTED = (
    "GeoTIFFs (.tif), a VRT mosaic (.vrt), tiles z/x/y.png, .mbtiles, .pmtiles, a STAC item or catalogue (.json), "
    "or tiles with a CSV (file, lat, lon, ground_resolution_m)"
)


@dataclass(slots=True)
class Pictures:
    """What was found: imagery that can be used, and what cannot be."""

    usable: list[Imagery | Mosaic] = field(default_factory=list)
    refused: list[BadTile] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the imagery is for."""

    footprint_m: float
    size_px: int
    zoom: int | None = None
    scheme: Scheme | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A mosaic: the sheets of a folder, or the pictures that a catalogue has of one day."""

    path: Path
    name: str


Opener = Callable[[Pictures], Imagery]


def open_pictures(paths: Sequence[Path], wish: Wish) -> Pictures:
    """Open all imagery in files and folders.

    One piece that cannot be used is refused and the others are gone on with; the only one, or the first where none
    can be used, raises.

    Raises:
        SourceError: of the kind that says what is wrong.
    """
    found = Pictures()
    first: SourceError | None = None
    for group, openers in groupby(_openers(paths, wish), key=lambda named: named[0]):
        opened: list[Imagery] = []
        for _, name, opener in openers:
            try:
                opened.append(opener(found))
            except SourceError as error:
                first = first or error
                found.refused.append(BadTile(name, error.code, str(error)))
        found.usable.extend(opened if group is None or not opened else [Mosaic.of(opened, group.name)])
    if not found.usable:
        raise first or SourceError(
            f"{', '.join(str(path) for path in paths)} holds no imagery. It may hold {ACCEPTED}."
        )
    return found


def _openers(paths: Iterable[Path], wish: Wish) -> Iterator[tuple[Group | None, str, Opener]]:
    """Give openers and their names, and the mosaic that they are part of, if any."""
    for path in paths:
        check_regular(path)
        if is_stac(path):
            for asset in sorted(find_assets(path), key=_day):
                yield Group(path, f"{path.name} of {_day(asset) or 'no date'}"), asset.id, _stac_opener(asset)
        elif path.is_dir():
            rasters = sorted(file for file in path.iterdir() if file.suffix.lower() in DRIVERS)
            if rasters:
                yield from ((Group(path, path.name), file.name, _sheet_opener(path, file)) for file in rasters)
            elif is_tile_folder(path):
                yield None, path.name, _store_opener(partial(TileFolder.at, path, wish.scheme), wish)
        elif path.suffix.lower() in DRIVERS:
            yield None, path.name, _raster_opener(path)
        elif path.suffix.lower() == ".mbtiles":
            yield None, path.name, _store_opener(partial(MBTiles.at, path), wish)
        elif path.suffix.lower() == ".pmtiles":
            yield None, path.name, _store_opener(partial(PMTiles.at, path), wish)
        else:
            raise SourceError(f"{path} is no imagery. It may be {ACCEPTED}.")


def _day(asset: StacAsset) -> str:
    return (asset.captured or "")[:10]


def _raster_opener(path: Path) -> Opener:
    return lambda _: read_raster(path)


def _sheet_opener(folder: Path, path: Path) -> Opener:
    def opener(_: Pictures) -> Imagery:
        check_inside(folder, path)
        return read_raster(path)

    return opener


def _stac_opener(asset: StacAsset) -> Opener:
    return lambda _: asset.open()


def _store_opener(find: Callable[[], TileStore], wish: Wish) -> Opener:
    def opener(found: Pictures) -> Imagery:
        choice = choose_zoom(find(), wish.footprint_m, wish.size_px, wish.zoom)
        found.remarks.extend(choice.remarks)
        found.refused.extend(choice.pyramid.strays)
        return choice.pyramid

    return opener
