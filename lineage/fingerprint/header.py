"""The header of a safetensors file: where each tensor lies, checked at least as strictly as the library does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple, NoReturn

from lineage.errors import FormatError
from lineage.fingerprint.header_text import METADATA, HeaderText
from lineage.hub.collector import without_collector

Read = Callable[[int, int], bytes]
"""Give `length` bytes from `start`; fewer only at the file's end."""

MAX_HEADER_BYTES = 100_000_000
"""The library's limit."""

MAX_TENSORS = 100_000
"""Our limit for one file, many times what real ones hold: it bounds the memory that a hostile header can take, here and
in the answers that list its tensors. The largest models have 140,000, in more than a hundred files."""

FIRST_READ = 100_000
"""What one read takes at first; it holds the whole header of nearly every model."""

MAX_METADATA_ENTRIES = 200
MAX_METADATA_CHARACTERS = 4_000
"""What is kept of `__metadata__`: entries, and characters of one value. The rest is read and discarded."""

BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
"""Bits of one element, for every dtype of safetensors 0.8."""

_DTYPES = {dtype: dtype for dtype in BITS}
"""One text for each dtype, of which a header has thousands."""

_PER_KEY = 150
"""Bytes that a key of the metadata takes beside its characters while it is compared with the others."""

_USIZE = 1 << 64
_LARGE = 20_000
"""Bytes of a header from which the garbage collector is paused."""


class TensorSpan(NamedTuple):
    """One tensor and the bytes [`begin`, `end`) of the file that hold it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Header(NamedTuple):
    """The content of a header: tensors in order of their bytes, and `metadata`, truncated (such values end with `…`).

    `data_start` is where the first tensor begins, `size` where the file must end.
    """

    tensors: list[TensorSpan]
    metadata: dict[str, str]
    data_start: int
    size: int


def read_header(read: Read, size: int | None, file: str) -> Header:
    """Read and check a header with at most two reads.

    `size` is the file's size, None where it is not known: then its end cannot be checked. Raises FormatError
    for whatever the library refuses, and also for duplicate keys, which it accepts: two tools may see two models.
    """
    begin = read(0, FIRST_READ if size is None else min(FIRST_READ, size))
    if len(begin) < 8:
        _refuse(file, f"it ends after {len(begin)} bytes, before the length of its header")
    length = int.from_bytes(begin[:8], "little")
    if length > MAX_HEADER_BYTES:
        _refuse(file, f"its header claims {length:,} bytes, the limit is {MAX_HEADER_BYTES:,}")
    if size is not None and 8 + length > size:
        _refuse(file, f"its header claims {length:,} bytes and the file has {size:,}")
    raw = begin[8 : 8 + length]
    if len(raw) < length:
        raw += read(8 + len(raw), length - len(raw))
    if len(raw) < length:
        _refuse(file, f"it ends inside its header of {length:,} bytes")
    return parse_header(raw, size, file)


def parse_header(raw: bytes, size: int | None, file: str) -> Header:
    """Check the JSON of a header, which the file's first eight bytes count."""
    data_start = 8 + len(raw)
    if raw.count(b"{") > MAX_TENSORS + 2 or raw.count(b"[") > 2 * MAX_TENSORS:
        _refuse(file, f"its header describes more than {MAX_TENSORS:,} tensors")
    text = HeaderText(raw, partial(_refuse, file))
    metadata: dict[str, str] | None = None
    tensors: list[TensorSpan] = []
    names: set[str] = set()
    with without_collector(paused=len(raw) > _LARGE):
        for name, value in text.entries():
            if name == METADATA:
                if metadata is not None:
                    _refuse(file, f"its header has the key {METADATA!r} twice")
                metadata = _metadata(value, text, file)
                continue
            if name in names:
                _refuse(file, f"its header has the key {name[:200]!r} twice")
            names.add(_clean(name, file))
            tensors.append(_span(name, value, data_start, file))
        tensors.sort(key=itemgetter(3, 4))
    return Header(tensors, metadata or {}, data_start, _check_cover(tensors, data_start, size, file))


def _refuse(file: str, what: str) -> NoReturn:
    """Refuse a file with a message that names it."""
    raise FormatError(
        f"{file} is not a valid safetensors file: {what}.",
        file=file,
        hint="Download the file again; if it stays so, its publisher has to repair it.",
    )


