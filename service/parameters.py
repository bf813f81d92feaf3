"""Parameters into a LocalizeRequest, whether they come as JSON, as flat fields or from the command line.

A flat field is the last word of its JSON path, as in `fov_deg` for `camera.fov_deg`. Errors point at the spelling
the request used and never repeat its values.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from service.errors import DuplicateField, InvalidParameters, MalformedJson, UnknownParameter
from service.schema import CameraRequest, ExifRequest, LocalizeRequest, PriorRequest, SearchRequest, Word

M = TypeVar("M", bound=BaseModel)
GROUPS: Mapping[str, type[BaseModel]] = {
    "prior": PriorRequest,
    "search": SearchRequest,
    "camera": CameraRequest,
    "exif": ExifRequest,
}
FLAT: Mapping[str, tuple[str, ...]] = {
    "top_k": ("top_k",),
    **{name: (group, name) for group, model in GROUPS.items() for name in model.model_fields},
    "include": ("include",),
}
INTEGERS = {"top_k"}
BOOLEANS = {"use_gps_as_prior", "use_focal_length"}
WORDS = {"mode", "index", "projection"}
LISTS = {"include": get_args(Word)}
"""Words parted by commas."""
MAX_NUMBER_LENGTH = 40
MOST_FAULTS = 32
"""Of a request with thousands of faults so many are told."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
INTEGER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
TYPE_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a string",
    "model": "an object",
}


def from_flat(fields: Iterable[tuple[str, str]]) -> LocalizeRequest:
    """Read flat fields: form fields, query parameters or command line options, in their text form.

    Raises:
        UnknownParameter, DuplicateField, InvalidParameters: pointing at the flat name.
    """
    document: dict[str, Any] = {}
    seen: set[str] = set()
    for name, text in fields:
        if name not in FLAT:
            raise unknown_field("", name, FLAT)
        if name in seen:
            raise DuplicateField(name, "is given more than once.")
        seen.add(name)
        *groups, leaf = FLAT[name]
        target = document
        for group in groups:
            target = target.setdefault(group, {})
        target[leaf] = _value(name, text)
    return _validate(document, flat=True)


def _value(name: str, text: str) -> object:
    if name in WORDS:
        return text
    if name in LISTS:
        words = text.split(",")
        if not set(words) <= set(LISTS[name]):
            raise InvalidParameters([(name, f"is not {', '.join(LISTS[name])}.")])
        return list(dict.fromkeys(words))
    if name in BOOLEANS:
        return flag(name, text)
    if name in INTEGERS:
        if not INTEGER.fullmatch(text):
            raise InvalidParameters([(name, "is not a whole number.")])
        return int(text)
    return decimal(name, text)


def flag(name: str, text: str) -> bool:
    """Read true or false. Raises InvalidParameters."""
    if text not in ("true", "false"):
        raise InvalidParameters([(name, "is neither true nor false.")])
    return text == "true"


def decimal(name: str, text: str) -> float:
    """Read a number of a flat field. Raises InvalidParameters."""
    if len(text) > MAX_NUMBER_LENGTH or not NUMBER.fullmatch(text):
        raise InvalidParameters([(name, "is not a decimal number.")])
    return float(text)


def parse_json(raw: bytes) -> dict[str, Any]:
    """Parse one JSON object; duplicate keys, NaN and infinities are refused.

    Raises:
        MalformedJson: it is not JSON, or not an object.
        DuplicateField: a key appears twice in one object.
    """
    document = parse_json_value(raw)
    if not isinstance(document, dict):
        raise MalformedJson("The JSON has to be one object.")
    return document


def parse_json_value(raw: bytes) -> Any:
    """Parse JSON of any kind, as `parse_json`."""
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
    except (ValueError, RecursionError) as error:
        raise MalformedJson("The JSON cannot be read: it has to be one UTF-8 object without NaN.") from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise DuplicateField("", "a key appears more than once in one JSON object.")
    return dict(pairs)


def _no_constants(word: str) -> float:
    raise ValueError(word)


def from_document(document: Mapping[str, Any]) -> LocalizeRequest:
    """Read the nested form of the request.

    Raises:
        UnknownParameter, InvalidParameters: pointing with dots, as in `prior.lat`.
    """
    return _validate(document, flat=False)


def _validate(document: Mapping[str, Any], *, flat: bool) -> LocalizeRequest:
    return read_model(LocalizeRequest, document, flat=flat)


def read_model(model: type[M], document: Mapping[str, Any], *, flat: bool = False) -> M:
    """Read a document into a strict model.

    Args:
        flat: point at the last word of a path alone, as flat fields are spelled.

    Raises:
        UnknownParameter, InvalidParameters: pointing with dots, as in `fixes.3.lat`.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        for fault in details:
            if fault["type"] == "extra_forbidden":
                *parents, name = (str(part) for part in fault["loc"])
                raise unknown_field(".".join(parents), name, _model_at(model, parents).model_fields) from None
        raise InvalidParameters([_fault(dict(fault), flat=flat) for fault in details[:MOST_FAULTS]]) from None


def _model_at(model: type[BaseModel], path: Iterable[str]) -> type[BaseModel]:
    """Follow field names down into the models of a model; places in a list are passed over."""
    for name in path:
        if name in model.model_fields:
            model = next(_models_in(model.model_fields[name].annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def unknown_field(parent: str, name: str, known: Iterable[str]) -> UnknownParameter:
    """Say that a field is unknown without repeating its name: by the closest known one, or by all of them."""
    near = difflib.get_close_matches(name[:MAX_NUMBER_LENGTH], known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
    return UnknownParameter(parent, f"A field is unknown. {hint}")


def _fault(fault: dict[str, Any], *, flat: bool) -> tuple[str, str]:
    """Pointer and detail of one pydantic error, in words that hold nothing of the input."""
    context = fault.get("ctx", {})
    path = [str(part) for part in fault["loc"]]
    path += [context["pointer"]] if "pointer" in context else []
    pointer = path[-1] if flat else ".".join(path)
    kind = str(fault["type"])
    match kind:
        case "dependency":
            return pointer, str(context["detail"])
        case "missing":
            return pointer, "is needed."
        case "literal_error":
            return pointer, f"is not {context['expected']}."
        case "greater_than_equal" | "less_than_equal" | "greater_than" | "less_than":
            bound = context.get("ge", context.get("le", context.get("gt", context.get("lt"))))
            return pointer, f"has to be {kind.replace('_', ' ').replace('equal', 'or equal to')} {bound:g}."
        case "finite_number":
            return pointer, "has to be a finite number."
        case "string_too_long":
            return pointer, f"has at most {context['max_length']} characters."
        case "too_long":
            return pointer, f"has at most {context['max_length']} items."
        case "too_short":
            return pointer, f"has at least {context['min_length']} items."
    expected = TYPE_NAMES.get(kind.removesuffix("_type"), "valid")
    return pointer, f"has to be {expected}."
