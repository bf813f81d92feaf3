"""Follow a pickle with symbols in place of objects, so that nothing of it runs and every size is known beforehand.

`torch.load(weights_only=True)` runs no foreign code, but it believes what a pickle says about sizes. The rehearsal
allows only what a dictionary of tensors and plain values needs, each call with the arguments that it has there, and
notes how many bytes every storage claims, so that they can be held against the file before anything is allocated.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from models.errors import CheckpointUnreadable, CheckpointUnsafe
from models.importing.symbols import CALLS, DTYPE_STATES, STORAGES, Global, Made, Storage

NAME = re.compile(r"[A-Za-z_][\w.]*")
ADVICE = (
    "Nothing of it was run. Ask whoever made the file for a plain state_dict (tensors and names only) or for a "
    ".safetensors file; Skyfix loads no pickled code, and there is no option that makes it."
)


class _Mark:
    pass


@dataclass
class Rehearsal:
    """The stack machine of one pickle.

    Args:
        name: of the file, for messages.
    """

    name: str
    storage_bytes: dict[str, int] = field(default_factory=dict)
    """Storage key -> bytes that it claims."""
    _stack: list[Any] = field(default_factory=list)
    _memo: dict[int, Any] = field(default_factory=dict)

    def run(self, stream: IO[bytes]) -> Any:
        """Follow one pickle to its end and leave the stream behind it.

        Returns:
            What it makes: a plain value, or a symbol.

        Raises:
            CheckpointUnsafe: it names a global that tensors do not need, or uses one in another way than they do.
            CheckpointUnreadable: it is no pickle, cut short, or of a kind that torch does not write.
        """
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                if opcode.name == "STOP":
                    return self._stack.pop()
                self._step(opcode.name, argument)
        except (ValueError, IndexError, KeyError, UnicodeDecodeError) as error:
            raise CheckpointUnreadable(f"{self.name} is damaged or no torch file: {error}. Copy it again.") from error
        raise CheckpointUnreadable(f"{self.name} ends too early. Copy it again.")

    def _step(self, opcode: str, argument: Any) -> None:
        if opcode in PLAIN:
            self._stack.append(PLAIN[opcode](argument))
        elif opcode in ("GLOBAL", "INST"):
            self._stack.append(self._global(*argument.split(" ", 1)))
        elif opcode == "STACK_GLOBAL":
            name, module = self._stack.pop(), self._stack.pop()
            self._stack.append(self._global(str(module), str(name)))
        elif opcode in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[argument] = self._stack[-1]
        elif opcode == "MEMOIZE":
            self._memo[len(self._memo)] = self._stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET", "GET"):
            self._stack.append(self._memo[argument])
        elif opcode in STEPS:
            STEPS[opcode](self)
        elif opcode not in ("PROTO", "FRAME"):
            raise CheckpointUnreadable(f"{self.name} holds the pickle instruction {opcode}, which torch never writes.")

    def _global(self, module: str, name: str) -> Global:
        path = f"{module}.{name}"
        if path in CALLS or path in STORAGES:
            return Global(path)
        if not NAME.fullmatch(path):
            raise CheckpointUnreadable(f"{self.name} is no torch file.")
        raise CheckpointUnsafe(f"{self.name} asks for {path!r}, which tensors do not need. {ADVICE}")

    def _to_mark(self) -> list[Any]:
        items: list[Any] = []
        while not isinstance(item := self._stack.pop(), _Mark):
            items.append(item)
        return items[::-1]

    def _tuple(self, length: int) -> None:
        if len(self._stack) < length:
            raise ValueError("an instruction finds too little on the stack")
        items = self._stack[len(self._stack) - length :]
        del self._stack[len(self._stack) - length :]
        self._stack.append(tuple(items))

    def _append(self, _items: list[Any]) -> None:
        self._require(self._stack[-1] == Made("list"), "it adds to something that is no list")

    def _set(self, items: list[Any]) -> None:
        named = all(isinstance(key, str | int) for key in items[::2])
        self._require(self._stack[-1] == Made("dict") and named, "it fills something that is no dictionary of names")

    def _call(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        path = function.path if isinstance(function, Global) else "a value"
        rule = CALLS.get(path)
        made = rule(arguments) if rule is not None and isinstance(arguments, tuple) else None
        self._require(made is not None, f"it calls {path!r} as no tensor does")
        self._stack.append(made)

    def _build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        fits = (target == Made("dict") and state == Made("dict")) or (target == Made("dtype") and state in DTYPE_STATES)
        self._require(fits, "it changes an object as no tensor does")

    def _persistent(self) -> None:
        match self._stack.pop():
            case ("storage", Global(path), str(key), str(), int(items), *rest) if path in STORAGES and items >= 0:
                self._require(rest in ([], [None]), "a storage is a view of another")
                self.storage_bytes[key] = max(items * STORAGES[path], self.storage_bytes.get(key, 0))
                self._stack.append(Storage(items))
            case _:
                self._require(False, "it refers to something that is no storage")

    def _require(self, fine: bool, fault: str) -> None:
        if not fine:
            raise CheckpointUnsafe(f"{self.name}: {fault}. {ADVICE}")


_SAME = ("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "BININT", "BININT1", "BININT2", "INT", "LONG")
_MORE = ("LONG1", "LONG4", "BINFLOAT", "FLOAT", "BINBYTES", "SHORT_BINBYTES", "STRING", "BINSTRING", "SHORT_BINSTRING")
PLAIN: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_SAME + _MORE, lambda argument: argument),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_DICT": lambda _: Made("dict"),
    "EMPTY_LIST": lambda _: Made("list"),
    "EMPTY_TUPLE": lambda _: (),
    "MARK": lambda _: _Mark(),
}
STEPS: dict[str, Callable[[Rehearsal], None]] = {
    "TUPLE": lambda at: at._stack.append(tuple(at._to_mark())),
    "TUPLE1": lambda at: at._tuple(1),
    "TUPLE2": lambda at: at._tuple(2),
    "TUPLE3": lambda at: at._tuple(3),
    "APPEND": lambda at: at._append([at._stack.pop()]),
    "APPENDS": lambda at: at._append(at._to_mark()),
    "SETITEM": lambda at: at._set([at._stack.pop(-2), at._stack.pop()]),
    "SETITEMS": lambda at: at._set(at._to_mark()),
    "REDUCE": lambda at: at._call(),
    "BUILD": lambda at: at._build(),
    "BINPERSID": lambda at: at._persistent(),
}
