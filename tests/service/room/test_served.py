"""The room from outside: what photos leave behind, what the log says of them, and what damaged ones can do."""

from __future__ import annotations

import io
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from index.build import build_index
from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from tests.service.room.house import PANORAMA, House, open_house, wait
from tests.service.room.mutants import mutant, seeds
from tests.service.world import PaintedTiles, encode, panorama

CANARY = "canary-9f3b27"
LAT, LON = "52.4987123", "13.3987321"
GPS_IFD = 0x8825
NASTY = ["a\r\nX-Evil: 1", '"}\n{"level":"error"}', "\x1b[31m", "%s%n", "../../etc/passwd", "\u2028", CANARY]


@pytest.fixture(scope="module")
def index_root(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("room") / "index"
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), root, name="painted")
    return root


@pytest.fixture(scope="module")
def house(index_root: Path, tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house"), index_root, tiny_bundle.folder) as opened:
        yield opened


def golden(house: House) -> None:
    """The planted photo comes out first."""
    status, answer = house.ask(encode(panorama(7, 90.0)))
    assert (status, answer["candidates"][0]["tile"]["id"], answer["heading"]["deg"]) == (200, "t7", 90.0)


def telling_photos() -> list[bytes]:
    """Photos, good and broken, whose metadata hold the canary and a position."""
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = CANARY
    exif[GPS_IFD] = {1: "N", 2: (52, 29, 55.36), 3: "E", 4: (13, 23, 55.43)}
    text = PngInfo()
    text.add_text("Comment", CANARY)
    text.add_itxt("XML:com.adobe.xmp", f"<x>{CANARY} {LAT}</x>")
    pixels = panorama(7)
    jpeg = encode(pixels, "JPEG", exif=exif, xmp=CANARY.encode(), comment=CANARY.encode())
    whole = [jpeg, encode(pixels, "PNG", pnginfo=text, exif=exif), encode(pixels, "WEBP", exif=exif)]
    return whole + [photo[: len(photo) // 2] for photo in whole] + [CANARY.encode() * 10, b"\xff\xd8\xff" + whole[0]]


def form(photo: bytes, **fields: str) -> tuple[bytes, dict[str, str]]:
    stream = io.BytesIO()
    for name, value in fields.items():
        stream.write(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    stream.write(f'--b\r\nContent-Disposition: form-data; name="image"; filename="{CANARY}.jpg"\r\n\r\n'.encode())
    stream.write(photo + b"\r\n--b--\r\n")
    return stream.getvalue(), {"Content-Type": "multipart/form-data; boundary=b"}


def tell_everything(house: House) -> Counter[int]:
    """Say the canary and the position in every place that there is for words."""
    seen: Counter[int] = Counter()
    for photo in telling_photos():
        where = f"lat={LAT}&lon={LON}&accuracy_m=60&{PANORAMA}"
        seen[house.ask(photo, f"/localize?{where}")[0]] += 1
        body, headers = form(photo, lat=LAT, lon=LON, use_gps_as_prior="true")
        seen[house.ask(body, "/localize", headers)[0]] += 1
        seen[house.ask(photo, f"/localize?{CANARY}={LAT}")[0]] += 1
        seen[house.ask(photo, f"/{CANARY}/{LAT}?key={house.key}")[0]] += 1
        seen[house.ask(photo, headers={"X-API-Key": CANARY + house.key, "User-Agent": CANARY})[0]] += 1
    for word in NASTY:
        body, headers = form(telling_photos()[0], index=word, lat=word)
        headers |= {"User-Agent": CANARY, "Referer": f"http://{CANARY}/{LAT}", "Cookie": CANARY}
        seen[house.ask(body, "/localize", headers)[0]] += 1
    return seen


def test_photos_leave_no_trace(house: House) -> None:
    before = house.files
    seen = tell_everything(house)
    assert set(seen) <= {200, 401, 404, 415, 422, 429}
    assert seen[200] >= 6
    golden(house)
    assert house.files == before == []
    text = house.text + house.metrics()
    for secret in (CANARY, house.key, LAT, LON, LAT[:6], LON[:6], "127.0.0.1 ", "photo.jpg"):
        assert secret not in text.replace("photo.jpg ", "")


def test_every_line_is_one_json_object_and_says_what_it_should(house: House) -> None:
    golden(house)
    wait(lambda: any(line.get("width_px") == 512 for line in house.lines))
    asked = [line for line in house.lines if line["message"] == "request" and line.get("width_px")]
    wanted = {"time", "level", "logger", "message", "request_id", "key", "peer", "route", "status", "ms", "bytes"}
    assert set(asked[-1]) == wanted | {"width_px", "height_px"}
    assert asked[-1]["peer"] == "127.0.0.0/24"
    assert len(asked[-1]["key"]) == 8


def ask_mutants(house: House, count: int) -> Counter[int]:
    seen: Counter[int] = Counter()
    files = seeds()
    for number in range(count):
        status, answer = house.ask(mutant(files[number % len(files)], number))
        assert status in (200, 415, 422), (number, status, answer)
        seen[status] += 1
        if number % 100 == 99:
            golden(house)
    return seen


def test_damaged_pictures_are_answers_or_refusals(house: House) -> None:
    seen = ask_mutants(house, 500)
    assert min(seen[200], seen[422]) > 50
    assert len(house.workers) == 2


@pytest.mark.slow
def test_twenty_thousand_damaged_pictures(house: House) -> None:
    assert sum(ask_mutants(house, 20_000).values()) == 20_000


def test_a_killed_server_leaves_no_worker(house: House) -> None:
    golden(house)
    workers = house.workers
    assert len(workers) == 2
    house.process.send_signal(signal.SIGKILL)
    house.process.wait(10)
    wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 10)


def test_a_stopped_server_leaves_no_worker(index_root: Path, tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    with open_house(tmp_path, index_root, tiny_bundle.folder) as house:
        golden(house)
        workers = house.workers
        os.kill(house.process.pid, signal.SIGTERM)
        assert house.process.wait(20) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
        assert house.lines


def test_a_log_that_nobody_reads_stops_nothing(index_root: Path, tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    dropped = "skyfix_log_lines_dropped_total 0.0"
    with open_house(tmp_path, index_root, tiny_bundle.folder, unheard=True) as house:
        for _ in range(40):  # three times what the pipe holds
            golden(house)
        assert dropped in house.metrics()
        assert house.process.stdout is not None
        house.process.stdout.close()
        golden(house)
        wait(lambda: dropped not in house.metrics())
        golden(house)
        house.process.send_signal(signal.SIGTERM)
        assert house.process.wait(20) == 0


@pytest.mark.slow
def test_the_kernel_sees_no_file_made(index_root: Path, tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    """Needs strace: of all that the service and its workers open while photos come, nothing is made or written."""
    trace = tmp_path / "trace"
    calls = "trace=open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,link,linkat,symlink"
    with open_house(
        tmp_path, index_root, tiny_bundle.folder, "strace", "-f", "-qq", "-e", calls, "-o", str(trace)
    ) as house:
        golden(house)
        size = trace.stat().st_size
        tell_everything(house)
        golden(house)
        lines = trace.read_bytes()[size:].decode(errors="replace").splitlines()
    made = [
        line for line in lines if "O_CREAT" in line or "O_TMPFILE" in line or "O_WRONLY" in line or "O_RDWR" in line
    ]
    assert made == []
