"""multipart/form-data in memory: bounded parts, nothing written to disk, file names never looked at."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.errors import MalformedMultipart, TooManyParts

IMAGE, DOCUMENT = "image", "request"
MAX_PART_HEADERS = 8
MAX_PART_HEADER_BYTES = 4096

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class FormLimits:
    """How much of what a form may hold."""

    files: int = 1
    fields: int = 16
    field_bytes: int = 4096
    documents: tuple[str, ...] = (DOCUMENT,)
    """Fields of JSON, also where they were sent as files."""
    document_bytes: int = 4096

    def is_field(self, part: Part) -> bool:
        """True for parameters: what has no file name, and documents."""
        return part.name in self.documents or (part.name != IMAGE and not part.has_file_name)

    def most_bytes(self, part: Part) -> int | None:
        """Bound of a part; that of a file is the body's."""
        if part.name in self.documents:
            return self.document_bytes
        return self.field_bytes if self.is_field(part) else None


ONE_PHOTO = FormLimits()


@dataclass(slots=True)
class Part:
    """One part of a form."""

    name: str = ""
    has_file_name: bool = False
    content: bytes = b""


def parse_multipart(body: bytes, content_type: str, limits: FormLimits = ONE_PHOTO) -> list[Part]:
    """Split a form into its parts, in order.

    Raises:
        MalformedMultipart: no boundary, a broken part, or no closing boundary.
        TooManyParts: more files or fields, or longer fields, than the limits allow.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise MalformedMultipart("The content type names no boundary. Let the HTTP client set it.")
    collector = _Collector(limits)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": collector.part_begin,
                "on_header_field": collector.header_field,
                "on_header_value": collector.header_value,
                "on_header_end": collector.header_end,
                "on_headers_finished": collector.headers_finished,
                "on_part_data": collector.part_data,
                "on_part_end": collector.part_end,
                "on_end": collector.end,
            },
            max_header_count=MAX_PART_HEADERS,
            max_header_size=MAX_PART_HEADER_BYTES,
        )
        parser.write(body)
    except FormParserError as error:
        raise MalformedMultipart("The multipart body is not well formed.") from error
    if not collector.closed:
        raise MalformedMultipart("The multipart body ends before its closing boundary.")
    return collector.parts


@dataclass(slots=True)
class _Collector:
    """Callbacks of the parser; every bound on parts is checked as soon as it can be."""

    limits: FormLimits
    parts: list[Part] = field(default_factory=list)
    closed: bool = False
    header: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    content: bytearray = field(default_factory=bytearray)
    named: bool = False

    def part_begin(self) -> None:
        self.parts.append(Part())
        self.content, self.named = bytearray(), False

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_end(self) -> None:
        if self.header.lower() == b"content-disposition":
            _, options = parse_options_header(self.value.decode("latin-1"))
            if b"name" in options:
                self.named = True
                self.parts[-1].name = options[b"name"].decode("utf-8", "replace")
                self.parts[-1].has_file_name = b"filename" in options
        self.header, self.value = bytearray(), bytearray()

    def headers_finished(self) -> None:
        if not self.named:
            raise MalformedMultipart("A part of the form has no name.")
        files, limits = sum(not self.limits.is_field(part) for part in self.parts), self.limits
        if files > limits.files or len(self.parts) - files > limits.fields:
            images = "one image" if limits.files == 1 else f"{limits.files} images"
            raise TooManyParts(
                f"The form has too many parts: at most {images} and {limits.fields} fields are accepted."
            )

    def part_data(self, data: bytes, start: int, end: int) -> None:
        self.content += data[start:end]
        most = self.limits.most_bytes(self.parts[-1])
        if most is not None and len(self.content) > most:
            raise TooManyParts(f"A field of the form has more than {most} bytes.")

    def part_end(self) -> None:
        self.parts[-1].content = bytes(self.content)

    def end(self) -> None:
        self.closed = True
