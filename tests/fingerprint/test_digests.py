"""Digests: the vector of the documentation, what each survives, and old artefacts that hold for ever."""

from __future__ import annotations

import json
import random
import re
import zlib
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import FormatError
from lineage.fingerprint.digests import content_digest, files_digest, layout_digest, weights_digest
from lineage.fingerprint.measure import fingerprint_file
from lineage.fingerprint.tensor_table import TensorRow, count_parameters, pack_tensors, unpack_tensors
from tests.support.shared import ROOT

DOC = (ROOT / "docs" / "reference" / "digests.md").read_text()
KEPT = ROOT / "tests" / "data" / "fingerprints"


def block(mark: str) -> str:
    """Take a marked code block out of the documentation."""
    found = re.search(rf"<!-- {re.escape(mark)} -->\n```\w+\n(.*?)```", DOC, re.S)
    assert found
    return found[1]


VECTOR = json.loads(block("vector"))
ROWS = [
    TensorRow(name, dtype, tuple(shape), blake3(bytes.fromhex(data)).hexdigest(), "model.safetensors")
    for name, dtype, shape, data in VECTOR["tensors"]
]


def test_documented_vector() -> None:
    """The documentation's test vector has the documented digests."""
    assert VECTOR["digests"] == {
        "files": files_digest(VECTOR["files"]),
        "weights": weights_digest(ROWS),
        "content": content_digest(ROWS),
        "layout": layout_digest(ROWS),
    }


def test_documented_bytes() -> None:
    """The bytes that the documentation writes out are those that the weights digest hashes."""
    raw = bytes.fromhex("".join(block("weights.v1").split()))
    assert f"weights.v1:{blake3(raw).hexdigest()}" == weights_digest(ROWS)


ROW = st.builds(
    TensorRow,
    st.text(min_size=1, max_size=6).filter(lambda text: text.isprintable()),
    st.sampled_from(["F32", "BF16"]),
    st.lists(st.integers(0, 12), max_size=3).map(tuple),
    st.integers(0, 5).map(lambda n: blake3(bytes([n])).hexdigest()),
    st.sampled_from(["a.safetensors", "b.safetensors"]),
)
TABLE = st.lists(ROW, max_size=6, unique_by=lambda row: row.name)


@pytest.mark.slow
@given(TABLE, st.randoms())
def test_order_and_files_do_not_matter(rows: list[TensorRow], chance: random.Random) -> None:
    """Digests are the same in any order and however tensors are spread over files."""
    moved = [row._replace(file=chance.choice("xyz")) for row in rows]
    chance.shuffle(moved)
    assert weights_digest(rows) == weights_digest(moved)
    assert content_digest(rows) == content_digest(moved)
    assert layout_digest(rows) == layout_digest(moved)


@pytest.mark.slow
@given(TABLE, TABLE)
def test_digests_are_equal_only_for_equal_tables(one: list[TensorRow], other: list[TensorRow]) -> None:
    """Equal digests mean equal tables, as far as each digest looks."""
    full = [sorted(row[:4] for row in rows) for rows in (one, other)]
    assert (weights_digest(one) == weights_digest(other)) == (full[0] == full[1])
    names = [sorted(row[:3] for row in rows) for rows in (one, other)]
    assert (layout_digest(one) == layout_digest(other)) == (names[0] == names[1])
    held = [sorted(row[1:4] for row in rows) for rows in (one, other)]
    assert (content_digest(one) == content_digest(other)) == (held[0] == held[1])


def test_renaming_keeps_content_only() -> None:
    """Another name changes the weights digest and leaves the content digest."""
    renamed = [ROWS[0]._replace(name="model.b.weight"), *ROWS[1:]]
    assert content_digest(renamed) == content_digest(ROWS)
    assert weights_digest(renamed) != weights_digest(ROWS)


def test_copies_count() -> None:
    """A tensor that is there twice is not the same content as once."""
    twice = [*ROWS, ROWS[0]._replace(name="copy")]
    assert content_digest(twice) != content_digest(ROWS)


def test_unread_bytes_have_no_digest() -> None:
    """Below level full there is no weights digest, rather than one of half the tensors."""
    half = [ROWS[0], ROWS[1]._replace(digest=None)]
    assert weights_digest(half) is None
    assert content_digest(half) is None
    assert layout_digest(half).startswith("layout.v1:")


