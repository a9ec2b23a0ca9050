"""The grammar of names: it joins pieces with roles into segments, and decides what the unknown pieces are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import cast

from lineage.versioning.naming.pieces import Piece, Role
from lineage_schemas.model_name import SegmentType

OPEN: frozenset[Role] = frozenset({"unknown", "filler", "merge", "number"})
"""Roles that the neighbours decide."""

DESCRIPTIVE = 3
"""Words from which on a run of unknown ones reads as a phrase."""


def segments_of(all_pieces: Sequence[Piece]) -> list[tuple[SegmentType, list[Piece]]]:
    """Return the types of a name in the order in which each begins, with their pieces."""
    _tasks_and_descriptions(all_pieces)
    _runs(all_pieces)
    found: dict[SegmentType, list[Piece]] = {}
    for piece in all_pieces:
        found.setdefault(cast("SegmentType", piece.role), []).append(piece)
    return list(found.items())


def _tasks_and_descriptions(all_pieces: Sequence[Piece]) -> None:
    """Read a name that consists of words alone: a task with its subject, or a phrase."""
    roles = {piece.role for piece in all_pieces}
    lows = [piece.low for piece in all_pieces]
    if "awesome" in lows:
        for piece in all_pieces:
            if piece.role in OPEN or piece.role in ("task", "dataset", "description"):
                piece.role = "description"
        return
    if roles - OPEN - {"task", "description", "version", "variant-type"}:
        return
    words = [piece for piece in all_pieces if piece.role in ("unknown", "task", "description")]
    if not words or words[-1].role != "task":
        return
    role: SegmentType = "task" if len(words) <= DESCRIPTIVE else "description"
    for piece in words:
        piece.role = role


def _runs(all_pieces: Sequence[Piece]) -> None:
    """Decide each run of open pieces by what is before it."""
    seen: set[Role] = set()
    last: Role | None = None
    for is_open, members in groupby(all_pieces, key=lambda piece: piece.role in OPEN):
        run = list(members)
        if is_open:
            role = _role_of_run(run, seen, last, alone=len(run) == len(all_pieces))
            if role is None and last == "version" and "base-model" in seen:
                role = "base-model"  # `base` of `deberta-v3-base`
            for piece in run:
                piece.role = role or last or piece.role
        last = run[-1].role
        seen |= {piece.role for piece in run}
    _absorb_leading(all_pieces)


def _role_of_run(run: list[Piece], seen: set[Role], last: Role | None, *, alone: bool) -> SegmentType | None:
    """Return the type of a run of open pieces; None if it belongs to the segment beside it."""
    words = [piece for piece in run if piece.role == "unknown"]
    if alone:
        return "identifier"
    if not words:
        numbers = [piece for piece in run if piece.role == "number"]
        return "others" if len(numbers) > 1 and last is not None else None
    if "variant-type" in seen and seen & {"base-model", "identifier"}:
        return "dataset"
    if "identifier" not in seen:
        return "identifier"
    return "description" if len(words) > 1 else None


def _absorb_leading(all_pieces: Sequence[Piece]) -> None:
    """Give fillers at the start of a name to the task or phrase that follows; else they identify the model."""
    after = next((piece.role for piece in all_pieces if piece.role not in OPEN), None)
    following: SegmentType = after if after in ("task", "description") else "identifier"
    for piece in all_pieces:
        if piece.role not in OPEN:
            break
        piece.role = following


def text_of(name: str, members: list[Piece]) -> str:
    """Return the text of a segment: the part of the name, or several joined by `…`."""
    return "…".join(_stretches(name, members))


def _stretches(name: str, members: list[Piece]) -> Iterator[str]:
    start, end = members[0].start, members[0].end
    for piece in members[1:]:
        if any(character.isalnum() for character in name[end : piece.start]):
            yield name[start:end]
            start = piece.start
        end = piece.end
    yield name[start:end]
