"""Check the attachments of a store: texts, tensor tables, sketches and other names of models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lineage.errors import FormatError
from lineage.store.checking.faults import CHUNK, Fault, readable
from lineage.store.rows import chunks
from lineage.store.validation import OTHER_TEXT, attachment_fault, hashes_to

if TYPE_CHECKING:
    from lineage.progress import Task
    from lineage.store.interface import StoreView
    from lineage_schemas.graph_batch import AttachmentKind


def attachment_faults(view: StoreView, task: Task, check_table: Callable[[bytes], object] | None) -> Iterator[Fault]:
    """Check each attachment by itself, then what it belongs to."""
    for summaries in chunks((_Summary.of(*row, check_table) for row in view.all_attachments()), CHUNK):
        yield from readable("attachments", _attachments(view, summaries))
        task.advance(len(summaries))


_OF_WEIGHTS: Mapping[AttachmentKind, str] = {"tensors": "tensor table", "sketch": "sketch"}
"""Attachments that belong to weights, under their files digest, with what they are."""


class _Summary(NamedTuple):
    """Hold what the rule needs of an attachment, without its bytes: some hundred are checked together."""

    kind: AttachmentKind
    key: str
    size: int
    hashes: bool
    model: str | None
    fault: str | None = None

    @classmethod
    def of(cls, kind: AttachmentKind, key: str, data: bytes, check_table: Callable[[bytes], object] | None) -> _Summary:
        """Summarise an attachment."""
        if (fault := attachment_fault(kind, key, data)) is not None:
            return cls(kind, key, 0, True, None, fault)
        hashes = kind != "text" or hashes_to(key, data)
        if kind == "tensors" and check_table is not None:
            try:
                check_table(data)
            except FormatError as error:
                fault = error.message
        model = data.decode() if kind == "alias" else None
        return cls(kind, key, len(data), hashes, model, fault)


def _attachments(view: StoreView, rows: list[_Summary]) -> Iterator[Fault]:
    """Check that texts hash to their key, that tensor tables and sketches have weights, and aliases a model.

    A text that is shorter than its file is not checked: it is the beginning of a file too long to be stored.
    """
    models = view.nodes("Model", {row.model for row in rows if row.model is not None})
    weights = view.nodes("Weights", {row.key for row in rows if row.kind in _OF_WEIGHTS})
    files = view.nodes("File", {row.key for row in rows if not row.hashes})
    for row in rows:
        if row.fault is not None:
            yield Fault("attachment-content", str(row.key), row.fault)
        elif not row.hashes and row.size >= (files.get(row.key, {}).get("size") or 0):
            yield Fault("attachment-content", row.key, OTHER_TEXT)
        elif row.kind in _OF_WEIGHTS and row.key not in weights:
            what = _OF_WEIGHTS[row.kind]
            yield Fault("attachment-of-nothing", row.key, f"the weights of this {what} are not in the store")
        elif row.model is not None and row.model not in models:
            yield Fault("alias-to-nothing", row.key, f"this alias points to {row.model}, which is not in the store")
