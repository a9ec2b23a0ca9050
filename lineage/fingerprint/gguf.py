"""The header of a GGUF file: what it declares of itself, and where its tensors lie."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn

from lineage.errors import FormatError
from lineage.fingerprint.header import FIRST_READ, MAX_TENSORS, Read, TensorSpan

MAX_HEADER_BYTES = 100_000_000
"""More than the largest vocabularies need; a header that goes on is refused."""

MAX_ENTRIES = 100_000
MAX_KEPT_CHARACTERS = 4_000
MAX_KEPT_ITEMS = 100
"""What is kept of the values: characters of a text, items of a list. Longer lists are skipped."""

MAX_LAYERS = 10_000
"""Items that are kept of a list with one number of attention heads for each layer."""

MAX_KEPT_BYTES = 100_000_000
"""Memory of all names, values and tensors that are kept: a header of more is refused. The largest real ones take less
than a tenth of it."""

_PER_ITEM, _PER_TENSOR = 80, 700
"""Bytes that a kept value, or a tensor's entry, takes beside its characters; an entry is there twice for a moment."""

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36),
}  # fmt: skip
"""Tensor types: name, elements of a block, bytes of a block.

Types of forks and newer types are called by their number (`TYPE_41`). Such a name never changes, because it is a part
of the digests.
"""

UNKNOWN_TYPE = "TYPE_"
"""The beginning of the name of a type that is not in the table."""


_Entry = tuple[str, str, tuple[int, ...], int, int | None]
"""One tensor's entry: name, type, shape, offset in the data, and its bytes where the type is in the table."""


class GgufHeader(NamedTuple):
    """The content of a header.

    `values` are the key-value pairs that are kept (short texts, numbers, short lists). `tensors` are in order of their
    bytes, shapes outermost first; None where they were not asked for. `ranges_known` is False where the last tensor's
    type is not in our table and the file's size is not known: then `begin` and `end` mean nothing.
    """

    version: int
    values: dict[str, Any]
    tensors: list[TensorSpan] | None
    ranges_known: bool


def read_gguf(read: Read, size: int | None, file: str, *, tensors: bool = True) -> GgufHeader:
    """Read the header of a GGUF file, version 2 or 3, little-endian.

    Without `tensors` it stops at the first list of the tokenizer: what a file declares of its origin comes
    before that, and a Hub is spared megabytes of vocabulary. Raises FormatError for what llama.cpp would refuse.
    """
    window = _Window(read, size, file)
    if window.take(4) != b"GGUF":
        window.refuse("it does not begin with GGUF")
    version = window.number("I")
    if version.to_bytes(4, "little")[3] and not version & 0xFFFF:
        window.refuse("it is big-endian, which is not read here")
    if version not in (2, 3):
        window.refuse(f"it has version {version}, only 2 and 3 are read here")
    count, entries = window.number("Q"), window.number("Q")
    if count > MAX_TENSORS or entries > MAX_ENTRIES:
        window.refuse(f"it claims {count:,} tensors and {entries:,} entries")
    values: dict[str, Any] = {}
    seen: set[str] = set()
    for _ in range(entries):
        key = window.text(65_535)
        if key in seen:
            window.refuse(f"it has the key {key[:200]!r} twice")
        seen.add(key)
        kind = window.number("I")
        if not tensors and kind == _ARRAY and key.startswith("tokenizer."):
            return GgufHeader(version, values, None, False)
        limit = MAX_LAYERS if key.endswith((".head_count", ".head_count_kv")) else MAX_KEPT_ITEMS
        value = _value(window, kind, limit)
        if value is not None:
            values[key] = value
    if not tensors:
        return GgufHeader(version, values, None, False)
    spans, known = _tensors(window, count, values.get("general.alignment", 32))
    return GgufHeader(version, values, spans, known)


def declared_values(values: dict[str, Any]) -> dict[str, Any]:
    """Select the values that describe what a file is and what it came from."""
    return {
        key: value
        for key, value in values.items()
        if key.startswith(("general.", "adapter.", "split.")) or key.endswith((".context_length", ".vocab_size"))
    }


class _Window:
    """Bytes of the file from `position` on, fetched in growing pieces and forgotten once they are read."""

    def __init__(self, read: Read, size: int | None, file: str) -> None:
        self.read = read
        self.size = size
        self.file = file
        self.position = 0
        self._held = b""
        self._at = 0
        self._next = FIRST_READ
        self._kept = 0

    def refuse(self, what: str) -> NoReturn:
        """Refuse the file with a message that names it."""
        raise FormatError(
            f"{self.file} is not a valid GGUF file: {what}.",
            file=self.file,
            hint="Download the file again; if it stays so, its publisher has to repair it.",
        )

    def take(self, length: int) -> bytes:
        """Take the next bytes; a file that ends before them is refused."""
        if self._at + length > len(self._held):
            self._fetch(length)
        taken = self._held[self._at : self._at + length]
        self._at += length
        self.position += length
        return taken

    def _fetch(self, length: int) -> None:
        """Hold at least `length` bytes, at most a header's worth."""
        if self.position + length > MAX_HEADER_BYTES:
            self.refuse(f"its header is longer than {MAX_HEADER_BYTES:,} bytes")
        if self.size is not None and self.position + length > self.size:
            self.refuse("it ends inside its header")
        rest = self._held[self._at :]
        start = self.position + len(rest)
        wanted = max(self._next, length - len(rest))
        if self.size is not None:
            wanted = min(wanted, self.size - start)
        self._held = rest + self.read(start, wanted)
        self._at = 0
        self._next = min(self._next * 4, 8 << 20)
        if len(self._held) < length:
            self.refuse("it ends inside its header")

    def keep(self, count: int, text: str = "") -> None:
        """Count bytes of memory for what is kept; a header of too many is refused."""
        self._kept += count + (len(text) if text.isascii() else 4 * len(text))
        if self._kept > MAX_KEPT_BYTES:
            limit = f"{MAX_KEPT_BYTES // 10**6} MB"
            self.refuse(f"its names, values and tensors take more memory than is used for a header ({limit})")

    def skip(self, length: int) -> None:
        """Skip bytes without fetching them."""
        held = len(self._held) - self._at
        if length <= held:
            self._at += length
        else:
            self._held, self._at = b"", 0
        self.position += length
        if self.position > MAX_HEADER_BYTES or (self.size is not None and self.position > self.size):
            self.refuse("a list in its header goes on past its end")

    def number(self, letter: str) -> int:
        """Take one whole number."""
        return int(struct.unpack(f"<{letter}", self.take(struct.calcsize(f"<{letter}")))[0])

    def text(self, limit: int) -> str:
        """Take a text of at most `limit` bytes."""
        length = self.number("Q")
        if length > limit:
            self.refuse(f"a name in it claims {length:,} bytes")
        try:
            text = self.take(length).decode()
        except UnicodeDecodeError as error:
            raise FormatError(
                f"{self.file} is not a valid GGUF file: a name in it is not UTF-8.", file=self.file
            ) from error
        self.keep(_PER_ITEM, text)
        return text


