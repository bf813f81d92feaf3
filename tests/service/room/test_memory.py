"""How much memory two hundred people who all send the largest photo at once can cost."""

from __future__ import annotations

import http.client
import io
import struct
import threading
import time
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.bundle import ModelBundle
from tests.service.room.house import PANORAMA, House, open_house
from tests.service.room.test_served import golden, index_root

__all__ = ["index_root"]
CLIENTS, CEILING_MIB, PAGE, MEBIBYTE = 200, 700, 4096, 1 << 20


def largest_png(size: int) -> bytes:
    """A PNG of 24 megapixels, blown up to a size by a chunk of noise that decoders keep."""
    stream = io.BytesIO()
    shades = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    Image.fromarray(shades).resize((6000, 4000), Image.Resampling.NEAREST).save(stream, "PNG", compress_level=1)
    data = stream.getvalue()
    body = np.random.default_rng(1).bytes(size - len(data) - 12)
    noise = struct.pack(">I", len(body)) + b"noIs" + body + struct.pack(">I", zlib.crc32(b"noIs" + body))
    return data[:33] + noise + data[33:]


def resident_mib(house: House) -> float:
    """Memory of the server and its workers, what they share counted each time."""
    pages = 0
    for pid in (house.process.pid, *house.workers):
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return pages * PAGE / MEBIBYTE


def send(house: House, photo: bytes, is_form: bool, gate: threading.Barrier, seen: Counter[int]) -> None:
    """Ask once, at the same time as all others."""
    path, headers = f"/localize?{PANORAMA}", {"Content-Type": "image/png", "X-API-Key": house.key}
    if is_form:
        path, headers["Content-Type"] = "/localize", "multipart/form-data; boundary=b"
        head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        photo = head + photo[: len(photo)] + b"\r\n--b--\r\n"
    connection = http.client.HTTPConnection(*house.public, timeout=120)
    gate.wait()
    try:
        connection.request("POST", path, photo, headers)
        seen[connection.getresponse().status] += 1
    except OSError:  # turned away before all of it was sent
        seen[0] += 1
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("is_form", [False, True])
def test_two_hundred_of_the_largest_photos_at_once(
    index_root: Path, tiny_bundle: ModelBundle, tmp_path: Path, is_form: bool
) -> None:
    photo = largest_png(8 * MEBIBYTE - 200)
    place = tmp_path, index_root, tiny_bundle.folder
    with open_house(*place, KEY_IN_FLIGHT="4096", DECODE_S="30", DEADLINE_S="60") as house:
        golden(house)
        idle = peak = resident_mib(house)
        gate, seen = threading.Barrier(CLIENTS), Counter[int]()
        senders = [threading.Thread(target=send, args=(house, photo, is_form, gate, seen)) for _ in range(CLIENTS)]
        for sender in senders:
            sender.start()
        while any(sender.is_alive() for sender in senders):
            peak = max(peak, resident_mib(house))

            time.sleep(0.02)
        golden(house)
    print(f"idle {idle:.0f} MiB, peak {peak:.0f} MiB, answers {dict(seen)}")
    assert set(seen) <= {0, 200, 429}
    assert seen[200] >= 32
    assert peak - idle <= CEILING_MIB
