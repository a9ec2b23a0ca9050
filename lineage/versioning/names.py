"""What a repository's name says: the twelve segment types of the naming study, and the version."""

from __future__ import annotations

from lineage.versioning.naming.grammar import segments_of, text_of
from lineage.versioning.naming.parsed import ParsedName, Segment
from lineage.versioning.naming.pieces import pieces
from lineage.versioning.naming.roles import give_roles, split_joined
from lineage.versioning.naming.versions import versions_of
from lineage.versioning.naming.vocabulary import vocabulary

MAX_CHARACTERS = 1000
"""A longer text is not split: the Hub allows 96 characters, and folders 255."""


def parse_name(model_id: str) -> ParsedName:
    """Read the name of a model, with or without its owner.

    Any text is accepted: one without a letter or digit has no segments, and one of more than MAX_CHARACTERS has a
    single segment `others`. docs/concepts.md explains the types, and how
    often two readers agree on them.
    """
    name = model_id.rpartition("/")[2]
    if len(name) > MAX_CHARACTERS:
        return ParsedName(name, (Segment("others", name),), ())
    found = split_joined(pieces(name), vocabulary())
    give_roles(name, found, vocabulary())
    before = [piece.role for piece in found]
    segments = segments_of(found)
    return ParsedName(
        name,
        tuple(Segment(type_, text_of(name, members)) for type_, members in segments),
        tuple(versions_of(name, found, before)),
    )
