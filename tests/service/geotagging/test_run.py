"""Runs over an archive of the painted world: who is placed, what is written, and that a second run writes nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from index.bundle import Index
from index.search import Searcher
from models.disk import Disk
from models.encoder import FakeEncoder
from models.errors import DiskFull, EncoderUnavailable, OutputBusy, OutputUnwritable
from models.geo import distance_m
from service.errors import NotCalibrated
from service.geotagging.embedded import found_inside
from service.geotagging.options import Options
from service.geotagging.report_folder import archive as held
from service.geotagging.report_folder import report_folder
from service.geotagging.run import geotag
from service.geotagging.xmp import EMPTY, read_xmp
from service.index_localizer import IndexLocalizer
from tests.service.geotagging.conftest import QUERY, Counting, Geotag, outcomes, state
from tests.service.world import encode, panorama, position

PLACED = {"seven.jpg": 7, "deep/eight.jpg": 8, "nine.png": 9}


def test_photos_of_known_places_get_sidecars_and_black_ones_none(run: Geotag, archive: Path) -> None:
    before = state(archive)
    done = run()
    assert outcomes(done) == {**dict.fromkeys(PLACED, "placed"), "black.jpg": "not_placed"}
    assert done.new == 3
    for name, number in PLACED.items():
        found = read_xmp((archive / f"{name}.xmp").read_bytes(), "x")
        assert found is not None
        assert found.own is not None
        assert distance_m(found.lat, found.lon, *position(number)) < 5.0  # type: ignore[arg-type]
        assert found.own.confidence >= 0.5
    after = state(archive)
    assert {name: after[name] for name in before} == before
    new = {name for name in after if not name.startswith("report/")} - set(before)
    assert new == {f"{name}.xmp" for name in PLACED}


def test_a_heading_is_written_where_it_is_known(run: Geotag, archive: Path) -> None:
    run()
    found = read_xmp((archive / "deep/eight.jpg.xmp").read_bytes(), "x")
    assert found is not None
    assert found.own is not None
    assert found.own.heading_deg == pytest.approx(90.0, abs=5.0)


@pytest.mark.parametrize("write", ["sidecar", "exif"])
def test_a_second_run_asks_nothing_and_writes_nothing(
    run: Geotag, archive: Path, localizer: Counting, write: str
) -> None:
    first = run(write=write)
    before, asked = state(archive), localizer.asked
    second = run(write=write)
    assert state(archive) == before
    assert (localizer.asked, second.new) == (asked, 0)
    assert outcomes(second) == outcomes(first)


def test_exif_is_written_when_asked_and_times_stay(run: Geotag, archive: Path) -> None:
    photo = archive / "seven.jpg"
    photo.chmod(0o640)
    os.utime(photo, ns=(10**18, 10**18 + 5))
    before = photo.read_bytes()
    done = run(write="exif")
    after = photo.read_bytes()
    found = found_inside(after)
    assert found is not None
    assert found.own is not None
    assert (photo.stat().st_mtime_ns, photo.stat().st_mode & 0o777) == (10**18 + 5, 0o640)
    scan = before.index(b"\xff\xda")
    assert after.endswith(before[scan:])
    assert {row.photo: row.where for row in done.rows if row.outcome == "placed"} == {
        "seven.jpg": "exif",
        "deep/eight.jpg": "exif",
        "nine.png": "nine.png.xmp",
    }
    assert not (archive / "seven.jpg.xmp").exists()


def test_positions_of_others_are_left(run: Geotag, archive: Path, localizer: Counting) -> None:
    there = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="1,0N" exif:GPSLongitude="2,0E"/>
    </rdf:RDF></x:xmpmeta>"""
    (archive / "seven.xmp").write_bytes(there)
    (archive / "nine.png.XMP").write_bytes(there)
    for options in ({}, {"renew": True}, {"write": "exif"}, {"naming": "stem"}):
        rows = {row.photo: row for row in run(**options).rows}
        assert (rows["seven.jpg"].outcome, rows["seven.jpg"].lat) == ("has_position", 1.0)
        assert (rows["nine.png"].outcome, rows["nine.png"].where) == ("has_position", "nine.png.XMP")
    assert (archive / "seven.xmp").read_bytes() == (archive / "nine.png.XMP").read_bytes() == there
    assert localizer.asked == 2
    assert not (archive / "seven.jpg.xmp").exists()


def test_a_position_that_somebody_corrected_is_left_on_renewal(run: Geotag, archive: Path) -> None:
    run()
    sidecar = archive / "seven.jpg.xmp"
    lines = sidecar.read_text().splitlines(keepends=True)
    moved = "".join('   exif:GPSLatitude="10,0N"\n' if "exif:GPSLatitude" in line else line for line in lines)
    sidecar.write_text(moved)
    assert outcomes(run(renew=True))["seven.jpg"] == "has_position"
    assert sidecar.read_text() == moved


