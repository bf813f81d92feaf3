"""What the service says: one JSON object a line on stdout, or text for people; never of where or of what.

A line never waits. A thread of its own writes; what does not fit between it and a reader who does not read, and what
cannot be written at all, is dropped and counted. Lines hold no coordinates, keys, file names or whole addresses: what
clients send is not logged, and of an exception only its kind and the places that it passed, as messages quote values.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import PurePath
from traceback import walk_tb
from types import TracebackType
from typing import Any, Literal

from models.errors import SkyfixError

Format = Literal["auto", "json", "text"]
Level = Literal["debug", "info", "warning", "error"]
OURS = "skyfix"
MOST_LINES, MOST_BYTES = 4096, 8192
"""Lines that wait for a slow reader, and bytes of a message."""
LAST_S, PAUSE_S = 1.0, 0.05
FRAMES = 24
logger = logging.getLogger(OURS)


class Outlet:
    """Lines to a file descriptor, in order, by a thread of its own.

    Args:
        fd: where to; not closed here.
        most: lines that may wait.
    """

    def __init__(self, fd: int, most: int = MOST_LINES) -> None:
        self.fd, self._most = fd, most
        self._lines: deque[bytes] = deque()
        self._wake = threading.Condition()
        self._closed, self._torn = False, False
        self.dropped = 0
        self.on_drop: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Have a line written, or drop it; never wait for a reader."""
        with self._wake:
            if len(self._lines) < self._most and not self._closed:
                self._lines.append(line.encode("utf-8", "backslashreplace") + b"\n")
                self._wake.notify()
                return
        self.drop()

    def drop(self) -> None:
        self.dropped += 1
        self.on_drop()

    def close(self) -> None:
        """Write what waits, as far as it goes out within a second."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(LAST_S)

    def _write_all(self) -> None:
        while True:
            with self._wake:
                while not self._lines and not self._closed:
                    self._wake.wait()
                if not self._lines:
                    return
                line = self._lines.popleft()
            try:
                self._write(b"\n" + line if self._torn else line)
            except (OSError, ValueError):
                self.drop()

    def _write(self, line: bytes) -> None:
        left = memoryview(line)
        while left:
            try:
                left = left[os.write(self.fd, left) :]
            except BlockingIOError:
                if self._closed:
                    raise
                time.sleep(PAUSE_S)
            self._torn = 0 < len(left) < len(line)


class LogHandler(logging.Handler):
    """Hands records to an outlet; a record that cannot be formatted is dropped like one that cannot be written."""

    def __init__(self, outlet: Outlet) -> None:
        super().__init__()
        self._outlet = outlet

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # a wrong log call must not cost the request
            self._outlet.drop()
        else:
            self._outlet.put(line)


class JsonFormatter(logging.Formatter):
    """One object a line, ASCII only: nothing in it can end the line or speak to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": moment.replace("+00:00", "Z"), "level": record.levelname.lower(), "logger": record.name}
        return json.dumps({**line, "message": message_of(record), **fields_of(record)}, allow_nan=False, default=str)


class TextFormatter(logging.Formatter):
    """For people: time of day, what is more than information, message, fields."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%H:%M:%S", time.localtime(record.created))
        level = f"{record.levelname} " if record.levelno > logging.INFO else ""
        fields = "".join(f" {name}={value}" for name, value in fields_of(record).items())
        text = f"{moment} {level}{message_of(record)}{fields}"
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def message_of(record: logging.LogRecord) -> str:
    """The message; of other libraries' only the first line, as what follows is the state of objects."""
    text = record.getMessage()
    is_ours = record.name.partition(".")[0] == OURS
    return (text if is_ours else text.partition("\n")[0])[:MOST_BYTES]


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra={"fields": {...}}`, and the exception."""
    fields = dict(getattr(record, "fields", {}))
    if record.exc_info and record.exc_info[0] is not None:
        fields["error"] = record.exc_info[0].__name__
        fields["trace"] = places(record.exc_info[2])
    return fields


def places(trace: TracebackType | None) -> list[str]:
    """The innermost places that an exception passed, without any value."""
    frames = [(frame.f_code, line) for frame, line in walk_tb(trace)]
    return [
        f"{'/'.join(PurePath(code.co_filename).parts[-2:])}:{line} {code.co_name}" for code, line in frames[-FRAMES:]
    ]


@contextmanager
def open_log(form: Format, level: Level, fd: int | None = None) -> Iterator[Outlet]:
    """Take over all logging of the process, Python's warnings and whatever nobody catches, until the end.

    Args:
        form: `auto` is text on a terminal and JSON elsewhere.
        level: of the service's own lines; of other libraries warnings are told, as their details quote what came in.
        fd: where to; stdout by default.
    """
    outlet = Outlet(stdout() if fd is None else fd)
    handler, root = LogHandler(outlet), logging.getLogger()
    is_text = form == "text" or (form == "auto" and outlet.fd >= 0 and os.isatty(outlet.fd))
    handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
    before = root.handlers[:], root.level, logger.level, sys.excepthook, threading.excepthook
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(level.upper())
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, trace: logger.critical("uncaught", exc_info=(kind, error, trace))
    threading.excepthook = _tell_thread
    try:
        yield outlet
    except SkyfixError as error:
        logger.critical("%s", error, extra={"fields": {"code": error.code}})
        raise
    finally:
        root.handlers[:], root.level, logger.level, sys.excepthook, threading.excepthook = before
        logging.captureWarnings(False)
        outlet.close()


def stdout() -> int:
    """Give its descriptor; -1, where every write fails, if there is none."""
    try:
        return sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # closed before the start, or an object in its place
        return -1


def _tell_thread(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_value is not None:
        logger.critical("a thread ended", exc_info=(crash.exc_type, crash.exc_value, crash.exc_traceback))
