"""Checkpoints that are broken, foreign or hostile: refused in words, in bounded time and memory."""

from __future__ import annotations

import re
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from lineage.errors import FormatError
from lineage.fingerprint.measure import fingerprint_file
from lineage.fingerprint.pytorch.reader import Checkpoint, Unread, read_checkpoint
from tests.support.peak import peak_of
from tests.support.torch_files import (
    PROTO,
    STOP,
    View,
    archive,
    checkpoint,
    dict_of,
    name,
    number,
    tensor,
    text,
    tuple_of,
    zip_of,
)

FOUR = struct.pack("<4f", 1, 2, 3, 4)
ONE_TENSOR = tensor(View("0", "F32", (2, 2)))
SECONDS = 20.0
"""A generous limit: a hang or a quadratic walk fails, a slow machine does not."""


def read(raw: bytes) -> Checkpoint | Unread:
    """Read a file's tensors from its bytes."""
    return read_checkpoint(lambda start, length: raw[start : start + length], len(raw), "pytorch_model.bin")


def of(pickled: bytes, **storages: bytes) -> bytes:
    """Put a pickle into an archive with the storage 0, or with others."""
    named = {key.removeprefix("s"): raw for key, raw in storages.items()} or {"0": FOUR}
    return archive(PROTO + pickled + STOP, named)


def refusal(raw: bytes) -> str:
    """Return why a file is not read."""
    try:
        found = read(raw)
    except FormatError as error:
        return error.message
    assert isinstance(found, Unread)
    return found.reason


def names(raw: bytes) -> list[str]:
    """List the tensors of a file."""
    found = read(raw)
    assert isinstance(found, Checkpoint), found
    return sorted(each.name for each in found.tensors)


ADAM = dict_of({"state": b"}" + number(0) + dict_of({"exp_avg": ONE_TENSOR}) + b"s", "param_groups": b"]"})


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (dict_of({"a": ONE_TENSOR, "epoch": number(3)}), ["a"]),
        (dict_of({"a": tensor(View("0", "F32", (2, 2)), parameter=True)}, ordered=True), ["a"]),
        (dict_of({"epoch": number(3), "model_state_dict": dict_of({"a": ONE_TENSOR}), "optimizer": ADAM}), ["a"]),
        (dict_of({"model": dict_of({"a": ONE_TENSOR}), "loss": ONE_TENSOR, "adam": ADAM}), ["a"]),
        (dict_of({"module": dict_of({"state_dict": dict_of({"a": ONE_TENSOR})})}), ["a"]),
        (dict_of({"params": dict_of({"a": ONE_TENSOR}), "ema": dict_of({"a": ONE_TENSOR})}), ["a", "ema.a"]),
        (dict_of({"encoder": dict_of({"a": ONE_TENSOR}), "steps": b"](" + ONE_TENSOR + b"e"}), ["encoder.a"]),
        (dict_of({"model": dict_of({"a": ONE_TENSOR}), "step_embedder": dict_of({"b": ONE_TENSOR})}),
         ["a", "step_embedder.b"]),
        (dict_of({"unet": dict_of({"a": ONE_TENSOR}), "random_projection": dict_of({"b": ONE_TENSOR})}),
         ["random_projection.b", "unet.a"]),
        (dict_of({"model": dict_of({"a": ONE_TENSOR}), "lr_scheduler": dict_of({"b": ONE_TENSOR})}), ["a"]),
        (dict_of({"parts": b"](" + ONE_TENSOR + ONE_TENSOR + b"e"}), ["parts.0", "parts.1"]),
    ],
    ids=["flat", "parameter", "model_state_dict", "model", "nested", "beside", "parts",
         "module-beside", "module-like-training", "scheduler", "list"],
)  # fmt: skip
def test_the_weights_are_found_wherever_a_trainer_keeps_them(state: bytes, expected: list[str]) -> None:
    """State dicts are unwrapped, training state is left out, and no other tensor is lost."""
    assert names(of(state)) == expected


def raw_call(module: str, attribute: str) -> bytes:
    """Push a call that would run a command."""
    return name(module, attribute) + b"(" + text("touch canary") + b"tR"


