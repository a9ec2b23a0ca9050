"""A walk over the opcodes of a pickle that understands an allow list: nothing is imported, called or built.

The values are plain ones: numbers, texts, lists, tuples, and the records of `values`. They are never compared, hashed
or printed as a whole, for references let a short pickle hold an endless value.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from lineage.fingerprint.pytorch.archive import NotReadError, refuse
from lineage.fingerprint.pytorch.calls import built
from lineage.fingerprint.pytorch.values import (
    ALLOWED,
    ORDERED_DICT,
    STORAGE_TYPES,
    Foreign,
    Mapping,
    Name,
    Storage,
)

MAX_OPCODES = 6_000_000
"""Our limit: 100,000 tensors take 4,000,000. It bounds the time."""

MAX_OBJECTS = 1_500_000
"""Texts, tuples, lists and the like; 100,000 tensors take 900,000. It bounds the memory."""

MAX_MARKS = 1_000
"""Containers that are open at the same time; real files have a dozen."""

MAX_LINE = 1_000
MAX_NUMBER_BYTES = 16
MAX_CALLS = 50
"""Names that a refused pickle would call, as far as they are listed."""

_INT, _UINT, _USHORT, _ULONG, _DOUBLE = (struct.Struct(form) for form in ("<i", "<I", "<H", "<Q", ">d"))


class _Mark(NamedTuple):
    """The values below an open container."""

    stack: list[Any]


class Walked(NamedTuple):
    """The value of a pickle, and where the bytes after it begin."""

    value: Any
    end: int


class PickleWalk:
    """Read pickles out of some bytes, one after another; limits are for all of them together.

    A name that is not on the list does not end the walk: `foreign` collects these names and `calls` those that would
    be called. Neither does an opcode that no checkpoint needs, or one in front of a call would hide it. `walk` then
    raises NotReadError at the end. Raises FormatError where the bytes are not a pickle or exceed a limit.
    """

    def __init__(self, data: bytes, file: str) -> None:
        self.foreign: dict[str, None] = {}
        self.calls: dict[str, None] = {}
        self._data, self._file = data, file
        self._at = 0
        self._opcodes = self._objects = 0
        self._stack: list[Any] = []
        self._marks: list[_Mark] = []
        self._memo: dict[int, Any] = {}
        self._storages: dict[str, Storage] = {}
        self._odd: int | None = None

    def walk(self, start: int = 0) -> Walked:
        """Read one pickle from a position."""
        self._at = start
        self._stack, self._marks, self._memo = [], [], {}
        try:
            value = self._run()
        except NotReadError as error:
            raise NotReadError(self._reason() or error.reason, self._file, tuple(self.calls)) from error
        except (IndexError, ValueError, struct.error) as error:
            self._stop_if_foreign()
            refuse(self._file, f"its pickle is damaged near byte {self._at:,} ({error})")
        self._stop_if_foreign()
        return Walked(value, self._at)

    def _reason(self) -> str | None:
        first = next(iter(self.foreign), None)
        if first is not None:
            return f"its pickle names {first[:200]!r}, which no plain checkpoint needs"
        if self._odd is not None:
            return f"its pickle has the opcode 0x{self._odd:02x}, which no plain checkpoint needs"
        return None

    def _stop_if_foreign(self) -> None:
        if reason := self._reason():
            raise NotReadError(reason, self._file, tuple(self.calls))

    def _run(self) -> Any:
        """Read opcodes up to the one that ends the pickle."""
        data, actions = self._data, ACTIONS
        while True:
            self._opcodes += 1
            if self._opcodes > MAX_OPCODES or self._objects > MAX_OBJECTS:
                raise ValueError(f"it has more than {MAX_OPCODES:,} opcodes or {MAX_OBJECTS:,} objects")
            code = data[self._at]
            self._at += 1
            if code == _STOP:
                if self._marks or len(self._stack) != 1:
                    raise ValueError("it ends inside a container")
                return self._stack.pop()
            action = actions.get(code)
            if action is None:
                self._odd = code if self._odd is None else self._odd
                action = ODD_ACTIONS.get(code)
            if action is None:
                raise ValueError(f"0x{code:02x} is not an opcode that is known here")
            action(self)

    # Bytes of an argument.

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise ValueError("it ends inside an argument")
        part = self._data[self._at : end]
        self._at = end
        return part

    def _number(self, form: struct.Struct) -> Any:
        (value,) = form.unpack_from(self._data, self._at)
        self._at += form.size
        return value

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _line(self) -> str:
        end = self._data.index(b"\n", self._at, self._at + MAX_LINE)
        part = self._data[self._at : end]
        self._at = end + 1
        return part.decode()

    # Values.

    def _push(self, value: Any) -> None:
        self._objects += 1
        self._stack.append(value)

    def _number_of_line(self) -> None:
        text = self._line().removesuffix("L")
        if text in ("00", "01"):
            self._stack.append(text == "01")
            return
        if len(text) > 2 * MAX_NUMBER_BYTES:
            raise ValueError("a number is too long")
        self._stack.append(int(text))

    def _long(self, length: int) -> None:
        if length > MAX_NUMBER_BYTES:
            raise ValueError("a number is too long")
        self._stack.append(int.from_bytes(self._take(length), "little", signed=True))

    def _text(self, length: int) -> None:
        self._push(self._take(length).decode())

    def _open(self) -> None:
        if len(self._marks) >= MAX_MARKS:
            raise ValueError(f"more than {MAX_MARKS:,} containers are open")
        self._marks.append(_Mark(self._stack))
        self._stack = []

    def _close(self) -> list[Any]:
        items = self._stack
        self._stack = self._marks.pop().stack
        return items

    def _tuple(self, length: int) -> None:
        if len(self._stack) < length:
            raise ValueError("its stack is empty")
        items = tuple(self._stack[-length:])
        del self._stack[-length:]
        self._push(items)

    def _top(self, kind: type[Any]) -> Any:
        found = self._stack[-1]
        if isinstance(found, Foreign):
            return None
        if type(found) is not kind:
            raise ValueError("it puts values into something that is not a container")
        return found

    def _append(self, items: list[Any]) -> None:
        target = self._top(list)
        if target is not None:
            target.extend(items)

    def _set_items(self, items: list[Any]) -> None:
        if len(items) % 2:
            raise ValueError("a key has no value")
        target = self._top(Mapping)
        if target is not None:
            target.pairs.extend(zip(items[::2], items[1::2], strict=True))

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._close()

    def _pop_pair(self) -> list[Any]:
        value, key = self._stack.pop(), self._stack.pop()
        return [key, value]

    def _dict(self) -> None:
        items = self._close()
        self._push(Mapping())
        self._set_items(items)

    # The memo.

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise ValueError("it refers to a value that it has not kept")
        self._stack.append(self._memo[index])

    # Names and calls.

    def _name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise ValueError("a name is not a text")
        text = f"{module[:MAX_LINE]}.{name[:MAX_LINE]}"
        if text not in ALLOWED and len(self.foreign) < MAX_CALLS:
            self.foreign[text] = None
        self._push(Name(text))

    def _named_elsewhere(self, length: int) -> None:
        """Push a name that a pickle knows by a number of its program."""
        self._name("copyreg", f"extension_{int.from_bytes(self._take(length), 'little')}")

    def _call(self, target: Any, arguments: Any) -> Any:
        """Give the record for a call of an allowed name; all else is noted."""
        name = target.text if isinstance(target, Name) else target.name if isinstance(target, Foreign) else None
        if name is None:
            raise ValueError("it calls something that is not a name")
        if name not in ALLOWED or self.foreign:
            if name not in ALLOWED and len(self.calls) < MAX_CALLS:
                self.calls[name] = None
            return Mapping() if name == ORDERED_DICT else Foreign(name)
        if type(arguments) is not tuple:
            raise ValueError(f"{name} has no arguments")
        if arguments and type(arguments[0]) is list:
            self._objects += len(arguments[0])  # it is copied, and references let many calls share it
        return built(name, arguments, self._file)

    def _reduce(self) -> None:
        arguments, target = self._stack.pop(), self._stack.pop()
        self._push(self._call(target, arguments))

    def _new_with_keywords(self) -> None:
        self._stack.pop()
        arguments, target = self._stack.pop(), self._stack.pop()
        self._push(self._call(target, arguments))

    def _instance(self) -> None:
        module, name = self._line(), self._line()
        arguments = tuple(self._close())
        self._name(module, name)
        self._push(self._call(self._stack.pop(), arguments))

    def _object(self) -> None:
        target, *arguments = self._close()
        self._push(self._call(target, tuple(arguments)))

    def _build(self) -> None:
        """Skip the attributes of a dict (`_metadata`, versions of its modules); all else has none."""
        self._stack.pop()
        target = self._stack[-1]
        if isinstance(target, Foreign):
            return
        if not isinstance(target, Mapping):
            raise ValueError("it sets attributes of something that has none")

    def _persistent(self) -> None:
        """Read what names a stored entry: a tag, a type, its key, its device and its number of elements."""
        named = self._stack.pop()
        if type(named) is not tuple or not named or named[0] != "storage":
            raise ValueError("it refers to something that is not a storage")
        if len(named) not in (5, 6):
            raise ValueError("it refers to a storage in another form than PyTorch writes")
        kind, key, _, count = named[1:5]
        view = named[5] if len(named) == 6 else None
        dtype = STORAGE_TYPES.get(kind.text) if isinstance(kind, Name) else None
        if dtype is None and self.foreign:
            self._push(Foreign("torch.storage"))
            return
        if dtype is None or type(key) is not str or type(count) is not int or not 0 <= count < 1 << 62:
            raise ValueError("it refers to a storage in another form than PyTorch writes")
        if view is not None:
            raise NotReadError("it holds a view of a storage in the form before ZIP", self._file)
        storage = Storage(key, dtype, count)
        if self._storages.setdefault(key, storage) != storage:
            raise ValueError("it names one storage in two ways")
        self._push(self._storages[key])

    @property
    def storages(self) -> dict[str, Storage]:
        """Return the storages that were named, by key, in the order of their first use."""
        return self._storages


_STOP = ord(".")
_W = PickleWalk
ACTIONS: dict[int, Callable[[PickleWalk], Any]] = {
    0x80: lambda w: w._byte(),  # PROTO
    0x95: lambda w: w._number(_ULONG),  # FRAME
    ord("N"): lambda w: w._stack.append(None),
    0x88: lambda w: w._stack.append(True),
    0x89: lambda w: w._stack.append(False),
    ord("I"): _W._number_of_line,
    ord("L"): _W._number_of_line,
    ord("J"): lambda w: w._stack.append(w._number(_INT)),
    ord("K"): lambda w: w._stack.append(w._byte()),
    ord("M"): lambda w: w._stack.append(w._number(_USHORT)),
    0x8A: lambda w: w._long(w._byte()),
    0x8B: lambda w: w._long(w._number(_UINT)),
    ord("G"): lambda w: w._stack.append(w._number(_DOUBLE)),
    ord("X"): lambda w: w._text(w._number(_UINT)),
    0x8C: lambda w: w._text(w._byte()),
    0x8D: lambda w: w._text(w._number(_ULONG)),
    ord("U"): lambda w: w._text(w._byte()),
    ord("T"): lambda w: w._text(w._number(_UINT)),
    ord("C"): lambda w: w._push(w._take(w._byte())),
    ord("B"): lambda w: w._push(w._take(w._number(_UINT))),
    0x8E: lambda w: w._push(w._take(w._number(_ULONG))),
    0x96: lambda w: w._push(w._take(w._number(_ULONG))),
    ord("("): _W._open,
    ord(")"): lambda w: w._stack.append(()),
    ord("]"): lambda w: w._push([]),
    0x8F: lambda w: w._push([]),  # EMPTY_SET
    ord("}"): lambda w: w._push(Mapping()),
    ord("t"): lambda w: w._push(tuple(w._close())),
    ord("l"): lambda w: w._push(w._close()),
    0x91: lambda w: w._push(w._close()),  # FROZENSET
    ord("d"): _W._dict,
    0x85: lambda w: w._tuple(1),
    0x86: lambda w: w._tuple(2),
    0x87: lambda w: w._tuple(3),
    ord("a"): lambda w: w._append([w._stack.pop()]),
    ord("e"): lambda w: w._append(w._close()),
    0x90: lambda w: w._append(w._close()),  # ADDITEMS
    ord("s"): lambda w: w._set_items(w._pop_pair()),
    ord("u"): lambda w: w._set_items(w._close()),
    ord("q"): lambda w: w._put(w._byte()),
    ord("r"): lambda w: w._put(w._number(_UINT)),
    ord("p"): lambda w: w._put(int(w._line())),
    0x94: lambda w: w._put(len(w._memo)),  # MEMOIZE
    ord("h"): lambda w: w._get(w._byte()),
    ord("j"): lambda w: w._get(w._number(_UINT)),
    ord("g"): lambda w: w._get(int(w._line())),
    ord("c"): lambda w: w._name(w._line(), w._line()),
    0x93: lambda w: w._name(*w._pop_pair()),
    ord("R"): _W._reduce,
    0x81: _W._reduce,  # NEWOBJ
    0x92: _W._new_with_keywords,
    ord("i"): _W._instance,
    ord("o"): _W._object,
    ord("b"): _W._build,
    ord("Q"): _W._persistent,
}  # fmt: skip
"""What each opcode does; those that are not here are those that no checkpoint needs."""

ODD_ACTIONS: dict[int, Callable[[PickleWalk], Any]] = {
    ord("0"): _W._pop,
    ord("1"): lambda w: w._close(),
    ord("2"): lambda w: w._stack.append(w._stack[-1]),
    ord("F"): lambda w: w._stack.append(float(w._line())),
    ord("S"): lambda w: w._push(w._line().strip("'\"")),
    ord("V"): lambda w: w._push(w._line()),
    0x82: lambda w: w._named_elsewhere(1),  # EXT1
    0x83: lambda w: w._named_elsewhere(2),
    0x84: lambda w: w._named_elsewhere(4),
}  # fmt: skip
"""Opcodes that no checkpoint needs: the file is not read, and the walk goes on to the names that it would call."""
