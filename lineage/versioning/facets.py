"""What differs beside the weights: fields of configs and card, and tokenizer files by their hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lineage.errors import HubError
from lineage.hub.card import parse_json_object
from lineage_schemas.answers.diff import FacetDiff
from lineage_schemas.change import Unchecked
from lineage_schemas.pointer import Pointer

if TYPE_CHECKING:
    from lineage.hub.interface import Hub
    from lineage_schemas.file import FileEntry
    from lineage_schemas.snapshot import ResolvedRevision, Snapshot

    Side = tuple[Hub, ResolvedRevision, Snapshot | None]

_CONFIGS = {
    "generation_config.json": "generation_config", "adapter_config.json": "adapter_config",
    "quantize_config.json": "quantize_config", "preprocessor_config.json": "preprocessor_config",
    "model_index.json": "model_index",
}  # fmt: skip
"""Configs beside config.json that a loader reads, and the names of their facets."""

_TOKENIZER = re.compile(
    r"(^|/)(tokenizer[^/]*|vocab[^/]*\.(json|txt|bpe)|merges\.txt|special_tokens_map\.json|added_tokens\.json"
    r"|chat_template[^/]*|(sentencepiece|spiece|spm)[^/]*\.model|[^/]+\.tiktoken|[^/]*\.spm|bpe\.codes)$"
)

_METADATA = re.compile(r"\A\s*---[ \t]*\n.*?^---[ \t]*(\n|\Z)", re.DOTALL | re.MULTILINE)
"""The block at the top of a card, whose fields are compared one by one."""


def facets(before: Side, after: Side) -> tuple[tuple[FacetDiff, ...], tuple[Unchecked, ...]]:
    """List the fields that differ, in order of name, and the files that could not be compared.

    A field's values are JSON text; of a card's text and of tokenizer files it is a hash. The pointer names the later
    side, or the earlier one for what is gone.
    """
    unread: list[Unchecked] = []
    found = [*_fields("config", "config.json", _config(before, unread), _config(after, unread), before, after)]
    for path, name in _CONFIGS.items():
        if _identity(before, path) != _identity(after, path):
            sides = (_read(before, path, unread), _read(after, path, unread))
            found += _fields(name, path, *sides, before, after)
    found += _fields("card", "README.md", _card(before, unread), _card(after, unread), before, after)
    found += [*_card_text(before, after), *_tokenizer(before, after, unread)]
    return tuple(sorted(found, key=lambda facet: facet.name)), tuple(dict.fromkeys(unread))


def _config(side: Side, unread: list[Unchecked]) -> dict[str, Any] | None:
    """Take config.json as the snapshot gives it."""
    return _given(side, "config.json", side[2].config if side[2] else None, unread)


def _card(side: Side, unread: list[Unchecked]) -> dict[str, Any] | None:
    """Take the card's metadata as the snapshot gives them."""
    return _given(side, "README.md", side[2].card if side[2] else None, unread)


def _given(side: Side, path: str, value: dict[str, Any] | None, unread: list[Unchecked]) -> dict[str, Any] | None:
    """Tell a file that is unreadable from one that is not there."""
    problem = side[2].unreadable.get(path) if side[2] else None
    if problem is not None:
        unread.append(_unread(side, path, problem))
        return None
    return {} if value is None else value


def _read(side: Side, path: str, unread: list[Unchecked]) -> dict[str, Any] | None:
    """Read a JSON file; empty where it is not there, None where it cannot be read or a partial list may lack it."""
    hub, resolved, snapshot = side
    entry = _entries(side).get(path)
    if entry is None:
        if snapshot is None or not snapshot.may_have(path):
            return {}
        unread.append(_unread(side, path, snapshot.partial or ""))
        return None
    try:
        value, problem = parse_json_object(hub.read_text(resolved.model, resolved.commit, path, entry.size))
    except HubError as error:
        value, problem = None, error.message
    if value is None:
        unread.append(_unread(side, path, problem or "it is empty"))
    return value


def _unread(side: Side, path: str, problem: str) -> Unchecked:
    """Say that a file could not be compared."""
    return Unchecked(what=f"{path} of {side[1].model}@{side[1].commit}", reason=problem)


def _entries(side: Side) -> dict[str, FileEntry]:
    """List the files of a side by path."""
    return {entry.path: entry for entry in side[2].files} if side[2] else {}


def _identity(side: Side, path: str) -> str | None:
    """Name what a file holds, None where it is not there."""
    entry = _entries(side).get(path)
    return (entry.identity or f"size:{entry.size}") if entry else None


def _fields(
    name: str,
    path: str,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
    before: Side,
    after: Side,
) -> Iterator[FacetDiff]:
    """Compare the fields of one file; a file that one side could not read is not compared."""
    if old is None or new is None:
        return
    for key in sorted(old.keys() | new.keys()):
        values = [_json(side[key]) if key in side else None for side in (old, new)]
        if values[0] != values[1]:
            side = after if key in new else before
            yield FacetDiff(
                name=f"{name}.{key}", before=values[0], after=values[1], pointer=_pointer(side, path, field=key)
            )


def _card_text(before: Side, after: Side) -> Iterator[FacetDiff]:
    """Compare what stands in the cards under their metadata, by its hash; a card that was not read is unread above."""
    if any("README.md" in side[2].unreadable for side in (before, after) if side[2]):
        return
    bodies = [_body(side[2].card_text) if side[2] else None for side in (before, after)]
    if bodies[0] != bodies[1]:
        hashes = [
            None if body is None else _json(f"sha256:{hashlib.sha256(body.encode(errors='surrogatepass')).hexdigest()}")
            for body in bodies
        ]
        side = before if bodies[1] is None else after
        yield FacetDiff(name="card text", before=hashes[0], after=hashes[1], pointer=_pointer(side, "README.md"))


def _body(card: str | None) -> str | None:
    """Take the text of a card without its metadata block; None where there is no text."""
    if card is None:
        return None
    text = card.removeprefix("\ufeff").replace("\r\n", "\n")
    return _METADATA.sub("", text, count=1).strip() or None


def _tokenizer(before: Side, after: Side, unread: list[Unchecked]) -> Iterator[FacetDiff]:
    """Compare tokenizer files by their identity; a file that a partial list may lack is not compared."""
    old, new = _entries(before), _entries(after)
    for path in sorted(path for path in old.keys() | new.keys() if _TOKENIZER.search(path)):
        unknown = [side for side in (before, after) if side[2] is not None and side[2].may_have(path)]
        if unknown:
            unread += [_unread(side, path, side[2].partial or "") for side in unknown if side[2]]
            continue
        values = [_identity(side, path) for side in (before, after)]
        if values[0] != values[1]:
            written = [None if value is None else _json(value) for value in values]
            side = after if path in new else before
            yield FacetDiff(name=f"tokenizer.{path}", before=written[0], after=written[1], pointer=_pointer(side, path))


def _pointer(side: Side, path: str, field: str | None = None) -> Pointer:
    """Name the place where a value stands."""
    return Pointer(model=side[1].model, revision=side[1].commit, file=path, field=field)


def _json(value: object) -> str:
    """Write a value as JSON text, the same for the same value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
