"""Vocabularies: reading tokenizer.json and the older files, and what differs between two mappings of tokens to ids.

A text of 10 MB may hold a million tokens. Each file is turned into plain mappings, so that no more than two of them
are in memory beside the text that is being read, and the comparison takes one pass over each.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lineage.hub.json_text import unique_pairs

EXAMPLES = 5
"""Tokens that a note quotes."""

SHOWN_TOKEN = 40
"""Characters of a token that a note quotes."""

VERSION_LINE = "#version"
"""How the first line of merges.txt begins; it is not a merge."""


class UnreadableError(ValueError):
    """Report why a tokenizer file cannot be read."""


class TokenizerFile(NamedTuple):
    """Hold what tokenizer.json says: ids of tokens, scores or merges, added tokens, everything else.

    `parts` has the kind of model, normaliser, pre-tokenizer and all other settings, by their names in the file.
    """

    ids: Mapping[str, int]
    scores: Mapping[str, float]
    merges: Sequence[str]
    added: Mapping[str, Mapping[str, Any]]
    parts: Mapping[str, Any]


class TokensDiff(NamedTuple):
    """Describe how a mapping of tokens to ids differs: the kind of change, and examples for people."""

    kind: str
    note: str


def read_json(content: bytes) -> dict[str, Any]:
    """Read a JSON object of any number of values; the bound on texts bounds them. Raises UnreadableError."""
    try:
        value = json.loads(content.decode("utf-8-sig"), parse_constant=str, object_pairs_hook=unique_pairs)
    except UnicodeDecodeError as error:
        raise UnreadableError("it is not UTF-8 text") from error
    except RecursionError as error:
        raise UnreadableError("it is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise UnreadableError(f"it is not JSON: {error}") from error
    except ValueError as error:  # a key that occurs twice, or an integer of thousands of digits
        raise UnreadableError(str(error)) from error
    if not isinstance(value, dict):
        raise UnreadableError("it does not hold an object")
    return value


def read_tokenizer(content: bytes) -> TokenizerFile:
    """Read tokenizer.json. Raises UnreadableError if its vocabulary has no known form."""
    parts = read_json(content)
    model = parts.pop("model", None)
    if not isinstance(model, dict):
        raise UnreadableError("it has no model")
    ids, scores = _vocabulary(model.pop("vocab", None))
    merges = _merges(model.pop("merges", None))
    added = _added(parts.pop("added_tokens", None))
    return TokenizerFile(
        ids, scores, merges, added, {**parts, **{f"model.{key}": value for key, value in model.items()}}
    )


def _vocabulary(vocab: Any) -> tuple[dict[str, int], dict[str, float]]:
    """Read a vocabulary: a mapping to ids, or a list of pieces with scores whose places are the ids."""
    if isinstance(vocab, dict):
        return token_ids(vocab), {}
    if not isinstance(vocab, list):
        raise UnreadableError("its vocabulary has no known form")
    scores: dict[str, float] = {}
    for item in vocab:
        if not (isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and _is_number(item[1])):
            raise UnreadableError("its vocabulary has no known form")
        scores[item[0]] = item[1]
    if len(scores) < len(vocab):
        raise UnreadableError("a token occurs twice in its vocabulary")
    return {token: position for position, token in enumerate(scores)}, scores


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def token_ids(vocab: Mapping[str, Any]) -> dict[str, int]:
    """Check that a mapping has an id for each token. Raises UnreadableError."""
    if any(type(number) is not int for number in vocab.values()):
        raise UnreadableError("its vocabulary has no known form")
    return dict(vocab)


def _merges(merges: Any) -> list[str]:
    """Read merges, written as `a b` or as a pair; a pair with spaces is written so that it equals no other one."""
    if merges is None:
        return []
    if not isinstance(merges, list):
        raise UnreadableError("its merges have no known form")
    return [_merge(merge) for merge in merges]


def _merge(merge: Any) -> str:
    if isinstance(merge, str):
        return merge
    if not (isinstance(merge, list) and len(merge) == 2 and all(isinstance(each, str) for each in merge)):
        raise UnreadableError("its merges have no known form")
    plain = not any(" " in each for each in merge)
    return " ".join(merge) if plain else f"{len(merge[0])}: {' '.join(merge)}"


def _added(tokens: Any) -> dict[str, dict[str, Any]]:
    """Read the list of added tokens: content to id and settings."""
    if tokens is None:
        return {}
    found = {}
    for token in tokens if isinstance(tokens, list) else [None]:
        if not (isinstance(token, dict) and isinstance(token.get("content"), str) and type(token.get("id")) is int):
            raise UnreadableError("its added tokens have no known form")
        found[token["content"]] = {key: value for key, value in token.items() if key != "content"}
    if len(found) < len(tokens):
        raise UnreadableError("a token occurs twice in its added tokens")
    return found


def read_vocabulary(name: str, content: bytes) -> dict[str, int]:
    """Read vocab.json, added_tokens.json or vocab.txt, whose lines are numbered from 0. Raises UnreadableError."""
    if name.endswith(".json"):
        return token_ids(read_json(content))
    return {token: number for number, token in enumerate(read_lines(content))}


def read_merges(content: bytes) -> list[str]:
    """Read merges.txt. Raises UnreadableError."""
    lines = read_lines(content)
    return lines[1:] if lines and lines[0].startswith(VERSION_LINE) else lines


def read_lines(content: bytes) -> list[str]:
    """Read the lines of a text; other separators than line feeds may be parts of tokens. Raises UnreadableError."""
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UnreadableError("it is not UTF-8 text") from error
    lines = [line.removesuffix("\r") for line in lines]
    return lines[:-1] if lines and not lines[-1] else lines


def compare_tokens(old: Mapping[str, int], new: Mapping[str, int]) -> TokensDiff | None:
    """Compare two mappings of tokens to ids; None if they are equal.

    `appended` means that every token keeps its id, `removed` the reverse; `changed` that a token has another id.
    """
    if old == new:
        return None
    gone = [token for token in old if token not in new]
    come = [token for token in new if token not in old]
    moved = [token for token, number in old.items() if new.get(token, number) != number]
    kind = "changed" if moved or (gone and come) else "appended" if come else "removed"
    counts = (("with another id", moved, new), ("added", come, new), ("removed", gone, old))
    words = [f"{len(tokens):,} {verb}: {_examples(tokens, ids)}" for verb, tokens, ids in counts if tokens]
    return TokensDiff(kind, "; ".join(words))


def _examples(tokens: Sequence[str], ids: Mapping[str, int]) -> str:
    """Quote the first few tokens, in the order of their ids."""
    first = heapq.nsmallest(EXAMPLES, tokens, key=lambda token: (ids[token], token))
    shown = ", ".join(
        json.dumps(token[:SHOWN_TOKEN] + "…" if len(token) > SHOWN_TOKEN else token, ensure_ascii=False)
        for token in first
    )
    return shown + (", …" if len(tokens) > EXAMPLES else "")


def compare_lists(old: Sequence[str], new: Sequence[str]) -> str | None:
    """Compare two lists of merges, whose order counts: appended, removed (from the end) or changed."""
    if list(old) == list(new):
        return None
    shared = min(len(old), len(new))
    if any(one != other for one, other in zip(old, new, strict=False)):
        return "changed"
    return "appended" if len(new) > shared else "removed"


def count_differing(old: Mapping[str, float], new: Mapping[str, float]) -> int:
    """Count the tokens of both sides whose scores differ."""
    return sum(new.get(token, score) != score for token, score in old.items())


def ids_of_added(added: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, int]:
    """Map added tokens to their ids."""
    return {token: settings["id"] for token, settings in added}
