"""What each piece of a name is, by patterns and vocabularies: the part of the grammar that looks at few pieces."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lineage.versioning.naming.pieces import Piece
from lineage.versioning.naming.vocabulary import Vocabulary

SIZE = re.compile(
    r"[0-9]{1,4}(?:\.[0-9]{1,3})?[bm]|[0-9]{1,3}x[0-9]{1,4}(?:\.[0-9]{1,3})?[bm]|[0-9]b[0-9]|a[0-9]{1,3}b"
)
"""`7b`, `1.1B`, `350m`, `8x7B`, `1b7`, `a3b`."""

VERSION = re.compile(r"v[0-9]{1,8}(?:\.[0-9]{1,8}){0,4}[a-z]?|[0-9]{1,4}(?:\.[0-9]{1,4}){2,3}")
"""`v2`, `v1.2b`, `1.0.0`."""

DECIMAL = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}")
"""`0.1`: a version, unless a hyper-parameter or a family of models is before it."""

DATE = re.compile(
    r"(?<![0-9])(?P<year>20[0-4][0-9]|199[0-9])(?P<sep>[-_.]?)(?P<month>0[1-9]|1[0-2])(?P=sep)"
    r"(?P<day>0[1-9]|[12][0-9]|3[01])(?![0-9])(?:[tT_-]?[0-9]{2}[-:_]?[0-9]{2}(?:[-:_]?[0-9]{2})?(?![0-9]))?"
)
"""`2024-03-01`, `20231213T152412`: a day, with a time or without."""

HYPER = re.compile(
    r"[0-9.]{1,8}(?:epochs?|ep|eps|steps?|bs|it|iters?|shots?|timesteps|perp|exs|e-?[0-9]{1,3}|batch)"
    r"|(?:ep|epochs?|lr|bs|seed|run|steps?|ckpt?|checkpoint|iter|loss|batch|wd|dp|rank|r|it)[0-9.]{1,8}(?:e-?[0-9]{0,3})?"
    r"|lr[0-9.]{1,8}e?-?[0-9]{0,3}|[0-9]{1,3}(?:\.[0-9]{1,3})?e"
)
"""`2epoch`, `ep30`, `lr1e`, `seed3`: a hyper-parameter with its value."""

HASH = re.compile(r"(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{12,64}")
"""A long hexadecimal number: the mark of a program."""

FAMILY_AND_REST = re.compile(r"([a-z]+)([0-9]{1,3}(?:\.[0-9])?b)")
"""`llama7b`: a family and a size in one piece."""

NUMBERED_FAMILY = re.compile(r"([a-z]{3,}?)([0-9](?:\.[0-9]{1,2})?)")
"""`llama2`, `qwen1.5`: a family with its generation."""

_DIGIT = re.compile("[0-9]")

_HYPER_WORDS = "epoch epochs ep lr dp bs batch step steps seed ckpt checkpoint iter iters iteration warmup dropout wd"

HYPER_WORDS = frozenset([*_HYPER_WORDS.split(), "grad", "loss", "run"])
"""Hyper-parameters whose value is a piece of its own: `lr-1e-05`."""

PAIRED_CODES = frozenset({"to", "2"})
"""What joins two languages: `en-to-fr`."""


def split_joined(all_pieces: Sequence[Piece], words: Vocabulary) -> list[Piece]:
    """Split a family from the size that is written behind it without a separator."""
    found: list[Piece] = []
    for piece in all_pieces:
        may_be = piece.low[-1:] == "b" and len(piece.low) < 32 and piece.text.isascii()
        joined = FAMILY_AND_REST.fullmatch(piece.low) if may_be else None
        if joined and (joined[1] in words.families):
            cut, at = joined.end(1), piece.start + joined.end(1)
            found.append(Piece(piece.text[:cut], piece.low[:cut], piece.start, at))
            found.append(Piece(piece.text[cut:], piece.low[cut:], at, piece.end))
        else:
            found.append(piece)
    return found


def give_roles(name: str, all_pieces: Sequence[Piece], words: Vocabulary) -> None:
    """Fill the role of every piece that patterns or vocabularies know."""
    _dates(name, all_pieces)
    _terms(all_pieces, words)
    _versions(all_pieces)
    _hyper_parameters(all_pieces)
    _languages(all_pieces, words)


def _dates(name: str, all_pieces: Sequence[Piece]) -> None:
    i = 0
    for match in DATE.finditer(name):
        while i < len(all_pieces) and all_pieces[i].end <= match.start():
            i += 1
        while i < len(all_pieces) and all_pieces[i].start < match.end():
            all_pieces[i].role = "creation-date"
            i += 1


def _terms(all_pieces: Sequence[Piece], words: Vocabulary) -> None:
    """Look terms up, the longest first; any other piece may be a pattern."""
    i = 0
    while i < len(all_pieces):
        if all_pieces[i].role != "unknown":
            i += 1
            continue
        for length in range(min(words.longest.get(all_pieces[i].low, 1), len(all_pieces) - i), 0, -1):
            term = all_pieces[i].low if length == 1 else "-".join(piece.low for piece in all_pieces[i : i + length])
            if _found(term, all_pieces, i, length, words):
                break
        else:
            length = 1
            _pattern(all_pieces[i])
        i += length


def _found(term: str, all_pieces: Sequence[Piece], i: int, length: int, words: Vocabulary) -> bool:
    """Give the pieces of a term their role; return whether it is one."""
    if _is_family(term, all_pieces, i, length, words):
        for part in all_pieces[i : i + length]:
            part.role = "base-model"
        return True
    if term in words.words:
        for part in all_pieces[i : i + length]:
            part.role = words.words[term]
        return True
    if term in words.fillers or term in words.merges:
        for part in all_pieces[i : i + length]:
            part.role = "filler" if term in words.fillers else "merge"
        return True
    return False


def _is_family(term: str, all_pieces: Sequence[Piece], i: int, length: int, words: Vocabulary) -> bool:
    """Return whether a term is a family of models: a weak one only beside its size, and not as a name of its own."""
    numbered = NUMBERED_FAMILY.fullmatch(term) if length == 1 and term[-1:].isdigit() and len(term) < 24 else None
    family = term if term in words.families else numbered[1] if numbered and numbered[1] in words.families else None
    if family is None:
        return False
    if family not in words.weak:
        return True
    after = all_pieces[i + length].low if i + length < len(all_pieces) else ""
    return i > 0 and bool(SIZE.fullmatch(after))


def _pattern(piece: Piece) -> None:
    """Give a piece the role of its form."""
    low = piece.low
    if len(low) > 64 or not _DIGIT.search(low):
        return
    if SIZE.fullmatch(low):
        piece.role = "size"
    elif VERSION.fullmatch(low):
        piece.role = "version"
    elif HYPER.fullmatch(low):
        piece.role = "training-mechanism"
    elif piece.is_number:
        piece.role = "number"
    elif HASH.fullmatch(low):
        piece.role = "others"


def _versions(all_pieces: Sequence[Piece]) -> None:
    """Join `V1-0`, and read decimals; a number after a family of models is its generation."""
    for i, piece in enumerate(all_pieces):
        before = all_pieces[i - 1] if i else None
        if piece.role == "unknown" and piece.text[0].isdigit() and DECIMAL.fullmatch(piece.text):
            family = before is not None and before.role == "base-model"
            piece.role = "base-model" if family else "version"
        elif piece.role == "number" and before is not None:
            if before.role == "base-model" and len(piece.text) == 1:
                piece.role = "base-model"
            elif before.role == "version" and len(piece.text) == 1 and re.fullmatch(r"[vV][0-9]", before.text):
                piece.role = "version"


def _hyper_parameters(all_pieces: Sequence[Piece]) -> None:
    """Give the numbers beside a hyper-parameter its role."""
    for i, piece in enumerate(all_pieces):
        if piece.role not in ("number", "version") or not re.fullmatch(r"[0-9.]+", piece.text):
            continue
        before = all_pieces[i - 1] if i else None
        after = all_pieces[i + 1] if i + 1 < len(all_pieces) else None
        after_mark = (
            before is not None
            and before.role == "training-mechanism"
            and (before.low in HYPER_WORDS or before.low[-1:] == "e")
        )
        if after_mark or (after is not None and after.low in HYPER_WORDS and piece.role == "number"):
            piece.role = "training-mechanism"


def _languages(all_pieces: Sequence[Piece], words: Vocabulary) -> None:
    """Find languages: their names anywhere, their codes where one is expected."""
    for i, piece in enumerate(all_pieces):
        if piece.role not in ("unknown", "filler"):
            continue
        if piece.low == "it" and i and all_pieces[i - 1].role == "size":
            piece.role = "training-mechanism"  # instruction-tuned, as in `gemma-2b-it`
        elif piece.low in words.language_names or (i and _is_code(all_pieces, i, words)):
            piece.role = "language"
    for i, piece in enumerate(all_pieces[1:-1], 1):
        if piece.low in PAIRED_CODES and all_pieces[i - 1].role == all_pieces[i + 1].role == "language":
            piece.role = "language"


def _is_code(all_pieces: Sequence[Piece], i: int, words: Vocabulary) -> bool:
    """Return whether a piece is a language's code: beside another one, or after what a model is made of.

    A code that is mostly something else (`it`, `no`) is one only beside a code that is not.
    """
    low = all_pieces[i].low
    if low not in words.languages:
        return False
    for other in (i - 1, i + 1, i - 2, i + 2):
        if 0 <= other < len(all_pieces) and (neighbour := all_pieces[other].low) in words.languages:
            beside = abs(i - other) == 1 or all_pieces[(i + other) // 2].low in PAIRED_CODES
            if beside and not (low in words.ambiguous and neighbour in words.ambiguous):
                return True
    if low in words.ambiguous or not all_pieces[i].text.islower():
        return False
    made_of = ("base-model", "size", "variant-type", "task", "version", "filler")
    return i == len(all_pieces) - 1 or all_pieces[i - 1].role in made_of
