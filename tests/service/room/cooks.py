"""What decode workers run in the tests of the room: photos that are words say what is to go wrong."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from models.errors import ImageTooSmall
from service.prepared import Prepared
from service.query import Query
from service.recipe import Recipe
from service.room.worker import Clock, cook

UNNEEDED = ("torch", "faiss", "onnxruntime", "duckdb", "pyarrow", "fastapi", "starlette", "uvicorn", "httptools")


def obedient(recipe: Recipe, query: Query, data: bytes, decoded: Clock) -> Prepared:
    """Do what the photo says; decode it if it says nothing."""
    word, _, rest = data.partition(b" ")
    if word == b"sleep":
        time.sleep(60)
    elif word == b"nap":
        time.sleep(1)
    elif word == b"spin":
        while True:
            pass
    elif word == b"crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif word == b"leave":
        os._exit(3)
    elif word == b"vanish":
        os.kill(os.getpid(), signal.SIGKILL)
    elif word == b"eat":
        bytearray(64 << 30)
    elif word == b"break":
        raise ValueError(rest.decode())
    elif word == b"write":
        Path(rest.decode()).write_bytes(b"canary")
    elif word == b"modules":
        found = [name for name in UNNEEDED if name in sys.modules]
        raise ImageTooSmall(" ".join(found) or "none")
    elif word == b"environment":
        raise ImageTooSmall(" ".join(sorted(os.environ)))
    elif word == b"children":
        raise ImageTooSmall(str(os.getpid()))
    return cook(recipe, query, data, decoded)
