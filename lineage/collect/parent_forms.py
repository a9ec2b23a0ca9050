"""Quantisations of a parent itself, read if a child's form may be a copy of the parent's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.derivation.facts import Quantisation
from lineage.derivation.precision import weight_types
from lineage.errors import FormatError, HubError
from lineage.fingerprint.gguf import declared_values, read_gguf
from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.header import Read, TensorSpan, read_header
from lineage.fingerprint.tensor_table import TensorRow
from lineage.hub.declared.configs import gguf_declarations
from lineage.hub.declared.parsing import NotReadableError
from lineage.hub.declared.reading import holds_only_gguf, quantisation_declarations
from lineage.unexpected import contained
from lineage_schemas.file import FileEntry

if TYPE_CHECKING:
    from lineage.hub.interface import Hub
    from lineage_schemas.snapshot import ResolvedRevision

MAX_HEADERS = 4
"""Files whose headers are read: the first shards of a quantised model hold low types already."""


def parent_quantisations(hub: Hub, resolved: ResolvedRevision) -> tuple[Quantisation, ...] | None:
    """List the quantisations of a model: by configs that its headers do not refute, or by its GGUF files.

    None if a deciding file cannot be read. The Hub is asked and not the store, so that it makes no difference
    whether parent or child is collected first. On a remote Hub it costs a request if the parent has a config,
    and headers only if that declares a quantisation.
    """
    try:
        with contained(resolved.model):
            return _quantisations(hub, resolved)
    except (HubError, FormatError, NotReadableError):
        return None


def _quantisations(hub: Hub, resolved: ResolvedRevision) -> tuple[Quantisation, ...]:
    paths = hub.paths(resolved)
    if holds_only_gguf(paths):
        return tuple(_gguf(hub, resolved, paths))
    declared = [
        Quantisation(form.method or "unknown", form.bits, resolved.commit, form.file or "", form.field)
        for form in quantisation_declarations(paths, lambda path: hub.read_text(resolved.model, resolved.commit, path))
    ]
    return () if declared and _is_wide(hub, resolved, paths) else tuple(declared)


def _gguf(hub: Hub, resolved: ResolvedRevision, paths: tuple[str, ...]) -> Iterator[Quantisation]:
    """Read the forms of a parent's first GGUF files; their tensors only if the file type is missing."""
    headers, types = {}, {}
    for path in [path for path in paths if path.lower().endswith(".gguf")][:MAX_HEADERS]:
        read = _reader(hub, resolved, path)
        header = read_gguf(read, None, path, tensors=False)
        if "general.file_type" not in header.values:
            header = read_gguf(read, None, path)
            types[path] = {span.dtype for span in header.tensors or ()}
        headers[path] = declared_values(header.values)
    for form in gguf_declarations(headers, types, only_gguf=True):
        if form.kind == "form" and form.relation == "quantized":
            yield Quantisation(form.method or "gguf", form.bits, resolved.commit, form.file or "", form.field)


def _is_wide(hub: Hub, resolved: ResolvedRevision, paths: tuple[str, ...]) -> bool:
    """Return whether the headers of a parent's main group show training precision only, contrary to its config.

    If that cannot be decided, the config counts.
    """
    main = next((group for group in weight_groups([FileEntry(path=path) for path in paths]) if group.main), None)
    if main is None or main.format != "safetensors":
        return False
    for path in main.files[:MAX_HEADERS]:
        found = weight_types(path, _rows(read_header(_reader(hub, resolved, path), None, path).tensors, path))
        if found is not None and found.low:
            return False
    return len(main.files) <= MAX_HEADERS


def _rows(spans: list[TensorSpan], path: str) -> list[TensorRow]:
    return [TensorRow(span.name, span.dtype, span.shape, None, path) for span in spans]


def _reader(hub: Hub, resolved: ResolvedRevision, path: str) -> Read:
    def read(start: int, length: int) -> bytes:
        return hub.read(resolved.model, resolved.commit, path, start, length)

    return read
