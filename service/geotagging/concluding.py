"""From a look at a photo to what is written for it, and the writing."""

from __future__ import annotations

import errno
import hashlib
from dataclasses import dataclass, replace

from models.disk import DISK, Disk
from service.errors import ExifUnusable, GeotagError, PhotoChanged
from service.geotagging import rows
from service.geotagging.embedded import found_inside
from service.geotagging.jpeg import with_position
from service.geotagging.looking import Look
from service.geotagging.memory import Known
from service.geotagging.options import Options
from service.geotagging.placement import Placement
from service.geotagging.reading import read_regular
from service.geotagging.rows import Row
from service.geotagging.sidecars import Change, planned, sidecars_of
from service.geotagging.walk import Odd, Photo
from service.geotagging.writing import replace as replace_file

RENEWAL_NOT_PLACED, UNWRITABLE, INTERNAL = "renewal_not_placed", "unwritable", "internal"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A row of the report, and what is to be remembered of the photo: as a file, and what it holds."""

    row: Row
    photo: Photo | None = None
    known: Known | None = None


def odd(what: Odd) -> Conclusion:
    return Conclusion(Row(what.name, "unreadable", what.code, what.detail))


def unforeseen(photo: Photo, error: Exception) -> Conclusion:
    """A photo that nobody thought of must not keep an archive from being done."""
    return Conclusion(Row(photo.name, "failed", INTERNAL, f"{type(error).__name__}; the log has more."))


def conclude(look: Look, options: Options, disk: Disk = DISK) -> Conclusion:
    """Decide about a photo and write what is to be written.

    Raises:
        OSError: the disk is full; whatever else the system refuses is the photo's row.
    """
    photo, known = look.photo, look.known if look.is_kept else None
    if look.code:
        outcome: rows.Outcome = "unreadable" if look.is_unreadable else "failed"
        return Conclusion(Row(photo.name, outcome, look.code, look.detail), photo, None)
    if look.foreign is not None:
        return Conclusion(rows.has_position(photo.name, look.foreign), photo, known)
    if look.own and not options.wants_answer(photo, look.founds):
        return Conclusion(_stays(look), photo, known)
    told = look.known.told if look.known else None
    if told is None:
        code, detail = (look.known.code, look.known.detail) if look.known else ("", "")
        return Conclusion(Row(photo.name, "unreadable", code, detail), photo, known)
    placement = told.placement(options.min_confidence)
    if placement is None and look.own:
        return Conclusion(_stays(look, RENEWAL_NOT_PLACED), photo, known)
    if placement is None:
        return Conclusion(rows.not_placed(photo.name, told), photo, known)
    try:
        now = replace(look, sidecars=sidecars_of(photo))  # the photo before may have got one that is this one's too
        if now.foreign is not None:
            return Conclusion(rows.has_position(photo.name, now.foreign), photo, known)
        return _placed(now, placement, options, disk)
    except GeotagError as error:
        code, detail = error.code, str(error)
    except OSError as error:
        if error.errno in FULL:
            raise
        code, detail = UNWRITABLE, f"It cannot be written: {error.strerror}."
    return Conclusion(Row(photo.name, "failed", code, detail, status=told.status), photo, known)


def _stays(look: Look, code: str = "") -> Row:
    """What Skyfix wrote before, into the photo rather than beside it."""
    where, placement = min(look.own, key=lambda own: own[0] != "exif")
    return rows.placed(look.photo.name, "placed", placement, where, is_new=False, code=code)


def _placed(look: Look, placement: Placement, options: Options, disk: Disk) -> Conclusion:
    """Write a position where it belongs, and on renewal wherever Skyfix wrote one.

    Raises:
        GeotagError, OSError: it cannot be written.
    """
    photo, known, into_exif = look.photo, look.known, options.into_exif(look.photo)
    namings = {sidecar.naming for sidecar in look.sidecars if sidecar.found and options.renew}
    namings |= set() if into_exif else {options.naming}
    changes = [planned(photo, look.sidecars, naming, placement) for naming in sorted(namings)]
    where = next((change.path.name for change in changes), "")
    if into_exif or (options.renew and any(there == "exif" for there, _ in look.own)):
        change, placement = _exif(look, placement)
        changes, where = [*changes, change], "exif"
    if options.dry_run:
        return Conclusion(rows.placed(photo.name, "would_place", placement, where, is_new=False), photo, known)
    written = [replace_file(c.path, c.before, c.after, times=c.path == photo.path, disk=disk) for c in changes]
    if where == "exif":
        photo, known = _again(photo, known, changes[-1].after)
    return Conclusion(rows.placed(photo.name, "placed", placement, where, is_new=any(written)), photo, known)


def _exif(look: Look, placement: Placement) -> tuple[Change, Placement]:
    """Plan the photo anew; give what it is to hold, and the placement as EXIF, which is ASCII, gives it back."""
    photo = look.photo
    before = read_regular(photo.path)
    now = photo.path.stat(follow_symlinks=False)
    if (now.st_size, now.st_mtime_ns) != (photo.size, photo.mtime_ns):
        raise PhotoChanged(f"{photo.path.name} was changed while it was being placed. Run again.")
    after = with_position(before, placement)
    found = found_inside(after)
    if found is None or found.own is None:
        raise ExifUnusable(f"A position in the EXIF of {photo.path.name} would not be read back.")
    return Change(photo.path, before, after), found.own


def _again(photo: Photo, known: Known | None, data: bytes) -> tuple[Photo, Known]:
    """Look at what was just written, so that the next run need not; the answer is that of the same pixels."""
    now = photo.path.stat(follow_symlinks=False)
    told = known.told if known else None
    again = Known(hashlib.sha256(data).hexdigest(), found_inside(data), told)
    return replace(photo, size=now.st_size, mtime_ns=now.st_mtime_ns), again