def test_unknown_identity_has_no_files_digest() -> None:
    """A file without a known identity leaves the group without a files digest."""
    assert files_digest(["sha256:11", None]) is None
    assert files_digest([]) is None
    assert files_digest(["b", "a"]) == files_digest(["a", "b"])


def test_one_tensor_in_two_files_is_an_error() -> None:
    """A tensor's name in two files is refused and both files are named."""
    with pytest.raises(FormatError, match=r"a\.safetensors and b\.safetensors"):
        layout_digest([TensorRow("w", "F32", (1,), None, file) for file in ("a.safetensors", "b.safetensors")])


@pytest.mark.slow
@given(TABLE)
def test_table_survives_packing(rows: list[TensorRow]) -> None:
    """A packed table comes back in order of name, and the same rows pack to the same bytes."""
    packed = pack_tensors(rows)
    assert list(unpack_tensors(packed)) == sorted(rows, key=lambda row: row.name.encode())
    assert pack_tensors(reversed(rows)) == packed


@pytest.mark.parametrize("data", [b"", b"tensors.v2\nx", b"tensors.v1\nx", b"tensors.v1\nx\x9c"])
def test_damaged_table_is_refused(data: bytes) -> None:
    """Bytes that are not a table raise FormatError."""
    with pytest.raises(FormatError):
        unpack_tensors(data)


WRONG_TABLES = (
    '[{"0":"F32"},["f"],[["a",0,[1],null,0]]]',
    '[["F32"],["f"],[["a",-1,[1],null,0]]]',
    '[["F32"],["f"],[[5,0,[1],null,0]]]',
    '[["F32"],["f"],[["a",0,["1"],null,0]]]',
    '[["F32"],["f"],[["a",0,[-1],null,0]]]',
    '[["F32"],["f"],[["a",0,[18446744073709551616],null,0]]]',
    '[["F32"],["f"],[["a",0,[1],7,0]]]',
    '[["F32"],["f"],[["\\ud800",0,[1],null,0]]]',
    '[["F32"],["\\ud800"],[["a",0,[1],null,0]]]',
    '[["F32"],["f"],{"abcde":1}]',
    '[["F32"],["f"],7]',
)
"""The JSON of tables that `pack_tensors` does not write, which another program may put into a dump."""


@pytest.mark.parametrize("content", WRONG_TABLES)
def test_a_table_of_wrong_values_is_refused(content: str) -> None:
    """A table whose compression is sound and whose values are not those of tensors raises FormatError."""
    with pytest.raises(FormatError):
        unpack_tensors(b"tensors.v1\n" + zlib.compress(content.encode()))


def test_a_table_without_its_checksum_is_refused() -> None:
    """A table that was cut after its last row, or that has bytes behind it, raises FormatError."""
    packed = pack_tensors(ROWS)
    for data in (packed[:-1], packed + b"x"):
        with pytest.raises(FormatError):
            unpack_tensors(data)


def test_parameters_are_counted() -> None:
    """Elements are multiplied and added up; a scalar counts one."""
    assert count_parameters(ROWS) == 6 + 1 + 0


@pytest.mark.parametrize("name", json.loads((KEPT / "golden.json").read_text()))
def test_old_artefacts_hold(name: str) -> None:
    """Files that were fingerprinted once have the same digests and tables ever after; a lone shard has no digest."""
    expected = json.loads((KEPT / "golden.json").read_text())[name]
    found = fingerprint_file(KEPT / Path(name))
    table = found.rows or []
    assert expected["digests"] == {
        "files": found.digests.files,
        "weights": weights_digest(table),
        "content": content_digest(table),
        "layout": layout_digest(table),
    }
    if found.group.complete is False:
        assert (found.digests.weights, found.digests.content, found.digests.layout) == (None, None, None)
    else:
        assert found.digests.model_dump() == expected["digests"]
    if expected["table"] is not None:
        rows = unpack_tensors(bytes.fromhex(expected["table"]))
        assert list(rows) == found.rows
        assert [[row.name, row.dtype, list(row.shape), row.digest, row.file] for row in rows] == expected["rows"]
