"""Read a .safetensors file: eight bytes of length, a JSON header, then the tensors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.errors import CheckpointUnreadable

HEADER_LIMIT_BYTES = 32 << 20
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors.

    Raises:
        CheckpointUnreadable: the header is damaged, or claims bytes that the file has not.

    Source: the format's description in the repository huggingface/safetensors.
    """
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    if not 2 <= length <= min(HEADER_LIMIT_BYTES, len(raw) - 8):
        raise CheckpointUnreadable(f"{path} is no safetensors file: a header of {length} bytes in {len(raw)}.")
    try:
        header = json.loads(raw[8 : 8 + length])
        body = bytearray(raw[8 + length :])
        return {name: _tensor(body, entry) for name, entry in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointUnreadable(f"{path} has a damaged header: {error}. Copy it again.") from error


def _tensor(body: bytearray, entry: dict[str, Any]) -> Tensor:
    dtype, shape, (start, end) = DTYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
    sizes = all(isinstance(size, int) and size >= 0 for size in (*shape, start, end))
    count = math.prod(shape)
    if not sizes or end > len(body) or end - start != count * dtype.itemsize:
        raise ValueError(f"shape {shape} at bytes {start} to {end} of {len(body)}")
    if not count:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(body, dtype=dtype, count=count, offset=start).reshape(shape)
