"""Mosaics that GDAL knows as VRT: what they refer to, before GDAL is let near them."""

from __future__ import annotations

import html
import re
from pathlib import Path

from models.errors import PathUnsafe, SourceError

VRT, DATASET = ".vrt", b"<VRTDataset"
HEAD_BYTES, SPACES = 256, b"\xef\xbb\xbf \t\r\n"
REMOTE = re.compile(rb">\s*((?:/vsi|[A-Za-z][A-Za-z0-9+.-]+://)[^<]*)")
"""What a VRT must not refer to: GDAL's virtual file systems and URLs."""
DEEPEST_MOSAIC, MOSAIC_LIMIT_BYTES = 4, 256 * 1024 * 1024
PIECE, RELATIVE = re.compile(rb"<SourceFilename([^>]*)>([^<]*)<"), re.compile(rb"relativeToVRT\s*=\s*[\"']1")


def check_pieces(path: Path, depth: int = 0) -> None:
    """Refuse a mosaic that is not whole before work begins: GDAL takes a lost piece for nodata.

    Raises:
        PathUnsafe: its pieces are not files on this machine. SourceError: one is missing, or it cannot be read.
    """
    if depth > DEEPEST_MOSAIC:
        raise SourceError(f"{path} is a mosaic of mosaics more than {DEEPEST_MOSAIC} deep, or of itself.")
    try:
        if path.stat().st_size > MOSAIC_LIMIT_BYTES:
            raise SourceError(
                f"{path} has more than {MOSAIC_LIMIT_BYTES} bytes. Give the folder of its pieces instead."
            )
        text = path.read_bytes()
        if depth and DATASET not in text:
            raise PathUnsafe(f"{path} is a text that is no VRT; a mosaic's pieces must be images or VRTs.")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    remote = REMOTE.search(text)
    if remote is not None:
        name = remote[1].decode(errors="replace")[:200]
        raise PathUnsafe(f"{path} refers to {name}; a mosaic's pieces must be files on this machine.")
    names = {(RELATIVE.search(about) is not None, name) for about, name in PIECE.findall(text)}
    for relative, name in sorted(names):
        piece = Path(html.unescape(name.decode(errors="surrogateescape")))
        file = (path.resolve().parent / piece) if relative else piece
        if not file.is_file():
            raise SourceError(
                f"{path} refers to {piece}, which is not there. Bring it back, or build the mosaic again."
            )
        if _is_text(file):
            check_pieces(file, depth + 1)


def _is_text(file: Path) -> bool:
    """Say whether GDAL may take a piece for a description of other pieces, whatever its name ends in."""
    try:
        with file.open("rb") as stream:
            return stream.read(HEAD_BYTES).lstrip(SPACES)[:1] in (b"<", b"{")
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror}.") from error
