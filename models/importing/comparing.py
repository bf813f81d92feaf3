"""Hold the names and shapes of foreign weights against those of a network, and explain what differs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from models.errors import CheckpointMismatch

SHOWN = 5
RENAMED_SHARE = 0.5


Shapes = Mapping[str, tuple[int, ...]]


def require_match(state: Mapping[str, Tensor], expected: Shapes, source: str, reason: str) -> None:
    """Refuse weights that are not exactly those of a network.

    Args:
        state: name -> tensor, as found.
        expected: name -> shape.
        source: file, for messages.
        reason: what the weights were taken for, and which option says otherwise.

    Raises:
        CheckpointMismatch: listing what is missing, unexpected, renamed, of another shape or not finite.
    """
    missing = [name for name in expected if name not in state]
    unexpected = [name for name in state if name not in expected]
    reshaped = [
        f"{name} {tuple(state[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if name in state and tuple(state[name].shape) != shape
    ]
    renamed = _renamed(missing, unexpected, state, expected)
    parts = [
        _part("missing", missing),
        _part("unexpected", unexpected),
        _part("probably renamed", renamed),
        _part("of another shape", reshaped),
    ]
    faults = "; ".join(part for part in parts if part)
    if faults:
        raise CheckpointMismatch(f"{source}: {faults}. {reason}")
    _require_numbers(state, source)


def shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def common_start(names: Collection[str]) -> str:
    """Give what all names begin with, up to and with a dot; empty if there is nothing."""
    first, last = min(names, default=""), max(names, default="")
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return first[: first.rfind(".", 0, same) + 1]


def _require_numbers(state: Mapping[str, Tensor], source: str) -> None:
    whole = [name for name, tensor in state.items() if not tensor.is_floating_point()]
    broken = [name for name, tensor in state.items() if name not in whole and not torch.isfinite(tensor).all()]
    parts = [_part("not floating-point", whole), _part("with NaN or infinite values", broken)]
    faults = "; ".join(part for part in parts if part)
    if faults:
        raise CheckpointMismatch(f"{source}: {faults}. The file is damaged, or training diverged.")


def _renamed(missing: list[str], unexpected: list[str], state: Mapping[str, Tensor], expected: Shapes) -> list[str]:
    """Pair missing with unexpected names of the same shape and the same ending."""
    pairs, free = [], list(unexpected)
    for name in missing:
        ending = name.rpartition(".")[2]
        for other in free:
            if tuple(state[other].shape) == expected[name] and other.rpartition(".")[2] == ending:
                pairs.append(f"{other} for {name}")
                free.remove(other)
                break
    return pairs if pairs and len(pairs) <= RENAMED_SHARE * len(expected) else []


def _part(word: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {word}: {', '.join(names[:SHOWN])}{more}"
