"""Write a lock as TOML: always the same text for the same lock, with one file a line, so that git can merge it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage_schemas.lock import Lock, LockedModel, LockedParent

HEAD = "# `lineage lock` writes this file. Commit it; `lineage lock --check` compares it with the sources.\n"

_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}

_IGNORABLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Letters and marks of Unicode that are printable and have no shape: fillers and selectors of variants."""


def write_lock(lock: Lock) -> str:
    """Write a lock: models in order of Hub, id and revision, their files and parents in order of name."""
    models = sorted(lock.model, key=lambda model: model.key)
    return "\n".join([f"{HEAD}version = {lock.version}\n", *("".join(_model(each)) for each in models)])


def _model(model: LockedModel) -> Iterator[str]:
    """Write the lines of one model; fields that are not known are left out."""
    yield "[[model]]\n"
    yield f"id = {quoted(model.id)}\n"
    if model.names:
        yield f"names = [{', '.join(quoted(name) for name in sorted(model.names))}]\n"
    for key in ("hub", "revision", "commit", "files_digest", "weights_digest", "licence", "incomplete"):
        value = getattr(model, key)
        if value is not None:
            yield f"{key} = {quoted(value)}\n"
    if model.parents:
        yield "parents = [\n"
        yield from (_parent(each) for each in sorted(model.parents, key=lambda parent: parent.id))
        yield "]\n"
    if model.files:
        yield "\n[model.files]\n"
        yield from (f"{quoted(path)} = {quoted(model.files[path])}\n" for path in sorted(model.files))


def _parent(parent: LockedParent) -> str:
    relation = f"relation = {quoted(parent.relation)}, " if parent.relation else ""
    return f"  {{ id = {quoted(parent.id)}, {relation}status = {quoted(parent.status)} }},\n"


def quoted(text: str) -> str:
    """Write a basic string of TOML; quotes and characters that a reviewer does not see are escaped."""
    return '"' + "".join(_escape(each) if each in '"\\' or is_hidden(each) else each for each in text) + '"'


def is_hidden(character: str) -> bool:
    """Return whether a reviewer does not see a character, or sees a text in another order because of it."""
    return not character.isprintable() or _IGNORABLE.match(character) is not None


def _escape(character: str) -> str:
    code = ord(character)
    return _SHORT.get(character) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
