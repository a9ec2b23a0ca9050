"""What people read: the card's text by its sections, the rest of its metadata, and other documents."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING

from lineage.versioning.facets.comparison import ABSENT, Comparison, Place
from lineage.versioning.facets.files import DOCUMENT, EVALUATION, LICENCE_TEXT, REQUIREMENTS, tokenizer_part
from lineage.versioning.facets.side import CARD, Side

if TYPE_CHECKING:
    from lineage_schemas.facet import Facet

METADATA = re.compile(r"\A\s*---[ \t]*\n.*?^---[ \t]*(\n|\Z)", re.DOTALL | re.MULTILINE)
"""The block at the top of a card, whose fields are compared one by one."""

ELSEWHERE = frozenset({
    "license", "license_name", "license_link", "base_model", "base_model_relation", "merged_models", "datasets",
    "dataset", "train-eval-index", "model-index", "eval_results", "metrics", "pipeline_tag", "library_name",
})  # fmt: skip
"""Fields of a card that belong to other facets."""

_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+")
_FENCE = re.compile(r" {0,3}(```|~~~)")


def documentation(before: Side, after: Side) -> Facet:
    """Compare the card's text, its sections and its other metadata, and other documents by their bytes."""
    found = Comparison("documentation", before, after)
    found.fields(CARD, lambda key: key.partition(".")[0] not in ELSEWHERE)
    if found.differs(CARD) is not False:
        _text(found)
    found.by_hash(path for path in before.paths | after.paths if is_document(path))
    return found.facet()


def is_document(path: str) -> bool:
    """Return whether a file other than the card is read by people only."""
    if path in (CARD, REQUIREMENTS) or LICENCE_TEXT.fullmatch(path) or EVALUATION.fullmatch(path):
        return False
    return DOCUMENT.search(path) is not None and tokenizer_part(path) is None


def _text(found: Comparison) -> None:
    """Compare the text below the metadata: sections that came or went, and whether the text differs at all."""
    sides = (found.before, found.after)
    unread = [side for side in sides if CARD in side.files and side.snapshot.card_text is None]
    for side in unread:
        found.unjudged(side, side.snapshot.unreadable.get(CARD, "its text was not read"), CARD)
    bodies = [body(side.snapshot.card_text) for side in sides]
    if unread or bodies[0] == bodies[1]:
        return
    hashes = [ABSENT if text is None else _hash(text) for text in bodies]
    found.change("text", hashes, Place(CARD))
    sections = [sections_of(text or "") for text in bodies]
    for heading in sections[0] - sections[1]:
        found.change(f"section {heading}", (heading, ABSENT), Place(CARD, heading))
    for heading in sections[1] - sections[0]:
        found.change(f"section {heading}", (ABSENT, heading), Place(CARD, heading))


def body(card: str | None) -> str | None:
    """Take the text of a card without its metadata block; None if there is no text."""
    if card is None:
        return None
    text = card.removeprefix("\ufeff").replace("\r\n", "\n")
    return METADATA.sub("", text, count=1).strip() or None


def _hash(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"


def sections_of(text: str) -> Counter[str]:
    """List the headings of a card, those inside code left out."""
    found: Counter[str] = Counter()
    fence = None
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and fence in (None, mark[1]):
            fence = None if fence else mark[1]
        elif fence is None and (heading := _HEADING.match(line)):
            found[line[heading.end() :].strip().rstrip("#").rstrip()] += 1
    del found[""]
    return found
