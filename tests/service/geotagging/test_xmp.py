"""A position in XMP: what else a file holds stays to the byte, and whose position it is stays known."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from service.errors import SidecarUnusable
from service.geotagging.xmp import read_xmp, with_placement
from tests.service.geotagging.made import PLACEMENT

EXIF = "http://ns.adobe.com/exif/1.0/"
L = 52.516333
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def packet(inside: str, rdf: str = "rdf", before: str = "", behind: str = "") -> bytes:
    body = f'<{rdf}:RDF xmlns:{rdf}="{RDF}">{inside}</{rdf}:RDF>'
    return f'{before}<x:xmpmeta xmlns:x="adobe:ns:meta/">{body}</x:xmpmeta>{behind}'.encode()


DARKTABLE = packet(
    f"""
  <rdf:Description rdf:about="uuid:7 &amp; 8" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating='3'
    xmlns:darktable="http://darktable.sf.net/" darktable:history_end="2" xmlns:exif="{EXIF}"
    exif:DateTimeOriginal="2026-05-01T12:00:00">
   <!-- what was done to the picture -->
   <darktable:history><rdf:Seq><rdf:li darktable:operation="a &gt; b"/></rdf:Seq></darktable:history>
   <dc:title xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Alt><rdf:li xml:lang="x-default">Überfahrt</rdf:li>
   </rdf:Alt></dc:title>
  </rdf:Description>
 """,
    before='<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<!-- mine -->\n',
    behind='\n   \n<?xpacket end="w"?>',
)
EXISTING = {
    "nothing": None,
    "darktable": DARKTABLE,
    "other prefixes": packet(f'<R:Description xmlns:e="{EXIF}" e:GPSAltitude="3/1"/>', rdf="R"),
    "the prefix is taken": packet('<rdf:Description xmlns:skyfix="urn:else" xmlns:exif="urn:a" skyfix:lat="1"/>'),
    "latin": b'<?xml version="1.0" encoding="ISO-8859-1"?>' + packet("").replace(b"</rdf", b"<!-- \xe9 --></rdf"),
    "a mark of order": b"\xef\xbb\xbf" + DARKTABLE,
    "two descriptions": packet(
        '<rdf:Description rdf:about=""/><rdf:Description rdf:about="" xmlns:d="urn:d"><d:a> x </d:a></rdf:Description>'
    ),
}


@pytest.mark.parametrize("name", EXISTING)
def test_a_position_is_added_and_nothing_else_is_touched(name: str) -> None:
    before = EXISTING[name]
    after = with_placement(before, PLACEMENT, "photo.jpg")
    found = read_xmp(after, "x")
    assert found is not None
    assert (found.own, found.photo) == (PLACEMENT, "photo.jpg")
    if before is not None:
        at = next(n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
        rest = len(before) - at
        assert after[:at] + after[len(after) - rest :] == before
    ElementTree.fromstring(after.removeprefix(b"\xef\xbb\xbf"))


@pytest.mark.parametrize("name", EXISTING)
def test_writing_again_changes_nothing_and_renewing_only_ours(name: str) -> None:
    once = with_placement(EXISTING[name], PLACEMENT, "photo.jpg")
    assert with_placement(once, PLACEMENT, "photo.jpg") == once
    other = replace(PLACEMENT, lat=52.5, heading_deg=None)
    renewed = with_placement(once, other, "photo.jpg")
    found = read_xmp(renewed, "x")
    assert found is not None
    assert found.own == other
    assert with_placement(renewed, PLACEMENT, "photo.jpg") == once


def test_the_forms_are_those_of_the_specification() -> None:
    root = ElementTree.fromstring(with_placement(None, PLACEMENT, "p.jpg"))
    attributes = next(iter(root.iter(f"{{{RDF}}}Description"))).attrib
    told = {name.rpartition("}")[2]: text for name, text in attributes.items() if name.startswith(f"{{{EXIF}}}")}
    assert told == {
        "GPSLatitude": "33,54.978006S",
        "GPSLongitude": "151,22.662012E",
        "GPSMapDatum": "WGS-84",
        "GPSProcessingMethod": "SKYFIX",
        "GPSHPositioningError": "123/10",
        "GPSImgDirection": "2222/10",
        "GPSImgDirectionRef": "T",
    }


@pytest.mark.parametrize(
    ("lat", "lon", "texts"),
    [
        (0.0, -0.0, ("0,0.000000N", "0,0.000000E")),
        (89.99999999, 180.0, ("89,59.999999N", "180,0.000000E")),
        (-1e-9, -179.9999999, ("0,0.000000S", "179,59.999994W")),
    ],
)
def test_edges_of_the_globe(lat: float, lon: float, texts: tuple[str, str]) -> None:
    after = with_placement(None, replace(PLACEMENT, lat=lat, lon=lon), "p.jpg")
    assert tuple(re.findall(rb'exif:GPSL\w+="([^"]*)"', after)) == tuple(text.encode() for text in texts)
    found = read_xmp(after, "x")
    assert found is not None
    assert found.own is not None


@pytest.mark.parametrize(
    ("inside", "lat", "lon"),
    [
        ('exif:GPSLatitude="52,30.98N" exif:GPSLongitude="13,22.5E"/>', L, 13.375),
        ('exif:GPSLatitude="52,30,58.8S" exif:GPSLongitude="13,22,30W"/>', -L, -13.375),
        (">\n<exif:GPSLatitude> 52,30.98N\n</exif:GPSLatitude><exif:GPSLongitude>1,0E</exif:GPSLongitude></D>", L, 1.0),
        ('exif:GPSLatitude="52,30.98N"/>', None, None),
        ('exif:GPSLatitude="somewhere" exif:GPSLongitude="13,22.5E"/>', None, None),
        ('exif:GPSLatitude="91,0N" exif:GPSLongitude="13,22.5E"/>', None, None),
        ('exif:GPSLatitude="52,30.98E" exif:GPSLongitude="13,22.5N"/>', None, None),
    ],
)  # fmt: skip
def test_positions_of_others_are_read_and_never_ours(inside: str, lat: float | None, lon: float | None) -> None:
    text = f'<rdf:Description xmlns:exif="{EXIF}" {inside}'.replace("</D>", "</rdf:Description>")
    found = read_xmp(packet(text), "x")
    assert found is not None
    assert found.own is None
    assert [found.lat, found.lon] == pytest.approx([lat, lon], abs=1e-6)


def test_a_position_in_a_history_is_none() -> None:
    inside = f'<rdf:Description xmlns:exif="{EXIF}"><x:was xmlns:x="urn:x"><rdf:Description exif:GPSLatitude="1,0N"/>'
    assert read_xmp(packet(inside + "</x:was></rdf:Description>"), "x") is None


def test_a_position_that_somebody_moved_is_theirs() -> None:
    after = with_placement(DARKTABLE, PLACEMENT, "p.jpg").replace(b"33,54.978006S", b"33,54.990000S")
    found = read_xmp(after, "x")
    assert found is not None
    assert found.own is None
    assert found.lat == pytest.approx(-33.9165)


def test_ours_is_found_when_a_program_saved_all_in_one_place() -> None:
    """As elements, under another prefix, in another order, with fewer digits, beside what is not ours."""
    whole = with_placement(None, PLACEMENT, "p.jpg")
    pairs = re.findall(rb'(exif|skyfix):(\w+)="([^"]*)"', whole)
    texts = "".join(
        f"\n <{a.decode()[0]}:{b.decode()}>{c.decode()}</{a.decode()[0]}:{b.decode()}>" for a, b, c in pairs
    )
    texts = texts.replace("33,54.978006S", "33,54.9780S").replace("151,22.662012E", "151,22.6620E")
    saved = packet(
        f'<rdf:Description xmlns:e="{EXIF}" xmlns:s="urn:skyfix:xmp:1#" xmlns:d="urn:d" d:kept="1">{texts}'
        "\n <e:GPSAltitude>3/1</e:GPSAltitude></rdf:Description>"
    )
    found = read_xmp(saved, "x")
    assert found is not None
    assert found.own == PLACEMENT
    renewed = with_placement(saved, replace(PLACEMENT, lat=1.0), "p.jpg")
    assert renewed.count(b"GPSLatitude>") == 0
    assert renewed.count(b'e:GPSLatitude="1,0.000000N"') == 1
    assert b'd:kept="1">\n <e:GPSAltitude>3/1</e:GPSAltitude></rdf:Description>' in renewed


def test_what_a_camera_said_of_the_direction_stays() -> None:
    there = packet(f'<rdf:Description xmlns:exif="{EXIF}" exif:GPSImgDirection="9/1" exif:GPSImgDirectionRef="M"/>')
    after = with_placement(there, PLACEMENT, "p.jpg")
    assert after.count(b"GPSImgDirection=") == 1
    assert with_placement(after, PLACEMENT, "p.jpg") == after


def test_names_that_xml_cannot_hold_are_written_harmlessly() -> None:
    after = with_placement(None, PLACEMENT, "a\"<&>'\x01\udcffé.jpg")
    found = read_xmp(after, "x")
    assert found is not None
    assert found.photo == "a\"<&>'??é.jpg"


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + packet(
    "<rdf:Description>&b;</rdf:Description>"
)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"photo",
        b"<a/>",
        packet("")[:-3],
        packet("").replace(b"></rdf:RDF>", b"/>"),
        packet("").decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="UTF-7"?>' + packet(""),
        BOMB,
        packet("<rdf:Description>" + "<a>" * 200 + "</a>" * 200 + "</rdf:Description>"),
        packet(f'<rdf:Description xmlns:exif="{EXIF}" exif:GPSMapDatum="Tokyo"/>'),
    ],
    ids=range(10),
)
def test_what_is_not_understood_is_refused(data: bytes) -> None:
    with pytest.raises(SidecarUnusable):
        with_placement(data, PLACEMENT, "p.jpg")
