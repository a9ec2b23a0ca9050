"""Headers of GGUF and ONNX files, configs and indexes that were made to exhaust memory."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.onnx_files import model, tensor
from tests.support.peak import peak_of

EMOJI = "\U0001f642".encode()

GGUF = """
import os
from lineage.errors import FormatError
from lineage.fingerprint.gguf import read_gguf as read
from lineage.fingerprint.reading import read_ranges
from pathlib import Path
"""
ONNX = GGUF.replace("gguf import read_gguf as read", "onnx import external_locations as read")
ANSWER = """
try:
    read(read_ranges(Path(PATH), "x"), os.path.getsize(PATH), "x")
    found = "read"
except FormatError as error:
    found = error.message
assert ANSWER in found, found
"""


def text(content: bytes) -> bytes:
    """Write a text of GGUF."""
    return struct.pack("<Q", len(content)) + content


def gguf(values: Callable[[int], bytes], count: int, *, tensors: bool = False) -> Iterator[bytes]:
    """Write a GGUF file of numbered values, or of numbered tensors without bytes."""
    yield b"GGUF" + struct.pack("<IQQ", 3, count if tensors else 0, 0 if tensors else count)
    yield from map(values, range(count))
    yield bytes(64)


def a_list(kind: int, items: bytes, count: int) -> Callable[[int], bytes]:
    """Make a writer of a key with a list."""
    return lambda number: text(b"k%d" % number) + struct.pack("<IIQ", 9, kind, count) + items


def onnx(count: int, location: Callable[[int], str]) -> Iterator[bytes]:
    """Write an ONNX model whose tensors name as many data files."""
    yield model(tensor("", location=location(number)) for number in range(count))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "parts", "answer"),
    [
        pytest.param(GGUF, gguf(a_list(8, text(b"ab") * 99, 99), 90_000), "more memory", id="lists of texts"),
        pytest.param(
            GGUF, gguf(a_list(4, b"\xff\xff\xff\x7f" * 100, 100), 99_000), "more memory", id="lists of numbers"
        ),
        pytest.param(GGUF, gguf(a_list(8, bytes(8 * 9_000), 9_000), 300), "read", id="lists that are skipped"),
        pytest.param(
            GGUF, gguf(lambda n: text(b"%d" % n) + struct.pack("<I", 8) + text(EMOJI + b"x" * 990), 97_000),
            "more memory", id="texts with emoji",
        ),
        pytest.param(
            GGUF, gguf(lambda n: text(b"%d" % n + EMOJI + b"x" * 950) + b"\0\0\0\0\1", 97_000),
            "more memory", id="keys with emoji",
        ),
        pytest.param(
            GGUF, gguf(lambda n: text(b"%d" % n + b"x" * 900) + struct.pack("<IQQIQ", 2, 0, 2**40, 0, 0), 99_000,
                       tensors=True), "more memory", id="tensors",
        ),
        pytest.param(ONNX, onnx(130_000, "{:0100}".format), "more data files than", id="data files"),
        pytest.param(ONNX, onnx(20_000, lambda n: f"{n}" + "\U0001f642" * 999), "more data files than", id="emoji"),
        pytest.param(ONNX, onnx(20_000, "onnx__MatMul_{}".format), "read", id="honest data files"),
    ],
)  # fmt: skip
def test_headers_are_read_or_refused_in_bounded_memory(
    tmp_path: Path, reader: str, parts: Iterator[bytes], answer: str
) -> None:
    """Headers of up to 100 MB take less than 300 MB, or are refused with the reason."""
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.writelines(parts)
    growth, seconds = peak_of(f"{reader}\nPATH, ANSWER = {str(path)!r}, {answer!r}", ANSWER)
    assert growth < 300
    assert seconds < 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("[],", "more than 1000000 values"),
        ("{},", "more than 1000000 values"),
        ('{"a":0},', "more than 1000000 values"),
        ("[[0]],", "more than 1000000 values"),
        ('"\U0001f642",', "more than 1000000 values"),
        ('"' + "\U0001f642," * 1_000 + '",', "None"),
    ],
)
def test_configs_are_read_or_refused_in_bounded_memory(item: str, reason: str) -> None:
    """A config of 10 MB of the smallest values takes less than 300 MB; commas inside of texts are not values."""
    count = 9_900_000 // len(item.encode())
    data = f"b'{{\"a\":[' + {item.encode()!r} * {count} + b'0]}}'"
    setup = f"from lineage.hub.json_text import parse_json_object\ndata = {data}"
    growth, seconds = peak_of(setup, f"assert {reason!r} in str(parse_json_object(data)[1])")
    assert growth < 300
    assert seconds < 60
