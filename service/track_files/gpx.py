"""GPX 1.0 and 1.1 read from a stream of XML events: no tree, no entities, one pass.

Elements are known by the last part of their names, whatever namespace they are in and whether it is declared. Of
extensions those are read that loggers write for speed, course and accuracy, wherever they stand in a point:

    speed, course   GPX 1.0; Garmin's TrackPointExtension; OsmAnd
    accuracy        GPSLogger and others; with the attribute percentile, as Skyfix writes it
    accuracy_horizontal   OpenTracks: Android's, a 68 % radius
    horaccur        HERE: one sigma of a round Gaussian's distance, taken for 68 %
    hdop            of OsmAnd and Locus it is Android's accuracy in metres; of all others a factor without unit
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.parsers import expat

from service.errors import TrackFileInvalid
from service.track_files.points import Oddities, Track, TrackFile, TrackPoint
from service.track_files.values import read_heading, read_length, read_number, read_position, read_time
from service.track_files.whole import MOST_POINTS, check_points, check_size, read_whole

PLACES = {"trkpt": "trk", "rtept": "rte", "wpt": "wpt"}
MOST_DEPTH, MOST_TEXT = 64, 4096
ANDROID_PERCENTILE = 68.0
METRES_AS_HDOP = ("osmand", "locus")
ACCURACIES = {
    "accuracy": None,
    "accuracy_m": None,
    "hacc": None,
    "h_acc": None,
    "horizontalaccuracy": None,
    "horizontal_accuracy": None,
    "accuracy_horizontal": ANDROID_PERCENTILE,
    "horaccur": ANDROID_PERCENTILE,
}
HEADINGS, SPEEDS = ("course", "bearing", "heading"), ("speed",)
KNOWN = {"ele", "time", "name", "hdop", "status", *ACCURACIES, *HEADINGS, *SPEEDS}


def read_gpx(path: Path) -> TrackFile:
    """Read a GPX file; see `parse_gpx`."""
    return parse_gpx(read_whole(path), str(path))


def parse_gpx(data: bytes, name: str = "The GPX", *, most_points: int = MOST_POINTS) -> TrackFile:
    """Read tracks, routes and waypoints, in the order of the file; a route is a track.

    A point that is nowhere on Earth, and a time that is none, are left out with a notice.

    Args:
        data: the file, in any encoding that it declares and Python knows.
        name: names the file in messages.

    Raises:
        TrackFileTooLarge: it has more bytes or points than are read.
        TrackFileInvalid: it is no GPX, is damaged, declares entities, or is not in the encoding that it says.
    """
    check_size(name, data)
    reader = _Reader(name, most_points)
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    parser.buffer_text = True
    reader.line = lambda: parser.CurrentLineNumber
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise TrackFileInvalid(_why(name, data, error)) from error
    except (LookupError, ValueError) as error:
        raise TrackFileInvalid(f"{name} names an encoding that is not known here. Save it as UTF-8.") from error
    return reader.found()


def _why(name: str, data: bytes, error: expat.ExpatError) -> str:
    if not data.strip():
        return f"{name} is empty. Send a GPX file."
    if data[:2] == b"\x1f\x8b":
        return f"{name} is compressed by gzip. Unpack it first."
    if data[:2] == b"PK":
        return f"{name} is a ZIP or KMZ archive. Unpack it, and export GPX instead of KML."
    if error.code == expat.errors.codes[expat.errors.XML_ERROR_UNKNOWN_ENCODING]:
        return f"{name} names an encoding that is not known here. Save it as UTF-8."
    if error.code == expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN] and not _is_utf8(data):
        return f"{name} is not in the encoding that it says (line {error.lineno}). Save it as UTF-8."
    return f"{name} is no whole XML: {expat.errors.messages[error.code]}, line {error.lineno}. Export it again."


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Reader:
    """Takes the events of the parser."""

    def __init__(self, name: str, most_points: int) -> None:
        self.line: Callable[[], int] = lambda: 0
        self._name, self._most_points, self._oddities = name, most_points, Oddities()
        self._path: list[str] = []
        self._text: list[str] = []
        self._held = 0
        self._place: tuple[float, float] | None = None
        self._at_depth = 0
        self._values: dict[str, str] = {}
        self._percentiles: dict[str, float | None] = {}
        self._hdop_is_metres = False
        self._tracks: list[Track] = []
        self._points: list[TrackPoint] = []
        self._waypoints: list[TrackPoint] = []
        self._title, self._segment, self._count = "", -1, 0

    def found(self) -> TrackFile:
        return TrackFile(tuple(self._tracks), tuple(self._waypoints), self._oddities.notices())

    def refuse_doctype(self, *_: object) -> None:
        raise TrackFileInvalid(f"{self._name} has a DOCTYPE, which no GPX needs. Remove it, and the entities in it.")

    def start(self, full: str, attributes: dict[str, str]) -> None:
        name = full.rpartition(":")[2].lower()
        if not self._path and name != "gpx":
            raise TrackFileInvalid(f"{self._name} is XML, but its root is <{full[:40]}>. A GPX begins with <gpx>.")
        if len(self._path) >= MOST_DEPTH:
            raise TrackFileInvalid(
                f"{self._name} has elements {MOST_DEPTH} deep (line {self.line()}). Export it again."
            )
        if not self._path:
            self._hdop_is_metres = attributes.get("creator", "").lower().startswith(METRES_AS_HDOP)
        self._path.append(name)
        self._text, self._held = [], 0
        if name in ("trk", "rte") and not self._at_depth:
            self._points, self._title = [], ""
        if name in ("trkseg", "rte") and not self._at_depth:
            self._segment += 1
        if name in PLACES and not self._at_depth:
            self._begin(attributes)
        elif self._at_depth and name in ACCURACIES:
            self._percentiles.setdefault(name, read_number(attributes.get("percentile")) or ACCURACIES[name])

    def _begin(self, attributes: dict[str, str]) -> None:
        self._at_depth, self._values, self._percentiles = len(self._path), {}, {}
        self._place = read_position(attributes.get("lat"), attributes.get("lon"))
        self._count += 1
        check_points(self._name, self._count, self._most_points)
        if self._place is None:
            what = "point without lat in [-90, 90] and lon in [-180, 180] left out"
            self._oddities.add("point_invalid", what, f"line {self.line()}")

    def text(self, text: str) -> None:
        if self._held < MOST_TEXT:
            self._text.append(text)
            self._held += len(text)

    def end(self, _: str) -> None:
        name, depth = self._path.pop(), len(self._path) + 1
        text = "".join(self._text).strip()[:MOST_TEXT]
        self._text, self._held = [], 0
        if self._at_depth == depth:
            self._at_depth = 0
            self._finish(name)
        elif self._at_depth and name in KNOWN and text:
            self._values.setdefault(name, text)
        elif name == "name" and self._path[-1:] in (["trk"], ["rte"]):
            self._title = text
        elif name in ("trk", "rte") and not self._at_depth:
            if self._points:
                self._tracks.append(Track(tuple(self._points), self._title))
            self._points = []

    def _finish(self, name: str) -> None:
        if self._place is None:
            return
        point = self._point(*self._place)
        if name == "wpt":
            self._waypoints.append(point)
        else:
            self._points.append(replace(point, segment=max(0, self._segment)))

    def _point(self, lat: float, lon: float) -> TrackPoint:
        said, moment = self._values, None
        if "time" in said:
            read = read_time(said["time"])
            if read is None:
                self._oddities.add("time_invalid", "time that is none passed over", f"line {self.line()}")
            else:
                moment, has_zone = read
                if not has_zone:
                    self._oddities.add("time_zone_assumed", "time without zone taken for UTC", f"line {self.line()}")
        word = next((name for name in ACCURACIES if name in said), "")
        accuracy, percentile = read_length(said.get(word)), self._percentiles.get(word)
        hdop = read_length(said.get("hdop"))
        if self._hdop_is_metres and hdop is not None:
            accuracy, percentile = (hdop, ANDROID_PERCENTILE) if accuracy is None else (accuracy, percentile)
            hdop = None
        return TrackPoint(
            lat,
            lon,
            moment,
            elevation_m=read_number(said.get("ele")),
            accuracy_m=accuracy or None,
            accuracy_percentile=percentile if accuracy and percentile and 0 < percentile < 100 else None,
            hdop=hdop,
            heading_deg=next((read_heading(said[name]) for name in HEADINGS if name in said), None),
            speed_mps=next((read_length(said[name]) for name in SPEEDS if name in said), None),
            name=said.get("name"),
            status=said.get("status"),
        )
