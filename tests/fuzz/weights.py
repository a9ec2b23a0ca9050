"""Targets of weight files: headers, indexes, and the tensor table of the store."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from safetensors import SafetensorError, deserialize

from lineage.errors import FormatError
from lineage.fingerprint.gguf import declared_values, read_gguf
from lineage.fingerprint.groups import group_files, listed_files
from lineage.fingerprint.header import BITS, Read, read_header
from lineage.fingerprint.npz import read_npz
from lineage.fingerprint.onnx import external_locations
from lineage.fingerprint.pytorch.before_zip import MAGIC
from lineage.fingerprint.pytorch.gather import read_elements
from lineage.fingerprint.pytorch.pickle import ACTIONS, ODD_ACTIONS
from lineage.fingerprint.pytorch.reader import Unread, read_checkpoint
from lineage.fingerprint.pytorch.values import ALLOWED
from lineage.fingerprint.tensor_table import TensorRow, check_tensors, count_parameters, pack_tensors, unpack_tensors
from lineage_schemas.file import FileEntry
from tests.fuzz.target import Target, as_json, plain
from tests.support import onnx_files, torch_files
from tests.support.weight_files import gguf_bytes, gguf_text, safetensors_bytes, with_header

_VERSION = b"tensors.v1\n"


def _reading(data: bytes) -> Read:
    return lambda start, length: data[start : start + length]


def _read_safetensors(data: bytes) -> object:
    """Read a header as the file has it; one that begins with `{` gets its length, and the data that it asks for."""
    if not data.startswith(b"{"):
        return _as_the_library(data)
    raw = with_header(data)
    end = read_header(_reading(raw), None, "model.safetensors").size
    return _as_the_library(raw + bytes(end - len(raw))) if end - len(raw) < 1_000_000 else None


def _as_the_library(raw: bytes) -> object:
    """Read a whole file, and see that the library accepts it and finds the same tensors."""
    header = read_header(_reading(raw), len(raw), "model.safetensors")
    try:
        theirs = {name: tuple(found["shape"]) for name, found in deserialize(raw)}  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise AssertionError(f"the library refuses what was accepted: {error}") from error
    except (ValueError, KeyError, TypeError):  # a dtype for which the library has no type in Python
        return header
    assert theirs == {span.name: span.shape for span in header.tensors}
    return header


def _safetensors_seeds() -> Iterator[bytes]:
    tensors = {
        "a.weight": ("F32", (2, 3), bytes(24)), "ü.bias": ("BF16", (2,), bytes(4)), "empty": ("I64", (0, 7), b""),
        "scalar": ("F64", (), bytes(8)),
    }  # fmt: skip
    whole = safetensors_bytes(tensors, {"format": "pt", "base_model": "org/base"})
    yield whole
    yield whole[8 : 8 + struct.unpack_from("<Q", whole)[0]]
    yield with_header(b"{}")
    yield b'{"__metadata__":null,"a":{"shape":[],"data_offsets":[0,1],"dtype":"U8"}}'


def _read_gguf(data: bytes) -> object:
    header = read_gguf(_reading(data), len(data), "model.gguf")
    for span in header.tensors or () if header.ranges_known else ():
        assert 0 <= span.begin <= span.end <= len(data)
    short = read_gguf(_reading(data), None, "model.gguf", tensors=False)
    assert {**header.values, **short.values}.keys() == header.values.keys()
    return [header, declared_values(header.values)]


def _gguf_seeds() -> Iterator[bytes]:
    entries = [
        ("general.architecture", 8, gguf_text("llama")),
        ("general.file_type", 4, struct.pack("<I", 15)),
        ("general.tags", 9, struct.pack("<IQ", 8, 2) + gguf_text("a") + gguf_text("b")),
        ("llama.context_length", 10, struct.pack("<Q", 4096)),
        ("llama.rope", 6, struct.pack("<f", 1.5)),
        ("tokenizer.scores", 9, struct.pack("<IQ", 6, 200) + bytes(800)),
        ("tokenizer.tokens", 9, struct.pack("<IQ", 8, 120) + gguf_text("t") * 120),
    ]
    tensors = [("a", (32, 2), 8, bytes(68)), ("b", (4,), 0, bytes(16)), ("c", (256,), 41, bytes(100))]
    yield gguf_bytes(entries, tensors)
    yield gguf_bytes([("general.alignment", 4, struct.pack("<I", 64))], tensors[:2], alignment=64)
    yield gguf_bytes(entries[:1], version=2)


def _read_onnx(data: bytes) -> object:
    found = external_locations(_reading(data), len(data), "model.onnx")
    assert found == external_locations(_reading(data), None, "model.onnx")
    assert not any(name.startswith("/") or ".." in PurePosixPath(name).parts for name in found)
    return found


def _onnx_seeds() -> Iterator[bytes]:
    inside, outside = onnx_files.tensor("a", bytes(8)), onnx_files.tensor("b", location="model.onnx_data")
    yield onnx_files.model([inside, outside])
    yield onnx_files.model([onnx_files.tensor("c", location="../../etc/passwd")])
    attribute = onnx_files.message(5, onnx_files.message(5, outside))
    yield onnx_files.model(
        nodes=[attribute, onnx_files.message(5, onnx_files.message(6, onnx_files.message(5, inside)))]
    )


def _read_checkpoint(data: bytes) -> object:
    """Read a checkpoint, or a pickle, which is put into an archive; gathered values are as long as shapes say."""
    raw = data if data.startswith((b"PK", MAGIC)) else torch_files.archive(data, {"0": bytes(64), "1": bytes(8)})
    before = set(sys.modules)
    found = read_checkpoint(_reading(raw), len(raw), "pytorch_model.bin")
    assert not {name.partition(".")[0] for name in set(sys.modules) - before} - {"numpy"}, "a module was imported"
    if isinstance(found, Unread):
        return [found.reason, found.calls]
    for tensor in found.tensors[:20]:
        assert 0 <= tensor.begin <= tensor.begin + tensor.extent <= len(raw)
        count = min(tensor.elements, 100)
        assert len(read_elements(tensor, _reading(raw), tensor.elements - count, count)) == count * tensor.width
    return found


def _checkpoint_seeds() -> Iterator[bytes]:
    view = torch_files.View
    tensors = {
        "a.weight": torch_files.tensor(view("0", "F32", (2, 4), (1, 2))),
        "b.weight": torch_files.tensor(view("0", "F32", (2, 8)), parameter=True),
    }
    pickled = torch_files.PROTO + torch_files.dict_of(
        {"state_dict": torch_files.dict_of(tensors, ordered=True), "epoch": torch_files.number(3)}
    )
    call = torch_files.name("posix", "system") + b"(" + torch_files.text("x") + b"tR"
    yield pickled + torch_files.STOP
    yield torch_files.PROTO + torch_files.dict_of({**tensors, "c": call}) + torch_files.STOP
    yield torch_files.archive(pickled + torch_files.STOP, {"0": bytes(64)})
    yield torch_files.checkpoint({"x": ("I64", (1,), bytes(8)), "y": ("BF16", (2, 2), bytes(8))})
    machine = torch_files.dict_of({"little_endian": b"\x88"})
    keys = b"](" + torch_files.text("0") + b"e"
    parts = [torch_files.number(1001), machine, torch_files.dict_of(tensors), keys]
    numbers = struct.pack("<Q", 16) + bytes(64)
    yield MAGIC + b"".join(torch_files.PROTO + part + torch_files.STOP for part in parts) + numbers


def _read_arrays(data: bytes) -> object:
    """Read an archive of arrays, or one array, which is put into an archive."""
    raw = data if data.startswith(b"PK") else torch_files.zip_of({"a.npy": data})
    found = read_npz(_reading(raw), len(raw), "weights.npz", remote=False)
    if isinstance(found, Unread):
        return found.reason
    assert all(each.begin + each.extent <= len(raw) for each in found.tensors)
    return found


def _array_seeds() -> Iterator[bytes]:
    for kind, shape, values in (("<f4", "(2, 3)", bytes(24)), ("|b1", "(1,)", bytes(1)), ("|O", "()", b"\x80\x04N.")):
        text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
        array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + values
        yield array
        yield torch_files.zip_of({"a.npy": array, "b.npy": array})


def _read_index(data: bytes) -> object:
    index = "a/model.safetensors.index.json"
    names = ["config.json", index, *(f"a/model-{number:05d}-of-00002.safetensors" for number in (1, 2))]
    listed = listed_files(index, lambda _: data)
    assert not any(path.startswith(("/", "../")) for path in listed)
    return [sorted(listed), group_files([FileEntry(path=name) for name in names], lambda _: data)]


def _index_seeds() -> Iterator[bytes]:
    shards = {f"layer.{number}.weight": f"model-{number:05d}-of-00002.safetensors" for number in (1, 2)}
    yield as_json({"metadata": {"total_size": 96}, "weight_map": shards})
    yield as_json({"weight_map": {"a": "../model.safetensors", "b": "./x/../model-00001-of-00002.safetensors"}})


def _read_table(data: bytes) -> object:
    """Read a tensor table; what does not begin as one is the JSON in it."""
    raw = data if data.startswith(_VERSION) else _VERSION + zlib.compress(data, 1)
    rows = list(unpack_tensors(raw))
    check_tensors(raw)
    assert list(unpack_tensors(pack_tensors(rows))) == sorted(rows, key=lambda row: row.name.encode())
    assert count_parameters(rows) >= 0
    return rows


def _table_seeds() -> Iterator[bytes]:
    rows = [
        TensorRow("a", "F32", (2, 3), "ab" * 32, "model.safetensors"), TensorRow("ü", "BF16", (), None, "other.gguf"),
    ]  # fmt: skip
    table = pack_tensors(rows)
    yield table
    yield zlib.decompress(table.removeprefix(_VERSION))
    yield b'[{"0":"F32"},["f"],[["a",0,[1],null,0]]]'


_REFUSED = (FormatError,)

TARGETS = (
    Target(
        "safetensors",
        plain(_read_safetensors),
        _REFUSED,
        _safetensors_seeds,
        (
            b'"__metadata__":',
            b'"data_offsets":[0,4]',
            b'"dtype":"F32"',
            b'"shape":[1]',
            *(b'"%b"' % name.encode() for name in BITS),
        ),
    ),
    Target("gguf", plain(_read_gguf), _REFUSED, _gguf_seeds, (b"GGUF", gguf_text("general.alignment"), b"\x09\0\0\0")),
    Target(
        "onnx", plain(_read_onnx), _REFUSED, _onnx_seeds, (onnx_files.entry("location", "x"), onnx_files.number(14, 1))
    ),
    Target(
        "checkpoint",
        plain(_read_checkpoint),
        _REFUSED,
        _checkpoint_seeds,
        (
            *(bytes([code]) for code in (*ACTIONS, *ODD_ACTIONS)),
            *(torch_files.name(*allowed.rsplit(".", 1)) for allowed in sorted(ALLOWED)),
            torch_files.name("os", "system"),
            torch_files.text("0"),
            b"PK\x01\x02",
        ),
    ),
    Target("npz", plain(_read_arrays), _REFUSED, _array_seeds, (b"True", b"'<f8'", b"(9,)", b"\x93NUMPY")),
    Target("index", plain(_read_index), (), _index_seeds, (b'"weight_map":', b"../", b'".."')),
    Target("tensor-table", plain(_read_table), _REFUSED, _table_seeds, (b'["F32"]', _VERSION)),
)
