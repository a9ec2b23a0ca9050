"""Every field that differs beside the weights: of configs and card, and tokenizer files by their hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lineage.hub.json_text import parse_json_object
from lineage.versioning.facets.documentation import body
from lineage.versioning.facets.files import CONFIGS
from lineage.versioning.facets.side import NotAtHand, Side, json_text
from lineage_schemas.answers.diff import FacetDiff
from lineage_schemas.unchecked import Unchecked

_TOKENIZER = re.compile(
    r"(^|/)(tokenizer[^/]*|vocab[^/]*\.(json|txt|bpe)|merges\.txt|special_tokens_map\.json|added_tokens\.json"
    r"|chat_template[^/]*|(sentencepiece|spiece|spm)[^/]*\.model|[^/]+\.tiktoken|[^/]*\.spm|bpe\.codes)$"
)


def field_diffs(before: Side, after: Side) -> tuple[tuple[FacetDiff, ...], tuple[Unchecked, ...]]:
    """List the fields that differ, in order of name, and the files that could not be compared.

    A field's values are JSON text; of a card's text and of tokenizer files it is a hash. The pointer names the later
    side, or the earlier one for what is gone.
    """
    unread: list[Unchecked] = []
    found = [*_fields("config", "config.json", _config(before, unread), _config(after, unread), before, after)]
    for path, name in CONFIGS.items():
        if _identity(before, path) != _identity(after, path):
            sides = (_read(before, path, unread), _read(after, path, unread))
            found += _fields(name, path, *sides, before, after)
    found += _fields("card", "README.md", _card(before, unread), _card(after, unread), before, after)
    found += [*_card_text(before, after), *_tokenizer(before, after, unread)]
    return tuple(sorted(found, key=lambda facet: facet.name)), tuple(dict.fromkeys(unread))


def _config(side: Side, unread: list[Unchecked]) -> dict[str, Any] | None:
    """Take config.json as the snapshot gives it."""
    return _given(side, "config.json", side.snapshot.config, unread)


def _card(side: Side, unread: list[Unchecked]) -> dict[str, Any] | None:
    """Take the card's metadata as the snapshot gives them."""
    return _given(side, "README.md", side.snapshot.card, unread)


def _given(side: Side, path: str, value: dict[str, Any] | None, unread: list[Unchecked]) -> dict[str, Any] | None:
    """Tell a file that is unreadable from one that is not there."""
    problem = side.snapshot.unreadable.get(path)
    if problem is not None:
        unread.append(_unread(side, path, problem))
        return None
    return {} if value is None else value


def _read(side: Side, path: str, unread: list[Unchecked]) -> dict[str, Any] | None:
    """Read a JSON file; empty where it is not there, None where it cannot be read or a partial list may lack it."""
    if path not in side.files:
        if not side.may_have(path):
            return {}
        unread.append(_unread(side, path, side.why_not_listed(path)))
        return None
    content = side.text(path)
    value, problem = (None, content.reason) if isinstance(content, NotAtHand) else parse_json_object(content)
    if value is None:
        unread.append(_unread(side, path, problem or "it is empty"))
    return value


def _unread(side: Side, path: str, problem: str) -> Unchecked:
    """Report that a file could not be compared."""
    return Unchecked(what=f"{path} of {side.snapshot.model}@{side.snapshot.commit}", reason=problem)


def _identity(side: Side, path: str) -> str | None:
    """Name what a file holds, None where it is not there."""
    entry = side.files.get(path)
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
        values = [json_text(side[key]) if key in side else None for side in (old, new)]
        if values[0] != values[1]:
            side = after if key in new else before
            yield FacetDiff(name=f"{name}.{key}", before=values[0], after=values[1], pointer=side.pointer(path, key))


def _card_text(before: Side, after: Side) -> Iterator[FacetDiff]:
    """Compare what stands in the cards under their metadata, by its hash; a card that was not read is unread above."""
    if any("README.md" in side.snapshot.unreadable for side in (before, after)):
        return
    bodies = [body(side.snapshot.card_text) for side in (before, after)]
    if bodies[0] != bodies[1]:
        hashes = [
            None
            if body is None
            else json_text(f"sha256:{hashlib.sha256(body.encode(errors='surrogatepass')).hexdigest()}")
            for body in bodies
        ]
        side = before if bodies[1] is None else after
        yield FacetDiff(name="card text", before=hashes[0], after=hashes[1], pointer=side.pointer("README.md"))


def _tokenizer(before: Side, after: Side, unread: list[Unchecked]) -> Iterator[FacetDiff]:
    """Compare tokenizer files by their identity; a file that a partial list may lack is not compared."""
    old, new = before.files, after.files
    for path in sorted(path for path in old.keys() | new.keys() if _TOKENIZER.search(path)):
        unknown = [side for side in (before, after) if side.may_have(path)]
        if unknown:
            unread += [_unread(side, path, side.why_not_listed(path)) for side in unknown]
            continue
        values = [_identity(side, path) for side in (before, after)]
        if values[0] != values[1]:
            written = [None if value is None else json_text(value) for value in values]
            side = after if path in new else before
            yield FacetDiff(name=f"tokenizer.{path}", before=written[0], after=written[1], pointer=side.pointer(path))
