"""What a run is asked to do, and what that means for photos that have a position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.geotagging.placement import Found
from service.geotagging.sidecars import Naming
from service.geotagging.walk import Photo

Write = Literal["sidecar", "exif"]
MIN_CONFIDENCE = 0.8


@dataclass(frozen=True, slots=True)
class Options:
    """How positions are written, and which."""

    write: Write = "sidecar"
    naming: Naming = "full"
    min_confidence: float = MIN_CONFIDENCE
    """Least P(error <= 25 m) of a position that is written."""
    renew: bool = False
    """Ask again about photos that Skyfix placed."""
    dry_run: bool = False
    """Write nothing beside or into photos."""

    def wants_answer(self, photo: Photo, own: Sequence[Found]) -> bool:
        """Say whether a photo has to be placed.

        Args:
            photo: the photo.
            own: positions that it has, all Skyfix's.
        """
        if not own or self.renew:
            return True
        return self.into_exif(photo) and all(found.where != "exif" for found in own)

    def into_exif(self, photo: Photo) -> bool:
        """Say whether a position goes into the photo's EXIF; only that of a JPEG is ever changed."""
        return self.write == "exif" and photo.is_jpeg
