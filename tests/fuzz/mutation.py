"""Mutations of inputs: flips, cuts, copies, and texts that mean something to parsers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from tests.fuzz.target import MAX_INPUT

TOKENS = (
    b"\0", b"\n", b"\r\n", b"\n\n", b" ", b"\t", b'"', b"'", b"\\", b"/", b"../", b"-", b"---\n", b":", b": ", b",",
    b"{", b"}", b"[", b"]", b"[]", b"{}", b"&a ", b"*a", b"<<: ", b"!!int ", b"null", b"true", b"NaN", b"1e999", b"-0",
    b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\xf3\xa0\x81\x81", b"\xc2\x85", b"\\ud800",
    b"\\udfff", b"9" * 20, b"9" * 5_000, b"[" * 200, b"{\"a\":" * 200, b"a" * 1_000, b"18446744073709551616",
    b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 8,
)  # fmt: skip
"""Texts that parsers of any format may trip over."""

_NUMBER = re.compile(rb"-?[0-9]+")
_NUMBERS = (b"0", b"-1", b"1", b"255", b"2147483648", b"4294967296", b"9223372036854775807", b"9223372036854775808",
            b"18446744073709551615", b"99999999999999999999", b"1" * 200, b"007", b"1.5", b"1e5")  # fmt: skip

_Change = Callable[[random.Random, bytearray, Sequence[bytes], Sequence[bytes]], None]


def mutated(chance: random.Random, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """Change a seed in one to eight ways."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        chance.choice(_CHANGES)(chance, data, seeds, tokens)
        del data[MAX_INPUT:]
    return bytes(data)


def _span(chance: random.Random, data: bytearray) -> slice:
    """Choose a part of an input, mostly a short one."""
    start = chance.randint(0, len(data))
    longest = chance.choice((1, 4, 16, 64, 1_000, MAX_INPUT))
    return slice(start, min(len(data), start + chance.randint(1, longest)))


def _flip(chance: random.Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(chance: random.Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, 0x20, 0x0A, chance.randrange(256)))


def _cut(chance: random.Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    del data[_span(chance, data)]


def _copy(chance: random.Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    part = bytes(data[_span(chance, data)]) * chance.choice((1, 1, 2, 50))
    at = chance.randint(0, len(data))
    data[at:at] = part


def _insert(chance: random.Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = chance.choice(tokens)


def _replace(chance: random.Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    data[_span(chance, data)] = chance.choice(tokens)


def _number(chance: random.Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    if numbers := list(_NUMBER.finditer(data)):
        found = chance.choice(numbers)
        data[found.start() : found.end()] = chance.choice(_NUMBERS)


def _noise(chance: random.Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    data[_span(chance, data)] = chance.randbytes(chance.choice((1, 2, 4, 8, 40)))


def _join(chance: random.Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    data[chance.randint(0, len(data)) :] = other[chance.randint(0, len(other)) :]


def _line(chance: random.Random, data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    """Move a line to another place, or repeat it there."""
    lines = bytes(data).split(b"\n")
    moved = lines[chance.randrange(len(lines))]
    if chance.random() < 0.5:
        lines.remove(moved)
    lines.insert(chance.randint(0, len(lines)), moved)
    data[:] = b"\n".join(lines)


_CHANGES: tuple[_Change, ...] = (
    _flip, _set, _cut, _copy, _insert, _insert, _replace, _number, _number, _noise, _join, _line,
)  # fmt: skip
