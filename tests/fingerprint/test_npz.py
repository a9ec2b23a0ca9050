"""Archives of numpy arrays: read like other weights, and never unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest

from lineage.errors import FormatError
from lineage.fingerprint.measure import fingerprint_file, fingerprint_group
from lineage.fingerprint.npz import read_npz
from lineage.fingerprint.reading import read_ranges
from lineage.fingerprint.weight_files import weight_format
from lineage_schemas.weight_group import WeightGroup
from tests.support.range_hub import RangeHub
from tests.support.torch_files import zip_of
from tests.support.weight_files import safetensors_bytes

ARRAYS: dict[str, Any] = {
    "layers.0.weight": numpy.arange(6, dtype="<f4").reshape(2, 3),
    "norm.bias": numpy.array([1, 2], dtype="<f2"),
    "turned": numpy.asfortranarray(numpy.arange(6, dtype="<i8").reshape(2, 3)),
    "bf16": numpy.zeros((4,), dtype="V2"),
    "scalar": numpy.array(3.5),
    "empty": numpy.zeros((0, 7), dtype="|u1"),
}
DTYPES = {"layers.0.weight": "F32", "norm.bias": "F16", "turned": "I64", "bf16": "BF16", "scalar": "F64", "empty": "U8"}


def test_arrays_have_the_digest_of_the_same_tensors_in_safetensors(tmp_path: Path) -> None:
    """An archive and the safetensors file with the same tensors have the same weights digest, from a Hub as well."""
    numpy.savez(tmp_path / "weights.npz", **ARRAYS)
    tensors = {name: (DTYPES[name], each.shape, each.tobytes("C")) for name, each in ARRAYS.items()}
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    found = fingerprint_file(tmp_path / "weights.npz")
    assert found.digests.weights == fingerprint_file(tmp_path / "model.safetensors").digests.weights
    assert found.flags == ()
    hub = RangeHub(tmp_path)
    group = WeightGroup(name="weights.npz", format="numpy", files=("weights.npz",), main=True)
    assert fingerprint_group(hub, "a/b", "0" * 40, group, hub.files(), "full").digests == found.digests
    header = fingerprint_group(hub, "a/b", "0" * 40, group, hub.files(), "header")
    assert (header.rows, header.flags) == (None, ("known-by-sha256",))
    assert "--level full" in (header.unread or "")


def _saved(path: Path, *, compressed: bool = False, **arrays: Any) -> None:
    (numpy.savez_compressed if compressed else numpy.savez)(path, **arrays)


def test_what_is_not_a_plain_array_is_known_by_its_hash(tmp_path: Path) -> None:
    """Pickled objects, compressed and structured arrays, and other files have a reason instead of tensors."""
    path = tmp_path / "weights.npz"
    assert weight_format(path.name) == "numpy"
    plain = numpy.zeros(3, dtype="<f4")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"a": plain, "b": numpy.array([{}, print], dtype=object)}, "Python objects"),
        ({"a": plain, "compressed": True}, "compressed"),
        ({"a": numpy.zeros(2, dtype=[("x", "<f4")])}, "structured"),
        ({"a": plain.astype(">f4")}, "big-endian"),
    ]
    for arrays, reason in cases:
        _saved(path, **arrays)
        found = fingerprint_file(path)
        assert found.rows is None
        assert reason in (found.unread or "")
        assert found.flags == ("known-by-sha256",)
    for raw, reason in ((b"x" * 100, "not a ZIP"), (zip_of({"a.txt": b"x"}), "not an array")):
        path.write_bytes(raw)
        assert reason in (fingerprint_file(path).unread or "")


TOO_SHORT = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (9,), }".ljust(128)


@pytest.mark.parametrize("entry", [b"", b"not an array", TOO_SHORT])
def test_broken_arrays_are_refused(tmp_path: Path, entry: bytes) -> None:
    """An entry that is not an array, or is shorter than its shape, is refused, and the file is known by its hash."""
    path = tmp_path / "weights.npz"
    path.write_bytes(zip_of({"a.npy": entry}))
    with pytest.raises(FormatError, match=r"weights\.npz is not a valid numpy file"):
        read_npz(read_ranges(path, path.name), path.stat().st_size, path.name, remote=False)
    found = fingerprint_file(path)
    assert (found.rows, found.flags) == (None, ("known-by-sha256",))
    assert "is not a valid numpy file" in (found.unread or "")
