"""A position in XMP: read whoever wrote it, and written so that everything else in a file stays as it is.

What Skyfix writes is one further rdf:Description, put in before the end of rdf:RDF; the XMP specification (part 1,
7.4) lets the properties of a resource be spread over several. Programs that save the file anew put them all into one;
then our properties are taken out of it one by one.
"""

from __future__ import annotations

import re
from dataclasses import fields as fields_of
from xml.sax.saxutils import quoteattr

from service.errors import SidecarUnusable
from service.geotagging.gps_tags import placement_from
from service.geotagging.placement import METHOD, Found, Placement, is_wgs84, unmoved
from service.geotagging.xmp_scan import RDF, Description, Name, Packet, scan

EXIF = "http://ns.adobe.com/exif/1.0/"
OURS = "urn:skyfix:xmp:1#"
LAT, LON = (EXIF, "GPSLatitude"), (EXIF, "GPSLongitude")
DATUM = (EXIF, "GPSMapDatum")
PHOTO, WROTE = (OURS, "photo"), (OURS, "wrote")
ANGLE = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d*)?)(?:,(\d{1,2}(?:\.\d*)?))?([NSEW])")
EMPTY = f"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Skyfix">
 <rdf:RDF xmlns:rdf="{RDF}">
 </rdf:RDF>
</x:xmpmeta>
""".encode()


def read_xmp(data: bytes, where: str) -> Found | None:
    """Give the position that a packet holds; None where there is none.

    Raises:
        SidecarUnusable: the packet cannot be read.
    """
    packet = scan(data)
    texts = packet.text(LAT), packet.text(LON)
    if texts == (None, None):
        return None
    lat, lon = _degrees(texts[0], "NS", 90.0), _degrees(texts[1], "EW", 180.0)
    if lat is None or lon is None:
        return Found(None, None, where)
    return Found(lat, lon, where, unmoved(lat, lon, _marked(packet)), packet.text(PHOTO))


def _degrees(text: str | None, letters: str, most: float) -> float | None:
    """Read 52,30.98N or 52,30,58.8N."""
    found = ANGLE.fullmatch((text or "").strip())
    if found is None or found[4] not in letters:
        return None
    value = int(found[1]) + float(found[2]) / 60 + float(found[3] or 0) / 3600
    return None if value > most else (-value if found[4] in "SW" else value)


def _marked(packet: Packet) -> Placement | None:
    names = [field.name for field in fields_of(Placement)]
    told = {name: packet.text((OURS, name)) for name in names}
    try:
        return placement_from({name: text for name, text in told.items() if text is not None})
    except ValueError:
        return None


def with_placement(data: bytes | None, placement: Placement, photo: str) -> bytes:
    """Give a packet that holds a position.

    Args:
        data: the present one, which holds no position but one of Skyfix's own; None for a new one.
        placement: what to write.
        photo: name of the photo's file.

    Raises:
        SidecarUnusable: the present one cannot be read or added to.
    """
    packet = scan(EMPTY if data is None else data)
    if not packet.ends_at:
        raise SidecarUnusable("The rdf:RDF of the side-car is empty.")
    wrote = {(EXIF, name) for name in (packet.text(WROTE) or "").split()}
    kept, spans, place = set[Name](), list[tuple[int, int]](), packet.ends_at
    for description in packet.descriptions:
        ours = [p for p in description.properties if p.name[0] == OURS or p.name in wrote]
        if ours and len(ours) == len(description.properties):
            spans.append((description.start, description.end))
            place = description.start
            continue
        kept |= {p.name for p in description.properties} - {p.name for p in ours}
        spans += [(p.start, p.end) for p in ours]
    if DATUM in kept and not is_wgs84(packet.text(DATUM) or ""):
        raise SidecarUnusable("The side-car names another datum than WGS 84 for a position that it does not hold.")
    block = _block(placement, photo, kept, packet)
    if place == packet.ends_at:
        block = b" " + block + b"\n" + b" " * _indent(packet)
    return _replaced(packet.data, spans, place, block)


def _about(descriptions: tuple[Description, ...]) -> str:
    return next((d.about for d in descriptions if d.about), "")


def _indent(packet: Packet) -> int:
    before = packet.data[: packet.ends_at]
    return len(before) - len(before.rstrip(b" "))


def _replaced(data: bytes, spans: list[tuple[int, int]], place: int, block: bytes) -> bytes:
    """Take out the spans, which do not overlap, and put a block in where one of them, or nothing, was."""
    result, at = [], 0
    for start, end in sorted([*spans, (place, place)], key=lambda span: (span[0], span[1])):
        result.append(data[at:start])
        if start == end == place:
            result.append(block)
        at = max(at, end)
    return b"".join([*result, data[at:]])


def _block(placement: Placement, photo: str, kept: set[Name], packet: Packet) -> bytes:
    """Write the description as ASCII, which any encoding that XMP may have holds."""
    wanted = _exif(placement)
    if {(EXIF, "GPSImgDirection"), (EXIF, "GPSImgDirectionRef")} & kept:
        wanted = {name: text for name, text in wanted.items() if not name.startswith("GPSImgDirection")}
    wanted = {name: text for name, text in wanted.items() if (EXIF, name) not in kept}
    ours = {field.name: getattr(placement, field.name) for field in fields_of(placement)}
    told = {name: str(value) for name, value in ours.items() if value is not None}
    told |= {"photo": photo, "wrote": " ".join(wanted)}
    rdf, exif, skyfix = (packet.prefix(*pair) for pair in ((RDF, "rdf"), (EXIF, "exif"), (OURS, "skyfix")))
    lines = [f"{rdf}:about={_quoted(_about(packet.descriptions))}"]
    lines += [f"xmlns:{prefix}={quoteattr(name)}" for prefix, name in ((exif, EXIF), (skyfix, OURS))]
    lines += [f"{exif}:{name}={_quoted(text)}" for name, text in wanted.items()]
    lines += [f"{skyfix}:{name}={_quoted(text)}" for name, text in told.items()]
    joined = "\n   ".join(lines)
    return f"<{rdf}:Description {joined}/>".encode("ascii", "xmlcharrefreplace")


def _quoted(text: str) -> str:
    return quoteattr(harmless(text))


def harmless(text: str) -> str:
    """Give a text without characters that XML cannot hold."""
    return "".join(c if c >= " " and not "\ud800" <= c <= "\udfff" and c < "\ufffe" else "?" for c in text)


def _exif(placement: Placement) -> dict[str, str]:
    """Values in the forms of the XMP specification (part 2, 1.2.7)."""
    values = {
        "GPSLatitude": _minutes(placement.lat, "NS"),
        "GPSLongitude": _minutes(placement.lon, "EW"),
        "GPSMapDatum": "WGS-84",
        "GPSProcessingMethod": METHOD,
        "GPSHPositioningError": f"{round(placement.radius_m_68 * 10)}/10",
    }
    if placement.heading_deg is not None:
        values |= {"GPSImgDirection": f"{round(placement.heading_deg * 10)}/10", "GPSImgDirectionRef": "T"}
    return values


def _minutes(degrees: float, letters: str) -> str:
    """Write 52.5163 as 52,30.978000N: a millionth of a minute is 2 mm."""
    whole = round(abs(degrees) * 60_000_000)
    minutes, parts = divmod(whole, 1_000_000)
    return f"{minutes // 60},{minutes % 60}.{parts:06d}{letters[degrees < 0]}"
