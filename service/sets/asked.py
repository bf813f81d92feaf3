"""What is asked about each photo of several, in the words of POST /localize: shared fields and those of one photo."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import ParameterError
from service.errors import InvalidParameters
from service.multipart import IMAGE
from service.parameters import GROUPS, from_document, unknown_field
from service.requests import Upload
from service.schema import LocalizeRequest
from service.sets.parts import IMAGES, Json, Parcel, Sent, holds, merged

RELATIVE, SKIP, INCLUDE = "relative_heading_deg", "skip_unusable", "include"
OF_ALL = tuple(name for name in LocalizeRequest.model_fields if name != INCLUDE)
"""What is said of a set as of a photo; what an answer rests on is told of single photos only."""
OF_ONE = ("camera", RELATIVE)
"""What the photos of a set may each say beside their file."""


@dataclass(frozen=True, slots=True)
class SetAsked:
    """Photos of one place; what they share is the same in all of them."""

    photos: tuple[Upload, ...]
    relative_deg: tuple[float | None, ...]
    """Headings clockwise from a zero that nobody knows, where they were given."""
    skip_unusable: bool


def ask_each(parcel: Parcel) -> list[Upload | ParameterError]:
    """Read a batch: each photo with parameters of its own, or what is wrong with it, pointing below it.

    Raises:
        UnknownParameter, InvalidParameters: of what is shared.
    """
    _check_names(parcel.shared, LocalizeRequest.model_fields, (*LocalizeRequest.model_fields, IMAGES))
    return [_read(parcel.shared, sent) for sent in parcel.photos]


def ask_together(parcel: Parcel) -> SetAsked:
    """Read a set.

    Raises:
        UnknownParameter, MissingImage, InvalidParameters: pointing at all that is wrong, as `images.3.camera.fov_deg`.
    """
    shared = dict(parcel.shared)
    known = (*OF_ALL, SKIP)
    _check_names(shared, known, (*known, IMAGES))
    skip = shared.pop(SKIP, False)
    if not isinstance(skip, bool):
        raise InvalidParameters([(SKIP, "has to be true or false.")])
    photos, relative, faults = [], [], list[tuple[str, str]]()
    for place, sent in enumerate(parcel.photos):
        within = f"{IMAGES}.{place}"
        for name in sent.said:
            if name not in OF_ONE:
                raise unknown_field(within, name, (IMAGE, *OF_ONE))
        turn, wrong = _relative(sent.said, merged(shared, sent.said))
        read = _read(shared, Sent(sent.image, {name: value for name, value in sent.said.items() if name != RELATIVE}))
        if isinstance(read, Upload):
            photos.append(read)
        elif isinstance(read, InvalidParameters):
            wrong += read.faults
        else:
            raise type(read)(f"{within}.{read.pointer}".rstrip("."), read.detail)
        relative.append(turn)
        faults += [(f"{within}.{pointer}", detail) for pointer, detail in wrong]
    if faults:
        raise InvalidParameters(faults)
    return SetAsked(tuple(photos), tuple(relative), skip)


def _relative(said: Mapping[str, Any], whole: Mapping[str, Any]) -> tuple[float | None, list[tuple[str, str]]]:
    given = said.get(RELATIVE)
    if given is None:
        return None, []
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0.0 <= given < 360.0:
        return None, [(RELATIVE, "has to be a number from 0 below 360.")]
    camera = whole.get("camera")
    if isinstance(camera, dict) and camera.get("heading_deg") is not None:
        return None, [(RELATIVE, "says the heading in another way than camera.heading_deg; send one of them.")]
    return float(given), []


def _read(shared: Json, sent: Sent) -> Upload | ParameterError:
    """Give the photo with its parameters, or what is wrong with it alone.

    Raises:
        InvalidParameters: what is wrong is shared.
    """
    if isinstance(sent.image, ParameterError):
        return sent.image
    try:
        return Upload(sent.image, from_document(merged(shared, sent.said)))
    except InvalidParameters as error:
        ours = [fault for fault in error.faults if holds(shared, fault[0]) and not holds(sent.said, fault[0])]
        if ours:
            raise InvalidParameters(ours) from None
        return error
    except ParameterError as error:
        return error


def _check_names(shared: Mapping[str, Any], known: Collection[str], told: Iterable[str]) -> None:
    """Raises UnknownParameter: a field of all photos that does not exist; one of a single photo is that one's."""
    for name, value in shared.items():
        if name not in known:
            raise unknown_field("", name, told)
        group = GROUPS.get(name)
        if group is not None and isinstance(value, dict):
            for inner in value:
                if inner not in group.model_fields:
                    raise unknown_field(name, inner, group.model_fields)
