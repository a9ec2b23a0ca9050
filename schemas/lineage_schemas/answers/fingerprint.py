"""The answer to `lineage fingerprint`: the digests of weights."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lineage_schemas.answers.answer import Answer, Notes
from lineage_schemas.bounded import Count
from lineage_schemas.cost import Cost
from lineage_schemas.digests import Digests
from lineage_schemas.file import FileEntry
from lineage_schemas.level import Level
from lineage_schemas.record import Record
from lineage_schemas.tensor import Tensor
from lineage_schemas.unchecked import Unchecked


class SampleCoverage(Record):
    """Count the tiles of one kind that a sample takes, of those that the model has."""

    taken: Count
    offered: Count


class GroupSampled(Record):
    """What a sample of a group's values covers and costs: at most 16 MB and 200 requests beyond the headers.

    `arch` is the architecture signature, `digest` that of the sampled values; null where they were not read: then
    `bytes` and `requests` are what a sample would cost. `unread` maps tensors without comparable values to the reason,
    `problem` says why there is no sample, `scale_problem` why the scale of some of an adapter's modules is not known.
    """

    arch: str | None
    digest: str | None
    strips: SampleCoverage
    squares: SampleCoverage
    vectors: SampleCoverage
    bytes: Count
    requests: Count
    method: str | None = None
    unread: dict[str, str] = {}
    problem: str | None = None
    scale_problem: str | None = None


class FingerprintedGroup(Record):
    """One weight group: its files with their hashes, its digests, its tensors in order of name.

    `declares` holds the metadata in the file (GGUF `general.*` keys, safetensors `__metadata__`), truncated.
    `flags` are stable identifiers: `pickle`, `pickle-calls`, `known-by-sha256`, `incomplete-shards`,
    `unknown-tensor-type`, `data-unread`. `unread` is the reason why the tensors of a PyTorch file were not read, and
    `calls` names what its pickle would call; both are in the JSON only if there is something to report.
    `loader` names the loader that takes the main group, null for other groups and where it is not known.
    `sample` is null where the values of the format are not read, or the headers were not.
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
    sample: GroupSampled | None = None
    unread: str | None = Field(default=None, exclude_if=lambda unread: unread is None)
    calls: tuple[str, ...] = Field(default=(), exclude_if=lambda calls: not calls)


class FingerprintAnswer(Answer):
    """Hold the fingerprint of every weight group at one revision, main group first."""

    target: str
    revision: str | None
    level: Level
    cost: Cost
    groups: tuple[FingerprintedGroup, ...]
    unchecked: tuple[Unchecked, ...]
    notes: Notes = ()