def test_an_existing_sidecar_is_added_to_and_keeps_its_permissions(run: Geotag, archive: Path) -> None:
    sidecar = archive / "seven.jpg.xmp"
    text = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"/><!-- mine -->
    </rdf:RDF></x:xmpmeta>"""
    sidecar.write_text(text)
    sidecar.chmod(0o600)
    assert outcomes(run())["seven.jpg"] == "placed"
    assert 'xmp:Rating="5"/><!-- mine -->' in sidecar.read_text()
    assert sidecar.stat().st_mode & 0o777 == 0o600


def test_a_sidecar_of_a_raw_and_its_jpeg_is_one_of_both(run: Geotag, archive: Path) -> None:
    (archive / "seven.cr2").write_bytes(b"raw")
    (archive / "seven.png").write_bytes(encode(panorama(7)))
    done = run(naming="stem")
    rows = {row.photo: row for row in done.rows}
    assert (rows["seven.jpg"].outcome, rows["seven.jpg"].where) == ("placed", "seven.xmp")
    assert (rows["seven.png"].outcome, rows["seven.png"].code) == ("has_position", "sidecar_shared")
    before = state(archive)
    assert outcomes(run(naming="stem")) == outcomes(done)
    assert state(archive) == before


def test_a_sidecar_that_is_not_understood_is_left(run: Geotag, archive: Path) -> None:
    (archive / "seven.jpg.xmp").write_text("notes of mine")
    (archive / "nine.png.xmp").symlink_to(archive / "black.jpg")
    rows = {row.photo: row for row in run().rows}
    assert {rows[name].code for name in ("seven.jpg", "nine.png")} == {"sidecar_unusable"}
    assert (archive / "seven.jpg.xmp").read_text() == "notes of mine"


def test_a_stopped_run_reports_and_the_next_goes_on(run: Geotag, archive: Path, localizer: Counting) -> None:
    first = run(stopped=lambda: localizer.asked >= 1)
    assert 0 < len(first.rows) < 4
    assert first.left == 4 - len(first.rows)
    assert (archive / "report/results.csv").is_file()
    assert len(run().rows) == 4
    assert localizer.asked == 4


def test_a_changed_photo_is_asked_again_and_a_touched_one_is_not(
    run: Geotag, archive: Path, localizer: Counting
) -> None:
    run()
    os.utime(archive / "black.jpg", ns=(1, 1))
    run()
    assert localizer.asked == 4
    (archive / "black.jpg").write_bytes(encode(panorama(9), "JPEG", quality=95))
    assert outcomes(run())["black.jpg"] == "placed"
    assert localizer.asked == 5


def test_another_confidence_needs_no_new_answers(run: Geotag, archive: Path, localizer: Counting) -> None:
    assert set(outcomes(run(min_confidence=1.0)).values()) == {"not_placed"}
    assert not list(archive.rglob("*.xmp"))
    assert run().outcomes["placed"] == 3
    assert localizer.asked == 4


def test_sidecars_become_exif_without_new_answers(run: Geotag, archive: Path, localizer: Counting) -> None:
    run()
    sidecar = (archive / "seven.jpg.xmp").read_bytes()
    assert {row.where for row in run(write="exif").rows if row.photo.endswith("n.jpg")} == {"exif"}
    assert localizer.asked == 4
    assert (archive / "seven.jpg.xmp").read_bytes() == sidecar


@pytest.mark.parametrize("write", ["sidecar", "exif"])
def test_renewing_the_same_answer_asks_and_writes_nothing(
    run: Geotag, archive: Path, localizer: Counting, write: str
) -> None:
    run(write=write)
    before = state(archive)
    assert run(renew=True, write=write).new == 0
    assert state(archive) == before
    assert localizer.asked == 4


def test_renewing_keeps_what_is_no_longer_sure(run: Geotag, archive: Path) -> None:
    run()
    before = state(archive)["seven.jpg.xmp"]
    rows = {row.photo: row for row in run(renew=True, min_confidence=1.0).rows}
    assert (rows["seven.jpg"].outcome, rows["seven.jpg"].code) == ("placed", "renewal_not_placed")
    assert state(archive)["seven.jpg.xmp"] == before


def test_a_dry_run_writes_the_report_alone(run: Geotag, archive: Path, localizer: Counting) -> None:
    (archive / ".skyfix-geotag-12").write_bytes(b"left by a killed run")
    before = state(archive)
    assert run(dry_run=True, write="exif").outcomes["would_place"] == 3
    assert {name: at for name, at in state(archive).items() if not name.startswith("report/")} == before
    assert run().outcomes["placed"] == 3
    assert localizer.asked == 4
    assert not (archive / ".skyfix-geotag-12").exists()


def test_broken_photos_are_rows_and_not_decoded_twice(run: Geotag, archive: Path) -> None:
    (archive / "empty.jpg").write_bytes(b"")
    (archive / "cut.jpg").write_bytes((archive / "seven.jpg").read_bytes()[:3000])
    (archive / "text.png").write_bytes(b"this is no picture at all")
    codes = {row.photo: row.code for row in run().rows if row.outcome == "unreadable"}
    assert codes == {
        "empty.jpg": "image_empty",
        "cut.jpg": "image_undecodable",
        "text.png": "image_type_unsupported",
    }
    before = state(archive)
    run()
    assert state(archive) == before


class Refusing(Disk):
    """A disk of which one folder is read-only, or full."""

    def __init__(self, folder: Path, error: int) -> None:
        self._folder, self._error = folder, error

    def open(self, path: Path, flags: int) -> int:
        if path.parent == self._folder:
            raise OSError(self._error, os.strerror(self._error), str(path))
        return super().open(path, flags)


def test_a_photo_in_a_folder_that_cannot_be_written_is_a_row(archive: Path, localizer: Counting) -> None:
    disk, options = Refusing(archive / "deep", errno.EACCES), Options(min_confidence=0.5)
    rows = {row.photo: row for row in geotag(archive, localizer, QUERY, options, archive / "report", disk=disk).rows}
    assert (rows["deep/eight.jpg"].outcome, rows["deep/eight.jpg"].code) == ("failed", "unwritable")
    assert rows["seven.jpg"].outcome == "placed"


def test_write_protected_files_stay(run: Geotag, archive: Path) -> None:
    photo, sidecar = archive / "seven.jpg", archive / "nine.png.xmp"
    sidecar.write_bytes(EMPTY)
    for path in (photo, sidecar):
        path.chmod(0o444)
    before = photo.read_bytes()
    rows = {row.photo: row for row in run(write="exif").rows}
    assert {(rows[name].outcome, rows[name].code) for name in ("seven.jpg", "nine.png")} == {("failed", "unwritable")}
    assert (photo.read_bytes(), sidecar.read_bytes()) == (before, EMPTY)


def test_a_full_disk_ends_the_run_and_what_was_answered_is_kept(archive: Path, localizer: Counting) -> None:
    disk, options = Refusing(archive / "deep", errno.ENOSPC), Options(min_confidence=0.5)
    with pytest.raises(DiskFull):
        geotag(archive, localizer, QUERY, options, archive / "report", disk=disk, at_once=1)
    assert geotag(archive, localizer, QUERY, options, archive / "report").outcomes["placed"] == 3
    assert localizer.asked < 8


def test_a_network_that_fails_ends_the_run(run: Geotag, localizer: Counting, archive: Path) -> None:
    for number in range(8):
        (archive / f"more{number}.png").write_bytes(encode(panorama(number)))
    localizer.fails = True
    with pytest.raises(EncoderUnavailable, match="in a row"):
        run()
    assert (archive / "report/results.csv").read_text().count("failed") >= 5


def test_a_photo_that_nobody_thought_of_stops_no_other(
    archive: Path, localizer: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    localizer.stumbles = True
    rows = geotag(archive, localizer, QUERY, Options(min_confidence=0.5), archive / "report", at_once=1).rows
    assert sorted(row.code for row in rows)[-1] == "internal"
    assert [row.outcome for row in rows].count("placed") >= 2
    assert "ZeroDivisionError" in caplog.text


def test_a_model_without_calibration_is_refused(archive: Path, painted_index: Index) -> None:
    uncalibrated = IndexLocalizer(FakeEncoder(), Searcher(painted_index))
    with pytest.raises(NotCalibrated, match="skyfix calibrate"):
        geotag(archive, uncalibrated, QUERY, Options(), archive / "report")
    assert not (archive / "report").exists()


def test_one_run_at_a_time(run: Geotag, archive: Path) -> None:
    with report_folder(archive / "report"), pytest.raises(OutputBusy):
        run()


def test_two_reports_of_one_archive_are_not_made_at_once(run: Geotag, archive: Path) -> None:
    with held(archive), pytest.raises(OutputBusy, match="at work"):
        run()


def test_a_name_that_is_no_text_is_no_obstacle(run: Geotag, archive: Path) -> None:
    raw = os.fsencode(archive) + b"/\xff\xe9.jpg"
    with open(raw, "wb") as stream:  # noqa: PTH123  Path takes no bytes
        stream.write(encode(panorama(7), "JPEG", quality=95))
    done = run(naming="stem")
    assert outcomes(done)["\\xff\\xe9.jpg"] == "placed"
    before = state(archive)
    assert outcomes(run(naming="stem")) == outcomes(done)
    assert state(archive) == before


def test_a_report_that_cannot_be_made(archive: Path, localizer: Counting) -> None:
    with pytest.raises(OutputUnwritable, match="--report"):
        geotag(archive, localizer, QUERY, Options(), archive / "seven.jpg")
