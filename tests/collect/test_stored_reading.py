"""A reading that is rebuilt from the tensor table of a store, which may come from a dump of another program."""

from __future__ import annotations

import pytest

from lineage.collect.weights import stored_fingerprint
from lineage.errors import FormatError
from lineage.fingerprint.digests import files_digest
from lineage.fingerprint.measure import GroupFingerprint
from lineage.fingerprint.tensor_table import TensorRow, pack_tensors
from lineage.store.memory import MemoryStore
from lineage_schemas.file import FileEntry
from lineage_schemas.graph_batch import Attachment, GraphBatch
from lineage_schemas.weights import Weights
from tests.support.graphs import group, sha

ENTRY = FileEntry(path="model.safetensors", sha256=sha(1), size=10)


def rebuilt(table: bytes) -> GroupFingerprint | None:
    """Store a table under the digest of one file, and rebuild the reading of this file."""
    digest = files_digest([ENTRY.identity])
    assert digest is not None
    store = MemoryStore()
    attachment = Attachment(kind="tensors", key=digest, data=table)
    store.write(GraphBatch(weights=(Weights(key=digest, level="header"),), attachments=(attachment,)))
    with store.reading() as view:
        return stored_fingerprint(view, group(), {ENTRY.path: ENTRY})


def test_rows_are_of_the_files_that_the_group_has() -> None:
    """Rows name the content of files, and get the paths that the content has here."""
    assert ENTRY.identity is not None
    found = rebuilt(pack_tensors([TensorRow("w", "F32", (2,), None, ENTRY.identity)]))
    assert found is not None
    assert [row.file for row in found.rows or ()] == [ENTRY.path]


def test_a_table_of_other_files_is_no_reading_of_these() -> None:
    """A table that names files which the group does not have is not used: the files are read again."""
    assert rebuilt(pack_tensors([TensorRow("w", "F32", (2,), None, "sha256:" + sha(2))])) is None


def test_a_damaged_table_is_a_clear_error() -> None:
    """Bytes that are not a table raise FormatError and nothing else."""
    with pytest.raises(FormatError):
        rebuilt(b"tensors.v1\n")
