"""The versions in a name, and which of them belong to the base model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from lineage.versioning.naming.parsed import Version
from lineage.versioning.naming.pieces import Piece, Role
from lineage.versioning.naming.roles import DATE
from lineage_schemas.model_name import NameVersionKind

GENERATION = re.compile(r"v[0-9](?:\.[0-9])?", re.IGNORECASE)
"""A version inside the name of a family: `deberta-v3`, `t5-v1_1`."""

BESIDE_BASE: frozenset[Role] = frozenset({"size", "training-mechanism", "task", "filler"})
"""What may stand between the base and its version: `Mistral-7B-Instruct-v0.2`, `TinyLlama-1.1B-Chat-v1.0`."""

KINDS: tuple[NameVersionKind, ...] = ("major", "minor", "patch")
"""The kind of a version with one, two, and three or more numbers."""


def versions_of(name: str, all_pieces: Sequence[Piece], before: Sequence[Role]) -> Iterator[Version]:
    """Read the versions of a name in order; `before` are the roles of the pieces before the grammar joined them."""
    for match in DATE.finditer(name):
        yield Version(match[0], "date", (int(match["year"]), int(match["month"]), int(match["day"])), of_base=False)
    at = 0
    for role, members in groupby(all_pieces, key=_role):
        run = list(members)
        if role == "version":
            yield from _versions(name, run, of_base=_is_of_base(before, at, at + len(run)))
        elif role == "base-model":
            marked = [i for i, piece in enumerate(run) if i and GENERATION.fullmatch(piece.text)]
            if marked and before[at] == "base-model":
                yield from _versions(name, run[marked[0] :], of_base=True)
        at += len(run)


def _role(piece: Piece) -> Role:
    return piece.role


def _versions(name: str, run: list[Piece], *, of_base: bool) -> Iterator[Version]:
    """Read a stretch of version pieces: `V1-0` is one version, `v2` and `v0.1` side by side are two."""
    begun: list[Piece] = []
    for piece in [*run, None]:
        if begun and (piece is None or not piece.is_number):
            text = name[begun[0].start : begun[-1].end]
            numbers = tuple(int(number) for number in re.findall("[0-9]{1,8}", text)[:6])
            if numbers:
                yield Version(text, KINDS[min(len(numbers), 3) - 1], numbers, of_base)
            begun = []
        if piece is not None:
            begun.append(piece)


def _is_of_base(before: Sequence[Role], first: int, end: int) -> bool:
    """Return whether the version at some pieces follows the base, and something comes after it that the model adds.

    Directly after its family (`deberta-v3-base`) it is the family's generation whatever comes after. A name that ends
    with the version of its only parts (`Mistral-7B-v0.1`) is that version.
    """
    at = first - 1
    while at >= 0 and before[at] in BESIDE_BASE:
        at -= 1
    if at < 0 or before[at] != "base-model":
        return False
    nothing: set[Role] = {"version"} if at == first - 1 else {"version", "filler"}
    return any(role not in nothing for role in before[end:])
