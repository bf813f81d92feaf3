"""Where every property of an XMP packet stands, to the byte, so that a file can be changed and not rewritten.

The parser is expat, which reads no other files; a document that declares entities is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import count
from typing import NoReturn
from xml.parsers import expat

from service.errors import SidecarUnusable

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MOST_BYTES = 16 * 1024 * 1024
MOST_DEPTH = 100
ATTRIBUTE = re.compile(rb"\s+([^\s=]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
TAG = re.compile(rb"(?:[^\"'>]++|\"[^\"]*+\"|'[^']*+')*+>")
ENCODINGS = {"utf-8", "us-ascii", "iso-8859-1", "latin-1"}
"""Those in which what is written here, which is ASCII, means the same."""
Name = tuple[str, str]
"""Namespace and local name."""


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a description; bytes `start` to `end` hold it and nothing else."""

    name: Name
    text: str
    start: int
    end: int


@dataclass(slots=True)
class Description:
    """An rdf:Description that stands right under rdf:RDF."""

    about: str
    start: int
    end: int = 0
    properties: list[Property] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet and where a further description would go."""

    data: bytes
    descriptions: tuple[Description, ...]
    ends_at: int
    """Of the closing tag of rdf:RDF; 0 if it is an empty element."""
    prefixes: dict[str, str]
    """Prefix -> namespace, as each was first declared."""

    def text(self, name: Name) -> str | None:
        return next((p.text for d in self.descriptions for p in d.properties if p.name == name), None)

    def prefix(self, namespace: str, usual: str) -> str:
        """Give the file's own prefix for a namespace, as some programs refuse a second one, else one that is free."""
        own = next((prefix for prefix, named in self.prefixes.items() if named == namespace and prefix), None)
        if own is not None:
            return own
        free = (usual if n == 0 else f"{usual}{n}" for n in count())
        return next(prefix for prefix in free if prefix not in self.prefixes)


def scan(data: bytes) -> Packet:
    """Read a packet.

    Raises:
        SidecarUnusable: it is not well-formed, no XMP, too large, or in an encoding that cannot be added to.
    """
    if len(data) > MOST_BYTES:
        raise SidecarUnusable(f"The XMP has {len(data)} bytes; at most {MOST_BYTES} are read.")
    scanner = _Scanner(data)
    try:
        scanner.run()
    except expat.ExpatError as error:
        raise SidecarUnusable(f"The XMP is not well-formed: {error}.") from error
    if not scanner.has_rdf:
        raise SidecarUnusable("The XML holds no rdf:RDF, so it is no XMP.")
    return Packet(data, tuple(scanner.descriptions), scanner.ends_at, scanner.prefixes)


class _Scanner:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.descriptions: list[Description] = []
        self.ends_at = 0
        self.has_rdf = False
        self.prefixes: dict[str, str] = {}
        self._stack: list[Name] = []
        self._rdf_depth = self._rdf_at = 0
        self._text: list[str] = []
        self._began = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.namespace_prefixes = True
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append
        self._parser.StartNamespaceDeclHandler = self._declared_prefix
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.XmlDeclHandler = self._declared

    def run(self) -> None:
        if b"\0" in self._data[:64]:
            raise SidecarUnusable("The XMP is in an encoding that cannot be added to; UTF-8 is.")
        self._parser.Parse(self._data, True)

    def _refuse(self, *_: object) -> NoReturn:
        raise SidecarUnusable("The XMP declares a document type, which no XMP does.")

    def _declared(self, _: str, encoding: str | None, __: int) -> None:
        if (encoding or "utf-8").lower() not in ENCODINGS:
            raise SidecarUnusable(f"The XMP is in {encoding}; UTF-8 is what can be added to.")

    def _declared_prefix(self, prefix: str | None, namespace: str | None) -> None:
        self.prefixes.setdefault(prefix or "", namespace or "")

    def _start(self, name: str, attributes: list[str]) -> None:
        at, parts = self._parser.CurrentByteIndex, name.split(" ")
        if self._data[at : at + 1] != b"<":
            raise SidecarUnusable("The XMP is in an encoding that cannot be added to; UTF-8 is.")
        self._stack.append((parts[0], parts[1]) if len(parts) > 1 else ("", parts[0]))
        if len(self._stack) > MOST_DEPTH:
            raise SidecarUnusable(f"The XMP is nested more than {MOST_DEPTH} levels deep.")
        if self._stack[-1] == (RDF, "RDF") and not self.has_rdf:
            self.has_rdf, self._rdf_depth, self._rdf_at = True, len(self._stack), at
        elif self._is_description():
            self._describe(at, attributes)
        elif self._is_property():
            self._began = at
            self._text.clear()

    def _is_description(self) -> bool:
        return self._is_inside(1) and self._stack[-1] == (RDF, "Description")

    def _is_property(self) -> bool:
        return self._is_inside(2) and self._stack[-2] == (RDF, "Description")

    def _is_inside(self, levels: int) -> bool:
        """Say whether this is so many levels below the first rdf:RDF, which has not ended."""
        return self._rdf_depth > 0 and len(self._stack) == self._rdf_depth + levels

    def _describe(self, at: int, attributes: list[str]) -> None:
        named = {}
        for name, text in zip(attributes[::2], attributes[1::2], strict=True):
            namespace, local, *prefix = ["", name] if " " not in name else name.split(" ")
            named[f"{prefix[0]}:{local}" if prefix else local] = ((namespace, local), text)
        about = next((text for name, text in named.values() if name == (RDF, "about")), "")
        description = Description(about, at)
        tag = self._data[at : self._tag_end(at)]
        for found in ATTRIBUTE.finditer(tag):
            known = named.get(found[1].decode("utf-8", "replace"))
            if known is not None and known[0][0] not in ("", RDF):
                description.properties.append(Property(*known, at + found.start(), at + found.end()))
        self.descriptions.append(description)

    def _end(self, _: str) -> None:
        at, name = self._parser.CurrentByteIndex, self._stack[-1]
        if self._is_description():
            self.descriptions[-1].end = self._behind(self.descriptions[-1].start, at)
        elif self._is_property():
            start = self._began
            text = "".join(self._text).strip()
            end = self._behind(start, at)
            while self._data[start - 1 : start].isspace():
                start -= 1
            self.descriptions[-1].properties.append(Property(name, text, start, end))
        elif self._is_inside(0):
            is_empty = self._data[: self._tag_end(self._rdf_at)].endswith(b"/>")
            self.ends_at, self._rdf_depth = 0 if is_empty else at, 0
        self._stack.pop()

    def _tag_end(self, at: int) -> int:
        """Where the tag that begins at `at` ends: behind the first `>` that stands in no quotes."""
        found = TAG.match(self._data, at)
        if found is None:
            raise SidecarUnusable("The XMP ends inside a tag.")
        return found.end()

    def _behind(self, start: int, end_event_at: int) -> int:
        """Where an element ends whose end was told at a byte: there begins its closing tag, if it has one."""
        tag_end = self._tag_end(start)
        return tag_end if self._data[tag_end - 2 : tag_end] == b"/>" else self._tag_end(end_event_at)
