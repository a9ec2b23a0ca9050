"""The answer to `lineage fingerprint`: the digests of weights."""

from __future__ import annotations

from typing import Any

from lineage_schemas.answers.answer import Answer, Notes
from lineage_schemas.change import Unchecked
from lineage_schemas.file import FileEntry
from lineage_schemas.level import Level
from lineage_schemas.record import Record
from lineage_schemas.tensor import Tensor
from lineage_schemas.weights import Cost, Digests


class FingerprintedGroup(Record):
    """One weight group: its files with their hashes, its digests, its tensors in order of name.

    `declares` holds the metadata in the file (GGUF `general.*` keys, safetensors `__metadata__`), truncated.
    `flags` are stable identifiers: `pickle`, `known-by-sha256`, `incomplete-shards`, `unknown-tensor-type`,
    `data-unread`.
    `loader` names the loader that takes the main group, null for other groups and where it is not known.
    """

    group: str
    format: str
    main: bool
    loader: str | None = None
    files: tuple[FileEntry, ...]
    digests: Digests
    tensors: tuple[Tensor, ...] | None
    tensor_count: int | None
    parameter_count: int | None
    dtypes: dict[str, int] | None
    declares: dict[str, Any] = {}
    flags: tuple[str, ...] = ()


class FingerprintAnswer(Answer):
    """Hold the fingerprint of every weight group at one revision, main group first."""

    target: str
    revision: str | None
    level: Level
    cost: Cost
    groups: tuple[FingerprintedGroup, ...]
    unchecked: tuple[Unchecked, ...]
    notes: Notes = ()