@pytest.mark.parametrize(
    ("state", "calls"),
    [
        (dict_of({"a": ONE_TENSOR, "b": raw_call("posix", "system")}), ("posix.system",)),
        (dict_of({"b": raw_call("builtins", "eval"), "c": raw_call("os", "system")}), ("builtins.eval", "os.system")),
        (b"cos\nsystem\n(" + text("x") + b"tR0" + dict_of({"a": ONE_TENSOR}), ("os.system",)),
        (text("os") + text("system") + b"\x93(" + text("x") + b"tR", ("os.system",)),
        (b"(" + text("x") + b"ios\nsystem\n", ("os.system",)),
        (b"(" + name("os", "system") + text("x") + b"o", ("os.system",)),
        (name("os", "system") + b")\x81}b", ("os.system",)),
        (dict_of({"a": name("builtins", "exec")}), ()),
        (name("torch", "load") + b"(" + text("x") + b"tR", ("torch.load",)),
        (name("torch._utils", "_rebuild_tensor_v2.x") + b")R", ("torch._utils._rebuild_tensor_v2.x",)),
        (b"N0" + raw_call("os", "system"), ("os.system",)),
        (b"(N1" + raw_call("os", "system"), ("os.system",)),
        (b"F1.5\n0Va\n0N20" + b"0" + raw_call("os", "system"), ("os.system",)),
        (b"cos\nsystem\n(S'touch canary'\ntR", ("os.system",)),
        (b"\x82\x07)R", ("copyreg.extension_7",)),
    ],
    ids=["reduce", "two", "popped", "stack", "inst", "obj", "newobj-build", "named", "torch", "dotted",
         "pop", "pop-mark", "unusual-values", "string", "extension"],
)  # fmt: skip
def test_names_that_are_not_on_the_list_are_reported_and_never_called(
    state: bytes, calls: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever opcode calls a foreign name, the file is known by its hash, with the names, and nothing is run."""
    monkeypatch.chdir(tmp_path)
    for raw in (of(state), PROTO + state + STOP, *([state + STOP] if calls else [])):
        found = read(raw)
        assert isinstance(found, Unread)
        assert found.calls == calls
        assert not list(tmp_path.iterdir())


GOOD = checkpoint({"a": ("F32", (2, 2), FOUR), "b": ("I64", (1,), bytes(8))})
ENTRIES = {"archive/data.pkl": PROTO + dict_of({"a": ONE_TENSOR}) + STOP, "archive/data/0": FOUR}
PID = tuple_of(text("storage"), name("torch", "FloatStorage"), text("0"), text("cpu"), number(4))


def patched(old: bytes, new: bytes, *, last: bool = False) -> bytes:
    """Replace the first or the last of some bytes of a good file by others of the same length."""
    at = GOOD.rindex(old) if last else GOOD.index(old)
    return GOOD[:at] + new + GOOD[at + len(old) :]


def deep(opcode: bytes, times: int) -> bytes:
    """Repeat an opcode."""
    return of(opcode * times)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (of(dict_of({"a": tensor(View("1", "F32", (2, 2)))})), "storage '1' is missing"),
        (of(dict_of({"a": ONE_TENSOR}), s0=FOUR[:-1]), "has 15 bytes and needs 16"),
        (of(dict_of({"a": tensor(View("0", "F32", (2, 3), storage_elements=4))})), "not lie inside its storage"),
        (of(dict_of({"a": tensor(View("0", "F32", (2, 2), (1 << 40, 1), storage_elements=4))})), "not lie inside"),
        (of(dict_of({"a": tensor(View("0", "F32", (2, 2), offset=1, storage_elements=4))})), "not lie inside"),
        (of(dict_of({"a": tensor(View("0", "F32", (1 << 40, 4), (0, 1), storage_elements=4))})), "repeat"),
        (of(dict_of({"a": tensor(View("0", "F32", (1 << 61, 4), (0, 1), storage_elements=4))})), "inside its storage"),
        (of(dict_of([("a", ONE_TENSOR), ("a", ONE_TENSOR)])), "'a' twice"),
        (of(dict_of({"a": tensor(View("0", "F32", (2,))), "b": tensor(View("0", "F16", (2,)))})), "in two ways"),
        (of(b"(" * 200_000), "containers are open"),
        (of(b"]" * 2_000_000), "more than"),
        (of(b"N" * 7_000_000), "more than"),
        (of(b"h\x07"), "has not kept"),
        (of(b"]]a("), "inside a container"),
        (of(b"NN"), "inside a container"),
        (of(b"0"), "opcode|damaged"),
        (of(b"X\xff\xff\xff\xff"), "inside an argument"),
        (of(b"\x8d" + b"\xff" * 8), "inside an argument"),
        (of(b"\x8b\xff\xff\xff\x7f"), "number is too long"),
        (of(b"L" + b"9" * 900 + b"L\n"), "number is too long"),
        (of(b"c" + b"a" * 2_000), "damaged"),
        (of(b"X\x02\x00\x00\x00\xc3\x28"), "damaged"),
        (of(number(1) + b")R"), "not a name"),
        (of(name("torch._utils", "_rebuild_tensor_v2") + b")R"), "arguments"),
        (of(PID[:-1] + b"tQ" + b"Q"), "not a storage"),
        (GOOD[:-1], "cut short"),
        (GOOD + b"x", "cut short"),
        (GOOD[1:], "not where its end says"),
        (b"#!/bin/sh\n" + GOOD, "not where its end says"),
        (patched(b"PK\x01\x02", b"PK\x01\x03"), "directory is damaged"),
        (patched(b"archive/data/0", b"archive/data/1", last=True), "twice|header"),
        (patched(b"archive/data.pkl", b"archive/data.pkk"), "no header of"),
        (zip_of([*ENTRIES.items(), ("archive/DATA.PKL", b"N.")]), "twice"),
        (zip_of({**ENTRIES, "archive/byteorder": b"middle"}), "order of bytes"),
    ],
)  # fmt: skip
def test_broken_files_are_refused_in_words(raw: bytes, why: str) -> None:
    """A file that breaks its format, or a limit, gives an error or a reason, in bounded time."""
    start = time.process_time()
    assert re.search(why, refusal(raw))
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (zip_of(ENTRIES, compressed=["archive/data.pkl"]), "compressed"),
        (zip_of(ENTRIES, compressed=["archive/data/0"]), "compressed"),
        (zip_of({**ENTRIES, "archive/byteorder": b"big"}), "big-endian"),
        (zip_of({**ENTRIES, "archive/code/a.py": b""}), "TorchScript"),
        (zip_of({"a.txt": b"", "b.txt": b"x"}), "PyTorch did not write"),
        (of(ONE_TENSOR), "no dict of tensors"),
        (of(b"}"), "no dict of tensors"),
        (of(b"}" + tuple_of(number(1)) + ONE_TENSOR + b"s"), "keys that are not names"),
        (of(ADAM), "state of a training run"),
        (b"\x80\x04N.", "pickle that PyTorch did not write"),
        (b"", "not a PyTorch file"),
        (b"\x00" * 70_000, "not a PyTorch file"),
    ],
)
def test_what_is_not_read_has_a_reason(raw: bytes, why: str) -> None:
    """Valid files in forms that are not read are known by their hash, with the reason."""
    found = read(raw)
    assert isinstance(found, Unread)
    assert why in found.reason


@pytest.mark.parametrize(
    "pickled",
    [
        b"]q\x00" + b"(" + b"h\x00" * 8 + b"e" + (b"(" + b"h\x00" * 8 + b"e") * 2_000,
        b"](" + b")q\x00" + b"".join(b"h\x00h\x00\x86q\x00" for _ in range(20_000)) + b"e",
        b"}q\x00" + text("a") + b"h\x00s" + text("b") + b"h\x00s",
        dict_of({"state_dict": b"]q\x00(" + b"h\x00" * 8 + b"e", "b": ONE_TENSOR}),
        dict_of({"a": b")" + b"\x85" * 500_000, "b": ONE_TENSOR}),
    ],
    ids=["lists", "tuples", "dict", "list-in-dict", "nested-tuples"],
)
def test_references_do_not_multiply(pickled: bytes) -> None:
    """Containers that hold themselves, or double with each step, end in a reason or an error within the limits."""
    start = time.process_time()
    assert re.search("nested|more than|no dict of tensors", refusal(of(pickled)))
    assert time.process_time() - start < SECONDS


def test_a_directory_that_lies_about_its_entries_is_found_by_the_full_pass(tmp_path: Path) -> None:
    """Local headers are compared with the directory before values are hashed: another name or place is refused."""
    at = GOOD.index(b"archive/data/0")
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(GOOD[:at] + b"archive/data/7" + GOOD[at + 14 :])
    assert fingerprint_file(path, "header").rows
    with pytest.raises(FormatError, match="no header of 'archive/data/0'"):
        fingerprint_file(path, "full")


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [lambda: of(b"]" * 1_400_000 + b"N"), lambda: of(b"(" * 900 + b"N" * 5_000_000), lambda: zip_of(ENTRIES)],
    ids=["lists", "stack", "good"],
)
def test_memory_is_bounded(make: Callable[[], bytes], tmp_path: Path) -> None:
    """A hostile pickle of some megabytes takes less than 340 MB more than the program itself."""
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(make())
    setup = (
        "from pathlib import Path\nfrom lineage.errors import FormatError\n"
        "from lineage.fingerprint.measure import fingerprint_file"
    )
    code = f"try:\n    fingerprint_file(Path({str(path)!r}))\nexcept FormatError:\n    pass"
    assert peak_of(setup, code)[0] < 340


def test_a_checksum_in_the_directory_is_not_needed() -> None:
    """Sums of the archive are not compared: BLAKE3 and SHA-256 say what the bytes are."""
    assert zlib.crc32(FOUR)
    at = GOOD.rindex(struct.pack("<I", zlib.crc32(FOUR)))
    assert names(GOOD[:at] + bytes(4) + GOOD[at + 4 :]) == ["a", "b"]
