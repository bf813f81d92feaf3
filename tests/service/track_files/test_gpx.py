"""GPX as devices write it, and as nobody should."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.errors import OutputUnwritable
from service.errors import TrackFileInvalid, TrackFileTooLarge
from service.track_files import whole
from service.track_files.gpx import parse_gpx, read_gpx
from service.track_files.gpx_writing import gpx_bytes, write_gpx
from service.track_files.points import Track, TrackPoint

AT = datetime(2026, 11, 21, 20, 23, 10, tzinfo=UTC)


def gpx(body: str, root: str = 'version="1.1" xmlns="http://www.topografix.com/GPX/1/1"') -> bytes:
    return f'<?xml version="1.0"?><gpx {root}>{body}</gpx>'.encode()


def one(inner: str, creator: str = "test") -> TrackPoint:
    """Read a track of one point."""
    point = f'<trk><trkseg><trkpt lat="52.5" lon="13.25">{inner}</trkpt></trkseg></trk>'
    (read,) = parse_gpx(gpx(point, f'version="1.1" creator="{creator}"')).points
    return read


def test_tracks_segments_routes_and_waypoints_keep_their_order() -> None:
    point = '<trkpt lat="{}" lon="1"/>'
    found = parse_gpx(
        gpx(
            '<wpt lat="9" lon="8"><name>home</name></wpt>'
            f"<trk><name>a &amp; b</name><trkseg>{point.format(1)}{point.format(2)}</trkseg>"
            f"<trkseg>{point.format(3)}</trkseg></trk>"
            '<rte><name>plan</name><rtept lat="4" lon="1"/></rte><trk/><trk><trkseg/></trk>'
        )
    )
    assert [track.name for track in found.tracks] == ["a & b", "plan"]
    assert [(point.lat, point.segment) for point in found.points] == [(1, 0), (2, 0), (3, 1), (4, 2)]
    assert [(point.lat, point.name) for point in found.waypoints] == [(9, "home")]
    assert [len(run) for run in found.tracks[0].segments()] == [2, 1]
    assert found.notices == ()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-21T20:23:10Z", 0.0),
        ("2026-11-21T21:23:10+01:00", 0.0),
        ("2026-11-22T02:08:10.5+05:45", 0.5),
        ("2026-11-21T20:23:10.123456789Z", 0.123456),
        (" 2026-11-21 20:23:10,25Z ", 0.25),
        ("2026-11-21T16:23:10-0400", 0.0),
        ("2026-11-21T20:22:60Z", -10.0),
        ("2026-11-21T24:00:00Z", 13_010.0),
    ],
)
def test_times_become_utc(text: str, seconds: float) -> None:
    moment = one(f"<time>{text}</time>").timestamp
    assert moment is not None
    assert moment.tzinfo is UTC
    assert (moment - AT).total_seconds() == pytest.approx(seconds, abs=1e-7)


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01T00:00:00Z", "2026-11-21T25:00:00Z", "0001-01-01T00:00+23:00"]
)
def test_a_time_that_is_none_is_passed_over_and_told(text: str) -> None:
    track = f'<trk><trkseg><trkpt lat="1" lon="2"><time>{text}</time></trkpt></trkseg></trk>'
    found = parse_gpx(gpx(track))
    assert found.points[0].timestamp is None
    assert [notice.code for notice in found.notices] == ["time_invalid"]


def test_a_time_without_zone_is_utc_and_told_once() -> None:
    point = '<trkpt lat="1" lon="2"><time>2026-11-21T20:23:10</time></trkpt>'
    found = parse_gpx(gpx(f"<trk><trkseg>{point * 3}</trkseg></trk>"))
    assert [point.timestamp for point in found.points] == [AT] * 3
    assert [notice.code for notice in found.notices] == ["time_zone_assumed"]
    assert found.notices[0].detail.startswith("3 x")


def test_no_time_at_all_is_no_fault() -> None:
    assert one("") == TrackPoint(52.5, 13.25)


def test_garmin() -> None:
    read = one(
        "<ele>34.1</ele><extensions><gpxtpx:TrackPointExtension><gpxtpx:hr>120</gpxtpx:hr><gpxtpx:speed>7.9"
        "</gpxtpx:speed><gpxtpx:course>208</gpxtpx:course></gpxtpx:TrackPointExtension></extensions>"
    )
    assert (read.elevation_m, read.speed_mps, read.heading_deg) == (34.1, 7.9, 208.0)


def test_gpslogger_writes_gpx_1_0_with_true_hdop() -> None:
    read = one("<course>360</course><speed>17.14</speed><sat>12</sat><hdop>0.8</hdop>", "GPSLogger 110")
    assert (read.speed_mps, read.heading_deg, read.hdop, read.accuracy_m) == (17.14, 0.0, 0.8, None)


@pytest.mark.parametrize("creator", ["OsmAnd Maps 4.7.1", "Locus Map, Android"])
def test_what_osmand_and_locus_call_hdop_is_androids_accuracy(creator: str) -> None:
    read = one("<hdop>7.5</hdop><extensions><osmand:speed>1.5</osmand:speed></extensions>", creator)
    assert (read.accuracy_m, read.accuracy_percentile, read.hdop, read.speed_mps) == (7.5, 68.0, None, 1.5)


@pytest.mark.parametrize(
    ("element", "percentile"),
    [
        ("<accuracy>4</accuracy>", None),
        ("<opentracks:accuracy_horizontal>4</opentracks:accuracy_horizontal>", 68.0),
        ("<e:horaccur>4</e:horaccur>", 68.0),
        ('<skyfix:accuracy percentile="95">4</skyfix:accuracy>', 95.0),
        ('<accuracy percentile="0">4</accuracy>', None),
    ],
)
def test_an_accuracy_has_the_percentile_that_its_writer_means(element: str, percentile: float | None) -> None:
    read = one(f"<extensions>{element}</extensions>")
    assert (read.accuracy_m, read.accuracy_percentile) == (4.0, percentile)


@pytest.mark.parametrize("text", ["-1", "nan", "", "wide", "1e999", "9" * 99])
def test_values_that_are_none_are_left_out(text: str) -> None:
    read = one(f"<speed>{text}</speed><hdop>{text}</hdop><extensions><accuracy>{text}</accuracy></extensions>")
    assert read == TrackPoint(52.5, 13.25)


@pytest.mark.parametrize("place", ['lat="91" lon="0"', 'lat="nan" lon="0"', 'lat="1"', 'lat="52,5" lon="181"', ""])
def test_a_point_nowhere_is_left_out_and_told(place: str) -> None:
    found = parse_gpx(gpx(f'<trk><trkseg>\n<trkpt {place}/><trkpt lat="1" lon="180"/></trkseg></trk>'))
    assert [(point.lat, point.lon) for point in found.points] == [(1.0, 180.0)]
    assert [(notice.code, "line 2" in notice.detail) for notice in found.notices] == [("point_invalid", True)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "cp1252"])
def test_encodings_that_are_declared(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{declared}"?><gpx><wpt lat="1" lon="2"><name>Straße</name></wpt></gpx>'
    assert parse_gpx(text.encode(encoding)).waypoints[0].name == "Straße"


BOMB = '<!DOCTYPE gpx [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><gpx>&b;</gpx>'
LEAK = '<!DOCTYPE gpx [<!ENTITY a SYSTEM "file:///etc/passwd">]><gpx><wpt lat="1" lon="1"><name>&a;</name></wpt></gpx>'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"hello", "no whole XML"),
        (b"<gpx><trk>", "no whole XML"),
        (b"<kml/>", "begins with <gpx>"),
        (BOMB.encode(), "DOCTYPE"),
        (LEAK.encode(), "DOCTYPE"),
        (b"<gpx>&a;</gpx>", "no whole XML"),
        (b"<gpx>" + b"<a>" * 100, "deep"),
        ('<?xml version="1.0" encoding="utf-8"?><gpx><name>Straße</name></gpx>'.encode("latin-1"), "Save it as UTF-8"),
        (b'<?xml version="1.0" encoding="klingon"?><gpx/>', "encoding that is not known"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PK\x03\x04", "archive"),
    ],
)
def test_what_is_no_gpx_says_why(data: bytes, words: str) -> None:
    with pytest.raises(TrackFileInvalid, match=words):
        parse_gpx(data)


def test_limits_of_bytes_and_points(tmp_path: Path) -> None:
    file = tmp_path / "big.gpx"
    with file.open("wb") as stream:
        stream.truncate(whole.MOST_BYTES + 1)
    with pytest.raises(TrackFileTooLarge, match="bytes"):
        read_gpx(file)
    three = gpx('<trk><trkseg><trkpt lat="1" lon="2"/><trkpt lat="1" lon="2"/><trkpt/></trkseg></trk>')
    with pytest.raises(TrackFileTooLarge, match="more than 2 points"):
        parse_gpx(three, most_points=2)
    assert len(parse_gpx(three, most_points=3).points) == 2


def test_a_missing_file_is_said() -> None:
    with pytest.raises(TrackFileInvalid, match=r"nowhere\.gpx cannot be read: No such file"):
        read_gpx(Path("nowhere.gpx"))


FULL = TrackPoint(
    -33.8567844,
    151.2152967,
    AT.replace(microsecond=250_000),
    elevation_m=-3.5,
    accuracy_m=12.25,
    accuracy_percentile=95.0,
    hdop=0.9,
    heading_deg=203.5,
    speed_mps=7.9,
    name='<van> & "co"',
    status="corrected",
)


def test_what_is_written_reads_back_as_it_was(tmp_path: Path) -> None:
    tracks = (
        Track((FULL, TrackPoint(0.0, -180.0), TrackPoint(1e-7, 180.0, segment=1)), "corrected"),
        Track((TrackPoint(90.0, 0.0, AT, segment=2, accuracy_m=3.0),), ""),
    )
    write_gpx(tmp_path / "out.gpx", tracks, [FULL])
    found = read_gpx(tmp_path / "out.gpx")
    assert (found.tracks, found.waypoints, found.notices) == (tracks, (FULL,), ())
    assert [file.name for file in tmp_path.iterdir()] == ["out.gpx"]


def test_names_lose_what_xml_cannot_hold() -> None:
    data = gpx_bytes([Track((TrackPoint(1.0, 2.0, name="a\x00\x0b\ud800b"),), "]]>")])
    found = parse_gpx(data)
    assert (found.points[0].name, found.tracks[0].name) == ("ab", "]]>")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable, match="cannot be written: No such file"):
        write_gpx(tmp_path / "nowhere" / "out.gpx", [])
