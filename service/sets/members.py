"""The photos of a set as what is compared: each alone, or those whose headings are known from each other as one.

Photos with relative headings share one unknown rotation, so their columns are laid on one cylinder and searched
together, as if one wide photo had been taken. Those with exact true headings are laid on one that needs no search.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.bundle import Embedding
from models.camera import GroundInput
from models.columns import place
from service.view import View

Float32s = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """One usable photo of a set."""

    number: int
    """Its place among the photos that were sent."""
    view: View
    """With a relative heading: described as if that were its true one."""
    relative_deg: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """What is compared once: a photo, or several on one cylinder."""

    view: View
    photos: tuple[int, ...]
    """Numbers of its photos."""
    turns_deg: tuple[float, ...]
    """Heading of each from that of the view."""
    digest: bytes
    """Of all that a comparison depends on; the order of members."""


def members(taken: Sequence[Taken], embedding: Embedding) -> list[Member]:
    """Group photos, in an order that does not depend on theirs; the same photo twice is one member.

    Args:
        embedding: layout of descriptions; with one column there are no headings, and each photo stands alone.
    """
    total = embedding.columns
    turned, known, alone = list[Taken](), list[Taken](), list[Taken]()
    for photo in taken:
        is_known = len(photo.view.prepared.ground.firsts) == 1
        group = alone if total == 1 else turned if photo.relative_deg is not None else known if is_known else alone
        group.append(photo)
    if len(known) == 1:
        alone, known = alone + known, []
    found: dict[bytes, Member] = {}
    for photo in alone:
        _add(found, photo.view, (photo.number,), (0.0,))
    for group in (turned, known):
        if group:
            view = _cylinder(group, embedding, searched=group is turned)
            turns = tuple(photo.relative_deg or 0.0 for photo in group)
            _add(found, view, tuple(photo.number for photo in group), turns)
    return [found[digest] for digest in sorted(found)]


def _add(found: dict[bytes, Member], view: View, photos: tuple[int, ...], turns_deg: tuple[float, ...]) -> None:
    digest = _digest(view)
    same = found.get(digest)
    before = (same.photos, same.turns_deg) if same else ((), ())
    found[digest] = Member(view, before[0] + photos, before[1] + turns_deg, digest)


def _digest(view: View) -> bytes:
    ground = view.prepared.ground
    said = f"{ground.seen} {ground.left_deg!r} {view.prepared.fov_deg!r} {view.prepared.heading_searched}"
    whole = hashlib.sha256(said.encode())
    whole.update(np.ascontiguousarray(ground.firsts).tobytes())
    whole.update(np.ascontiguousarray(view.columns).tobytes())
    return whole.digest()


def _cylinder(photos: Sequence[Taken], embedding: Embedding, *, searched: bool) -> View:
    """Lay photos on one cylinder; where they overlap, a column is the mean direction of theirs."""
    ordered = sorted(photos, key=lambda photo: _digest(photo.view))
    total = embedding.columns
    unit = np.zeros((total, ordered[0].view.columns.shape[1]))
    for photo in ordered:
        unit += _laid(photo.view, total)
    norm = np.linalg.norm(unit, axis=1, keepdims=True)
    seen = int((norm > 0).sum())
    columns = (unit / np.maximum(norm, 1e-12) / np.sqrt(seen)).astype(np.float32)
    firsts = embedding.turns if searched else np.array([0.0])
    widest_deg = max(photo.view.prepared.fov_deg for photo in photos)
    prepared = replace(
        ordered[0].view.prepared,
        ground=GroundInput(np.empty((3, 0, 0), np.float32), seen, firsts, 0.0),
        heading_searched=searched,
        fov_deg=min(360.0, max(widest_deg, seen * 360.0 / total)),
    )
    return View(prepared, columns)


def _laid(view: View, total: int) -> Float32s:
    """(total, E) columns of norm 1 where the photo saw, described with the one heading that it has."""
    unit = view.columns * np.float32(np.sqrt(len(view.columns)))
    return place(unit, view.prepared.ground.firsts[0], total).reshape(total, -1)
