"""Which form of GeoPose an Accept header asks for, if it asks for one.

`application/geopose+json` is the type that IANA has registered for OGC GeoPose, with an optional `version`. The
standard has several forms and no parameter to choose one; `profile` is ours, as JSON-LD has it (RFC 6906):

    Accept: application/geopose+json
    Accept: application/geopose+json; version=1.0; profile=basic-quaternion
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from service.geojson import quality_of

Profile = Literal["basic-ypr", "basic-quaternion"]

MEDIA_TYPE = "application/geopose+json"
OTHERS = ("application/json", "application/geo+json")
VERSIONS = ("1.0", "1.0.0")
MOST_CHARACTERS = 1000
"""Of a header that is taken apart."""
REQUIREMENTS = "http://www.opengis.net/spec/geopose/1.0/req/"
PROFILES: Mapping[str, Profile] = {
    "": "basic-ypr",
    "basic-ypr": "basic-ypr",
    "basic-quaternion": "basic-quaternion",
    REQUIREMENTS + "basic-ypr": "basic-ypr",
    REQUIREMENTS + "basic-quaternion": "basic-quaternion",
}
QUOTED = r'"(?:[^"\\]|\\.)*"'
ENTRY = re.compile(rf"(?:[^,\"]|{QUOTED}|\")+")
PART = re.compile(rf"(?:[^;\"]|{QUOTED}|\")+")


def geopose_profile(accept: str) -> Profile | None:
    """Give the form that an Accept header likes best; None if it likes JSON or GeoJSON better, or names no GeoPose.

    Of two that it likes alike the first counts. Another version or profile than those that there are is not there.
    """
    if MEDIA_TYPE not in accept.lower() or len(accept) > MOST_CHARACTERS:
        return None
    best: tuple[float, Profile] | None = None
    others = 0.0
    for media_type, parameters in _entries(accept):
        quality = quality_of(parameters.get("q", "1"))
        if media_type in OTHERS:
            others = max(others, quality)
        profile = PROFILES.get(parameters.get("profile", ""))
        known = media_type == MEDIA_TYPE and parameters.get("version", VERSIONS[0]) in VERSIONS
        if known and profile is not None and quality > (0.0 if best is None else best[0]):
            best = quality, profile
    return None if best is None or best[0] < others else best[1]


def _entries(accept: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Give type and parameters of each entry, in lower case and without quotes."""
    for entry in ENTRY.findall(accept.lower()):
        media_type, *parts = (part.strip() for part in PART.findall(entry) or [""])
        named = (part.partition("=") for part in parts)
        yield media_type, {name.strip(): value.strip().strip('"') for name, _, value in named}