def _unique(value: object, file: str) -> dict[str, Any]:
    """Make a dict of an object's pairs; a key that is there twice is refused."""
    if not isinstance(value, tuple):
        _refuse(file, "its header is not a JSON object where one is required")
    fields = dict(value)
    if len(fields) != len(value):
        twice = next(key for key, count in Counter(key for key, _ in value).items() if count > 1)
        _refuse(file, f"its header has the key {twice[:200]!r} twice")
    return fields


def _metadata(entries: Iterable[tuple[str, str]] | None, text: HeaderText, file: str) -> dict[str, str]:
    """Check `__metadata__` and keep a bounded part of it."""
    kept: dict[str, str] = {}
    seen: set[str] = set()
    for key, value in entries or ():
        if key in seen:
            _refuse(file, f"its header has the key {key[:200]!r} twice")
        seen.add(key)
        text.hold(key, _PER_KEY)
        for each in (key, value):
            _clean(each, file)
        if len(kept) < MAX_METADATA_ENTRIES:
            kept[_shortened(key)] = _shortened(value)
    return kept


def _clean(text: str, file: str) -> str:
    """Refuse half surrogate pairs, which JSON can spell and UTF-8 cannot hold."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            _refuse(file, "its header holds half a surrogate pair")
    return text


def _shortened(text: str) -> str:
    """Cut long text."""
    return text if len(text) <= MAX_METADATA_CHARACTERS else text[: MAX_METADATA_CHARACTERS - 1] + "…"


def _span(name: str, info: object, data_start: int, file: str) -> TensorSpan:
    """Check one tensor's entry: types, dtype, and that its bytes are as many as its shape asks for."""
    try:
        (_, dtype), (_, shape), (_, (begin, end)) = info  # type: ignore[misc]
        plain = info[0][0] == "dtype" and info[1][0] == "shape" and info[2][0] == "data_offsets"  # type: ignore[index]
    except (TypeError, ValueError, IndexError):
        plain = False
    if not plain:
        dtype, shape, begin, end = _entry(name, info, file)
    bits = BITS.get(dtype) if type(dtype) is str else None
    if type(dtype) is not str or bits is None:
        _refuse(file, f"{name[:200]!r} has the unknown dtype {str(dtype)[:40]!r}")
    if type(begin) is not int or type(end) is not int or not 0 <= begin <= end < _USIZE:
        _refuse(file, f"the data_offsets of {name[:200]!r} are not a range")
    if type(shape) is not list:
        _refuse(file, f"the shape of {name[:200]!r} is not a list")
    for length in shape:
        if type(length) is not int or not 0 <= length < _USIZE:
            _refuse(file, f"the shape of {name[:200]!r} is not a list of counts")
        bits *= length
        if bits >= _USIZE:
            _refuse(file, f"the shape of {name[:200]!r} overflows")
    if bits != (end - begin) * 8:
        _refuse(file, f"{name[:200]!r} ({dtype}) does not have the {bits / 8:,} bytes that its shape asks for")
    return TensorSpan(name, _DTYPES[dtype], tuple(shape), data_start + begin, data_start + end)


def _entry(name: str, info: object, file: str) -> tuple[object, object, object, object]:
    """Take apart a tensor's entry whose fields are not the usual three in the usual order."""
    fields = _unique(info, file)
    offsets = fields.get("data_offsets")
    if type(offsets) is not list or len(offsets) != 2:
        _refuse(file, f"the data_offsets of {name[:200]!r} are not a range")
    return fields.get("dtype"), fields.get("shape"), offsets[0], offsets[1]


def _check_cover(tensors: list[TensorSpan], data_start: int, size: int | None, file: str) -> int:
    """Check that the tensors cover the file's data without gap or overlap, and return where they end."""
    at = data_start
    for tensor in tensors:
        if tensor.begin != at:
            what = (
                "overlaps the tensor before it" if tensor.begin < at else f"leaves a gap of {tensor.begin - at} bytes"
            )
            _refuse(file, f"{tensor.name[:200]!r} {what}")
        at = tensor.end
    if size is not None and at > size:
        _refuse(file, f"its tensors need {at:,} bytes and the file has {size:,}: it is cut short")
    if size is not None and at < size:
        _refuse(file, f"{size - at:,} bytes at its end belong to no tensor")
    return at
