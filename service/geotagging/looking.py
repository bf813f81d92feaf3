"""A look at one photo: where it says it is, and if it does not say, what the localizer says. Nothing is written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from models.errors import EncoderError, ImageError, ImageTypeUnsupported, ParameterError
from service.errors import PhotoUnreadable, SidecarUnusable
from service.geotagging.embedded import found_inside
from service.geotagging.memory import Known, Memory
from service.geotagging.options import Options
from service.geotagging.placement import Found, Placement
from service.geotagging.reading import read_regular
from service.geotagging.sidecars import Sidecar, sidecars_of
from service.geotagging.told import told_by
from service.geotagging.walk import Photo
from service.geotagging.xmp import harmless
from service.localizer import Localizer
from service.query import Query


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a photo. If `code` is set, that is why nothing more is."""

    photo: Photo
    sidecars: tuple[Sidecar, ...] = ()
    known: Known | None = None
    is_kept: bool = True
    """That the next run may believe it without looking."""
    code: str = ""
    detail: str = ""
    is_unreadable: bool = False

    @property
    def founds(self) -> list[Found]:
        """Every position that the photo has, in itself or beside it."""
        beside = [sidecar.found for sidecar in self.sidecars if sidecar.found]
        return beside + ([self.known.found] if self.known and self.known.found else [])

    @property
    def own(self) -> list[tuple[str, Placement]]:
        """Where Skyfix wrote a position, and which."""
        return [(found.where, found.own) for found in self.founds if found.own]

    @property
    def foreign(self) -> Found | None:
        """A position that is not Skyfix's, or Skyfix's and another photo's."""
        for sidecar in self.sidecars:
            found = sidecar.found
            is_shared = sidecar.naming == "stem" and found and found.photo != harmless(self.photo.path.name)
            if found and (found.own is None or is_shared):
                return found
        inside = self.known.found if self.known else None
        return inside if inside and inside.own is None else None


class Looker:
    """Looks at photos, from several threads at once.

    Args:
        localizer: calibrated.
        query: what to ask about each photo.
        memory: of earlier looks, which are not repeated.
        options: of the run.
        version: of the program.
    """

    def __init__(self, localizer: Localizer, query: Query, memory: Memory, options: Options, version: str) -> None:
        self._localizer, self._query, self._memory = localizer, query, memory
        self._options, self._version = options, version

    def look(self, photo: Photo) -> Look:
        """Look at a photo. Raises nothing that is the photo's fault."""
        try:
            sidecars = sidecars_of(photo)
            beside = Look(photo, sidecars)
            if beside.foreign:
                return beside
            return self._inside(photo, sidecars)
        except SidecarUnusable as error:
            return Look(photo, code=error.code, detail=str(error))
        except PhotoUnreadable as error:
            return Look(photo, code=error.code, detail=str(error), is_unreadable=True)

    def _inside(self, photo: Photo, sidecars: tuple[Sidecar, ...]) -> Look:
        known = self._memory.recall(photo)
        data = None
        if known is None:
            data = read_regular(photo.path)
            digest = hashlib.sha256(data).hexdigest()
            known = self._memory.recall_bytes(photo, digest) or Known(digest, found_inside(data))
        look = Look(photo, sidecars, known)
        if known.told is not None or known.code or look.foreign or not self._options.wants_answer(photo, look.founds):
            return look
        return self._asked(photo, sidecars, known, read_regular(photo.path) if data is None else data)

    def _asked(self, photo: Photo, sidecars: tuple[Sidecar, ...], known: Known, data: bytes) -> Look:
        localizer = self._localizer
        try:
            decoded = localizer.decode(data)
            if decoded.gps is not None and known.found is None:
                found = Found(decoded.gps.lat, decoded.gps.lon, "exif")
                return Look(photo, sidecars, Known(known.sha256, found))
            prepared = localizer.prepare(decoded, self._query)
            answer = localizer.search(self._query, prepared, localizer.describe(prepared))
        except ImageError as error:
            said = Known(known.sha256, known.found, code=error.code, detail=str(error))
            return Look(photo, sidecars, said, is_kept=not isinstance(error, ImageTypeUnsupported))
        except (EncoderError, ParameterError) as error:
            return Look(photo, sidecars, code=error.code, detail=str(error))
        return Look(photo, sidecars, Known(known.sha256, known.found, told_by(answer, self._version)))
