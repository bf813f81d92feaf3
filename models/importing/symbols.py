"""What stands for an object while a pickle is rehearsed, and the few calls that are let pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

ITEM_BYTES = {
    "DoubleStorage": 8,
    "LongStorage": 8,
    "FloatStorage": 4,
    "IntStorage": 4,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "ShortStorage": 2,
    "CharStorage": 1,
    "ByteStorage": 1,
    "BoolStorage": 1,
}
STORAGES = {f"torch.{name}": size for name, size in ITEM_BYTES.items()}
DTYPES = {"f8": 8}
DTYPE_STATES = tuple((3, order, None, None, None, -1, -1, 0) for order in "<>=")
"""What numpy notes of a plain dtype; it does not check what it is given and can crash over anything else."""
Kind = Literal["dict", "list", "tensor", "dtype", "scalar"]


@dataclass(frozen=True, slots=True)
class Global:
    """A function or class that the pickle names."""

    path: str


@dataclass(frozen=True, slots=True)
class Made:
    """Something that loading would make; what it holds does not matter here."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Storage:
    items: int


def _tensor(arguments: tuple[Any, ...]) -> Made | None:
    """A tensor must lie inside its storage and be no larger than it."""
    match arguments:
        case (Storage(items), int(offset), tuple(size), tuple(stride), bool(), Made("dict")):
            whole = len(size) == len(stride) and all(isinstance(n, int) and n >= 0 for n in (offset, *size, *stride))
            if not whole:
                return None
            count, last = 1, offset
            for n, step in zip(size, stride, strict=True):
                count, last = count * n, last + (n - 1) * step
            return Made("tensor") if count == 0 or (last < items and count <= items) else None
    return None


def _parameter(arguments: tuple[Any, ...]) -> Made | None:
    match arguments:
        case (Made("tensor"), bool(), Made("dict")):
            return Made("tensor")
    return None


def _encode(arguments: tuple[Any, ...]) -> bytes | None:
    """Other encodings than latin1 could turn a short text into a very long one."""
    match arguments:
        case (str(text), "latin1"):
            return text.encode("latin1")
    return None


def _dtype(arguments: tuple[Any, ...]) -> Made | None:
    match arguments:
        case (str(code), int(), int()) if code in DTYPES:
            return Made("dtype")
    return None


def _scalar(arguments: tuple[Any, ...]) -> Made | None:
    match arguments:
        case (Made("dtype"), bytes(raw)) if len(raw) in DTYPES.values():
            return Made("scalar")
    return None


CALLS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "collections.OrderedDict": lambda arguments: Made("dict") if arguments == () else None,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "_codecs.encode": _encode,
    "numpy.dtype": _dtype,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.core.multiarray.scalar": _scalar,
}
