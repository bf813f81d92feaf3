"""Which side-cars a photo has, and which one is written.

Two names are in use: `photo.jpg.xmp` (darktable, digiKam) and `photo.xmp` (Adobe). Both are read. The second belongs
to every file of that name whatever its suffix, a RAW and its JPEG for example.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.errors import PhotoUnreadable, SidecarUnusable
from service.geotagging.placement import Found, Placement
from service.geotagging.reading import read_regular
from service.geotagging.walk import Photo
from service.geotagging.xmp import read_xmp, with_placement
from service.geotagging.xmp_scan import MOST_BYTES

Naming = Literal["full", "stem"]
SUFFIXES = ("xmp", "XMP", "Xmp")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A side-car that exists."""

    path: Path
    data: bytes
    found: Found | None
    naming: Naming


def sidecars_of(photo: Photo) -> tuple[Sidecar, ...]:
    """Read the side-cars of a photo, of either name and in capitals or not, those that appeared meanwhile too.

    Raises:
        SidecarUnusable: one is no regular file, or cannot be read as XMP.
    """
    namings: dict[str, Naming] = {photo.path.name: "full", photo.path.stem: "stem"}
    found: dict[Path, Naming] = {}
    for own, naming in namings.items():
        names = [f"{own}.{suffix}" for suffix in SUFFIXES]
        there = [name for name in names if name in photo.sidecars] or [names[0]]
        for path in (photo.path.with_name(name) for name in there):
            if os.path.lexists(path):
                found[path] = naming
    return tuple(_read(path, naming) for path, naming in found.items())


def _read(path: Path, naming: Naming) -> Sidecar:
    try:
        data = read_regular(path, MOST_BYTES)
        return Sidecar(path, data, read_xmp(data, path.name), naming)
    except PhotoUnreadable as error:
        raise SidecarUnusable(str(error)) from error
    except SidecarUnusable as error:
        raise SidecarUnusable(f"{path.name}: {error}") from error


@dataclass(frozen=True, slots=True)
class Change:
    """A file, what it holds, None if it is not there, and what it is to hold."""

    path: Path
    before: bytes | None
    after: bytes


def planned(photo: Photo, present: tuple[Sidecar, ...], naming: Naming, placement: Placement) -> Change:
    """Say which side-car is to be written, and what it is to hold.

    Raises:
        SidecarUnusable: the present one cannot be added to.
    """
    there = next((sidecar for sidecar in present if sidecar.naming == naming), None)
    usual = f"{photo.path.name if naming == 'full' else photo.path.stem}.xmp"
    path = there.path if there else photo.path.with_name(usual)
    data = with_placement(there.data if there else None, placement, photo.path.name)
    found = read_xmp(data, path.name)
    if found is None or found.own != placement:
        raise SidecarUnusable(f"{path.name} cannot be added to: a position in it would not be read back.")
    return Change(path, there.data if there else None, data)
