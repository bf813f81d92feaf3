"""Text on pictures, in the font that comes with Pillow; where that lacks a letter, in the system's DejaVu Sans."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import ImageFont

KNOWN = frozenset(map(chr, range(0x20, 0x7F))) | frozenset("©°·")
"""Letters of the font that comes with Pillow."""
OTHER = "DejaVuSans.ttf"
SPELT = {"ß": "ss", "–": "-", "—": "-", "æ": "ae", "ø": "o", "ł": "l", "’": "'", "×": "x", "²": "2"}
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=32)
def _usual(size: int) -> Font:
    return ImageFont.load_default(size)


@lru_cache(maxsize=32)
def _other(size: int) -> Font | None:
    try:
        return ImageFont.truetype(OTHER, size)
    except OSError:
        return None


def lettering(text: str, size: int) -> tuple[str, Font]:
    """Choose a font for a text, and spell it plainly where there is none that has its letters."""
    text = "".join(letter for letter in text if letter.isprintable())
    if set(text) <= KNOWN:
        return text, _usual(size)
    other = _other(size)
    return (text, other) if other is not None else (plain(text), _usual(size))


def plain(text: str) -> str:
    """Spell a text without the letters that the usual font lacks."""
    spelt = unicodedata.normalize("NFKD", "".join(SPELT.get(letter, letter) for letter in text))
    return "".join(letter for letter in spelt if letter in KNOWN)


def shortened(text: str, size: int, most_px: float) -> str:
    """Cut a text at its end until it is no wider than that."""
    if width_of(text, size) <= most_px:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if width_of(text[:middle] + "...", size) <= most_px else (low, middle - 1)
    return text[:low].rstrip() + "..."


def width_of(text: str, size: int) -> float:
    """Give a text's width in pixels."""
    said, font = lettering(text, size)
    return float(font.getlength(said))