def _value(window: _Window, kind: int, limit: int = MAX_KEPT_ITEMS) -> Any:
    """Read one value; None where it is too long to keep. `limit` counts the items of a list."""
    if kind in _SCALARS:
        window.keep(_PER_ITEM)
        letter = _SCALARS[kind]
        return struct.unpack(f"<{letter}", window.take(struct.calcsize(f"<{letter}")))[0]
    if kind == _STRING:
        length = window.number("Q")
        if length > 4 * MAX_KEPT_CHARACTERS:
            window.skip(length)
            return None
        text = window.take(length).decode(errors="replace")
        text = text if len(text) <= MAX_KEPT_CHARACTERS else text[: MAX_KEPT_CHARACTERS - 1] + "…"
        window.keep(_PER_ITEM, text)
        return text
    if kind == _ARRAY:
        return _array(window, limit)
    return window.refuse(f"it holds a value of the unknown type {kind}")


def _array(window: _Window, limit: int) -> list[Any] | None:
    """Read a list, or skip one that is too long to keep."""
    kind, count = window.number("I"), window.number("Q")
    if kind == _ARRAY:
        window.refuse("it holds lists of lists")
    if kind != _STRING and kind not in _SCALARS:
        window.refuse(f"it holds a list of the unknown type {kind}")
    width = 8 if kind == _STRING else struct.calcsize(f"<{_SCALARS[kind]}")
    if count * width > MAX_HEADER_BYTES:
        window.refuse(f"it holds a list that claims {count:,} items")
    if count <= limit:
        return [_value(window, kind) for _ in range(count)]
    if kind == _STRING:
        for _ in range(count):
            window.skip(int.from_bytes(window.take(8), "little"))
    else:
        window.skip(count * width)
    return None


def _tensors(window: _Window, count: int, alignment: object) -> tuple[list[TensorSpan], bool]:
    """Read the tensors' entries and find the bytes of each."""
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
        window.refuse(f"its alignment is {alignment!r}")
    entries = [_tensor(window) for _ in range(count)]
    if len({name for name, *_ in entries}) != count:
        window.refuse("it holds two tensors of one name")
    start = -(-window.position // alignment) * alignment
    offsets = sorted({entry[3] for entry in entries})
    following = {at: start + after for at, after in pairwise(offsets)}
    spans = [_placed(entry, start, following.get(entry[3], window.size)) for entry in entries]
    known = all(span.end >= 0 for span in spans)
    spans.sort(key=lambda span: (span.begin, span.end))
    at = start
    for span in spans if known else ():
        if span.begin < at or (window.size is not None and span.end > window.size):
            window.refuse(f"the bytes of {span.name[:200]!r} overlap others or lie past its end")
        if span.begin == span.end and 0 not in span.shape:
            window.refuse(f"it has no bytes for {span.name[:200]!r}")
        at = span.end
    return spans, known


def _placed(entry: _Entry, start: int, stop: int | None) -> TensorSpan:
    """Find the bytes of one tensor; those of a type that is not in the table go on to the next one, or to the end.

    Tensors lie back to back, each filled up with zeros to the alignment. The end is -1 where it is not known.
    """
    name, word, shape, offset, length = entry
    begin = start + offset
    if length is not None:
        return TensorSpan(name, word, shape, begin, begin + length)
    return TensorSpan(name, word, shape, begin, -1 if stop is None else max(begin, stop))


def _tensor(window: _Window) -> _Entry:
    """Read one tensor's entry: name, type, shape, offset in the data, and bytes where the type is known."""
    window.keep(_PER_TENSOR)
    name = window.text(1_000)
    rank = window.number("I")
    if rank > 8:
        window.refuse(f"the tensor {name[:200]!r} has {rank:,} dimensions")
    shape = tuple(window.number("Q") for _ in range(rank))[::-1]
    kind, offset = window.number("I"), window.number("Q")
    elements = 1
    for length in shape:
        elements *= length
        if elements >= 1 << 62:
            window.refuse(f"the shape of {name[:200]!r} overflows")
    if kind not in TYPES:
        return name, f"{UNKNOWN_TYPE}{kind}", shape, offset, None
    word, block, width = TYPES[kind]
    if elements % block or (shape and shape[-1] % block):
        window.refuse(f"{name[:200]!r} ({word}) does not end on a block")
    return name, word, shape, offset, elements // block * width
