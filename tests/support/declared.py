"""Reading what a made-up repository declares."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from lineage.hub.declared.declaration import Declaration
from lineage.hub.declared.reading import declarations
from lineage_schemas.file import FileEntry
from lineage_schemas.snapshot import Snapshot


def declared(
    files: Mapping[str, bytes | None] | None = None,
    *,
    card: dict[str, Any] | None = None,
    tags: tuple[str, ...] = (),
    gguf: Mapping[str, Mapping[str, Any]] | None = None,
    types: Mapping[str, Collection[str]] | None = None,
    **fields: Any,
) -> list[Declaration]:
    """Read the declarations of a repository made of the given files."""
    texts = dict(files or {})
    entries = tuple(FileEntry(path=path) for path in texts)
    snapshot = Snapshot(model="me/child", commit="0" * 40, files=entries, card=card, tags=tags, **fields)
    return list(declarations(snapshot, texts.get, gguf=gguf, types=types))


def parents(found: list[Declaration]) -> list[tuple[str, str | None]]:
    """List (field, name) of the declared parents."""
    return [(d.field or "", d.name) for d in found if d.kind == "parent"]


def as_json(value: object) -> bytes:
    """Write a JSON file."""
    return json.dumps(value).encode()


def recipe(text: str) -> list[Declaration]:
    """Read a recipe at the root."""
    return declared({"mergekit_config.yml": text.encode()})
