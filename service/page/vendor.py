"""`python -m service.page.vendor`: fetch the map library for the page, held to its published digest.

MapLibre GL JS (BSD-3-Clause) is not part of this repository: a build fetches one release from the npm registry, checks
it against the digest below and keeps what the page needs beside its other files, the licence included.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import sys
import tarfile
import urllib.request
from pathlib import Path

from models.disk import DISK
from models.errors import SkyfixError
from service.errors import VendorFailed
from service.page.files import STATIC, VENDOR, VENDOR_FILES

NAME, VERSION = "maplibre-gl", "6.17.0"
SHA512 = "2chIZwpLGenoUQOcnm9Pk4SLbA8ppNFq8jlpXiq9vcYm3Y1wJ3fc82FL0GLwBaPYJCLzPv/mC46KEupVov75rQ=="
REGISTRY = "https://registry.npmjs.org"
MOST_BYTES = 64 * 1024 * 1024
TIMEOUT_S = 120.0
IN_PACKAGE = {name: f"package/{'' if name == 'LICENSE.txt' else 'dist/'}{name}" for name in VENDOR_FILES}


def fetch(registry: str = REGISTRY) -> bytes:
    """Download the release.

    Raises:
        VendorFailed: the registry cannot be reached, or sends something else.
    """
    url = f"{registry.rstrip('/')}/{NAME}/-/{NAME}-{VERSION}.tgz"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
            package: bytes = response.read(MOST_BYTES + 1)
    except OSError as error:
        raise VendorFailed(f"{NAME} {VERSION} cannot be fetched from {registry}: {error}. Try again later.") from error
    found = base64.b64encode(hashlib.sha512(package).digest()).decode("ascii")
    if found != SHA512:
        raise VendorFailed(f"The registry sent another {NAME} {VERSION} than the pinned one: SHA-512 is {found}.")
    return package


def unpack(package: bytes, folder: Path) -> None:
    """Write the files of a release that the page needs, the name of the release last.

    Raises:
        VendorFailed: one of them is missing.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
            streams = {name: archive.extractfile(member) for name, member in IN_PACKAGE.items()}
            contents = {name: stream.read() for name, stream in streams.items() if stream is not None}
    except (tarfile.TarError, KeyError, OSError) as error:
        raise VendorFailed(f"{NAME} {VERSION} does not hold what the page needs: {error}.") from error
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        DISK.write_file(folder / name, content)
    DISK.write_file(folder / "VERSION", f"{NAME} {VERSION}\n".encode("ascii"))


def main(folder: Path = STATIC / VENDOR) -> int:
    """Fetch unless this release is there already; give an exit code."""
    version = folder / "VERSION"
    if version.is_file() and version.read_text(encoding="ascii") == f"{NAME} {VERSION}\n":
        return 0
    try:
        unpack(fetch(os.environ.get("NPM_CONFIG_REGISTRY", REGISTRY)), folder)
    except SkyfixError as error:
        print(f"error: {error} The page shows no map until then.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
