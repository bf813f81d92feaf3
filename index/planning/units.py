"""Amounts as people write them: 2GB, 500 MiB, 15m, 0.5km."""

from __future__ import annotations

import re
from collections.abc import Mapping

import click

AMOUNT = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-z]*)\s*")
BYTES = {"": 1.0, "b": 1.0} | {
    f"{letter}{ending}": float(base ** (power + 1))
    for power, letter in enumerate("kmgt")
    for ending, base in (("", 1000), ("b", 1000), ("ib", 1024))
}
METRES = {"": 1.0, "m": 1.0, "km": 1000.0, "cm": 0.01}


def size(text: str) -> float:
    """Read bytes, for an option of a command."""
    return _amount(text, BYTES, "2GB, 500MB or 1.5GiB")


def length(text: str) -> float:
    """Read metres, for an option of a command."""
    return _amount(text, METRES, "15m")


def _amount(text: str, units: Mapping[str, float], example: str) -> float:
    found = AMOUNT.fullmatch(text)
    factor = units.get(found[2].lower(), 0.0) if found else 0.0
    amount = float(found[1]) * factor if found else 0.0
    if amount <= 0:
        raise click.BadParameter(f"{text!r} is no such amount; write for example {example}.")
    return amount


def size_words(size_bytes: float) -> str:
    """Write bytes for people, in powers of 1000: 1.23 GB."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size_bytes < 999.5 or unit == "TB":
            break
        size_bytes /= 1000
    return f"{size_bytes:.3g} {unit}"


def time_words(seconds: float) -> str:
    """Write a duration for people: 8 s, 12 min, 3 h 20 min, 4 d 6 h."""
    if seconds < 99.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
