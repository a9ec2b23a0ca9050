"""What a model card and the Hub's tags declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lineage.hub.declared.declaration import RELATIONS, Declaration, parent, verbatim, written_names
from lineage_schemas.derivation import Relation

CARD = "README.md"

TAG_METHODS: dict[str, str] = {
    "lora": "lora", "gguf": "gguf", "gptq": "gptq", "awq": "awq", "bitsandbytes": "bitsandbytes", "fp8": "fp8",
    "slerp": "slerp", "ties": "ties", "dare": "dare", "task_arithmetic": "task_arithmetic",
}  # fmt: skip
"""Tags that name how a model was made. They add the method to a known relation, and never decide it."""


def card_declarations(card: Mapping[str, Any], hub_tags: Iterable[str]) -> Iterator[Declaration]:
    """List what the card's metadata block declares, then what only the Hub's tags declare.

    The Hub repeats the card's tags among its own; only those that the card does not have are inferred by the Hub.
    """
    for suffix, text in written_names(card.get("base_model")):
        yield parent("card.base_model", CARD, f"base_model{suffix}", text)
    yield from _relation(card.get("base_model_relation"))
    own_tags = _strings(card.get("tags"))
    for place, tag in enumerate(own_tags):
        yield from _tag(tag, CARD, f"tags[{place}]", own=True)
    for tag in sorted(set(hub_tags) - set(own_tags)):
        yield from _tag(tag, None, "tags", own=False)
    for suffix, text in written_names(card.get("new_version")):
        successor = parent("card.new_version", CARD, f"new_version{suffix}", text)
        yield Declaration(
            "new_version",
            successor.rule,
            CARD,
            successor.field,
            successor.value,
            successor.name,
            successor.revision,
            problem=successor.problem,
        )


def _relation(value: object) -> Iterator[Declaration]:
    """Read `base_model_relation`: one of the Hub's relations for all bases, or a text of the publisher's own."""
    texts = sorted({verbatim(text).strip() for text in (value if isinstance(value, list) else [value]) if text})
    if len(texts) == 1:
        relation = RELATIONS.get(texts[0].lower())
        yield Declaration(
            "relation",
            "card.base_model_relation",
            CARD,
            "base_model_relation",
            texts[0],
            relation=relation,
            by_publisher=True,
        )
    elif texts:
        # It is unknown which of several relations belongs to which base: the texts are kept, and none is chosen.
        yield Declaration(
            "relation", "card.base_model_relation", CARD, "base_model_relation", ", ".join(texts), by_publisher=True
        )


def _tag(tag: str, file: str | None, field: str, *, own: bool) -> Iterator[Declaration]:
    """Read one tag: `base_model:X` and `base_model:RELATION:X` name parents, a few others name the method."""
    prefix, colon, rest = tag.partition(":")
    if prefix == "base_model" and colon:
        relation, text = _split_relation(rest)
        found = parent("card.tag", file, field, text, relation=relation, by_publisher=own and relation is not None)
        yield Declaration(
            "parent",
            found.rule,
            file,
            field,
            verbatim(tag),
            found.name,
            found.revision,
            relation,
            by_publisher=found.by_publisher,
            problem=found.problem,
        )
    elif tag.strip().lower() in TAG_METHODS:
        yield Declaration(
            "hint", "card.tag", file, field, verbatim(tag), method=TAG_METHODS[tag.strip().lower()], by_publisher=own
        )


def _split_relation(rest: str) -> tuple[Relation | None, str]:
    """Split `RELATION:X`; URLs contain a colon too, without a relation before it."""
    relation, colon, name = rest.partition(":")
    if colon and relation in RELATIONS:
        return RELATIONS[relation], name
    return None, rest


def _strings(value: object) -> list[str]:
    """Return the texts of a field that should be a list of texts."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]
