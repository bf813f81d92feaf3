"""What goes for all fixes of a call, out of query parameters: formats of others have no place for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from service.correct.schema import MountedCamera, Settled
from service.errors import DuplicateField, InvalidParameters, UnknownParameter
from service.parameters import MAX_NUMBER_LENGTH, NUMBER, read_model

FLAT: Mapping[str, tuple[str, ...]] = {
    "index": ("search", "index"),
    "false_alarm_rate": ("false_alarm_rate",),
    "smooth": ("smooth",),
    **{name: ("camera", name) for name in MountedCamera.model_fields},
}
WORDS, BOOLEANS = frozenset({"index", "projection"}), frozenset({"smooth"})


def read_settled(fields: Iterable[tuple[str, str]]) -> Settled:
    """Read flat fields.

    Raises:
        UnknownParameter, DuplicateField, InvalidParameters: pointing at the flat name.
    """
    document: dict[str, Any] = {}
    seen: set[str] = set()
    for name, text in fields:
        if name not in FLAT:
            raise UnknownParameter("", f"A query parameter is unknown. Known are format, {', '.join(FLAT)}.")
        if name in seen:
            raise DuplicateField(name, "is given more than once.")
        seen.add(name)
        *groups, leaf = FLAT[name]
        target = document
        for group in groups:
            target = target.setdefault(group, {})
        target[leaf] = _value(name, text)
    return read_model(Settled, document, flat=True)


def _value(name: str, text: str) -> object:
    if name in WORDS:
        return text
    if name in BOOLEANS:
        if text not in ("true", "false"):
            raise InvalidParameters([(name, "is neither true nor false.")])
        return text == "true"
    if len(text) > MAX_NUMBER_LENGTH or not NUMBER.fullmatch(text):
        raise InvalidParameters([(name, "is not a decimal number.")])
    return float(text)
