"""The page's files: a closed list, read once, served with the types and the policy that a browser holds them to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parent / "static"
INDEX = "index.html"
VENDOR = "vendor"
VENDOR_FILES = ("maplibre-gl.mjs", "maplibre-gl-worker.mjs", "maplibre-gl.css", "LICENSE.txt")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is sent."""

    content: bytes
    media_type: str
    etag: str


def read_files(root: Path = STATIC) -> dict[str, PageFile]:
    """Read every file that belongs to the page, by its path below the root; what else lies there is not served."""
    return {str(path.relative_to(root)): _read(path) for path in _files(root)}


def has_map(files: dict[str, PageFile]) -> bool:
    """Is the map library there?"""
    return all(f"{VENDOR}/{name}" in files for name in VENDOR_FILES[:2])


def policy(style_url: str | None) -> str:
    """Content-Security-Policy: nothing but this service, and the operator's own base map where one is set."""
    elsewhere = "" if style_url is None else " https: http:"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "worker-src 'self' blob:",
            "style-src 'self'",
            f"img-src 'self' data: blob:{elsewhere}",
            f"connect-src 'self'{elsewhere}",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root).parts
        wanted = path.name in VENDOR_FILES if inside[0] == VENDOR else path.suffix in TYPES
        if path.is_file() and not path.is_symlink() and wanted:
            yield path


def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    return PageFile(content, TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')
