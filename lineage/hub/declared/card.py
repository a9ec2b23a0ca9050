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
"""Tags that tell how a model was made. They fill in the method of a relation that is known, and decide none."""


def card_declarations(card: Mapping[str, Any], hub_tags: Iterable[str]) -> Iterator[Declaration]:
    """List what the card's metadata block says, then what only the Hub's own tags say.

    The Hub repeats the card's tags among its own; only those that the card does not have are the Hub's word.
    """
    for suffix, text in written_names(card.get("base_model")):
        yield parent("card.base_model", CARD, f"base_model{suffix}", text)
    yield from _relation_word(card.get("base_model_relation"))
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


def _relation_word(value: object) -> Iterator[Declaration]:
    """Read `base_model_relation`: one of the Hub's words for all bases, or a word of the publisher's own."""
    words = sorted({verbatim(word).strip() for word in (value if isinstance(value, list) else [value]) if word})
    if len(words) == 1:
        relation = RELATIONS.get(words[0].lower())
        yield Declaration(
            "word", "card.base_model_relation", CARD, "base_model_relation", words[0], relation=relation, word=True
        )
    elif words:
        # Several words without saying which base each belongs to: kept, and none is taken for an answer.
        yield Declaration("word", "card.base_model_relation", CARD, "base_model_relation", ", ".join(words), word=True)


def _tag(tag: str, file: str | None, field: str, *, own: bool) -> Iterator[Declaration]:
    """Read one tag: `base_model:X` and `base_model:RELATION:X` name parents, a few others tell the method."""
    prefix, colon, rest = tag.partition(":")
    if prefix == "base_model" and colon:
        relation, text = _split_relation(rest)
        found = parent("card.tag", file, field, text, relation=relation, word=own and relation is not None)
        yield Declaration(
            "parent",
            found.rule,
            file,
            field,
            verbatim(tag),
            found.name,
            found.revision,
            relation,
            word=found.word,
            problem=found.problem,
        )
    elif tag.strip().lower() in TAG_METHODS:
        yield Declaration(
            "hint", "card.tag", file, field, verbatim(tag), method=TAG_METHODS[tag.strip().lower()], word=own
        )


def _split_relation(rest: str) -> tuple[Relation | None, str]:
    """Split `RELATION:X`; addresses have a colon too, and are no relation."""
    word, colon, name = rest.partition(":")
    if colon and word in RELATIONS:
        return RELATIONS[word], name
    return None, rest


def _strings(value: object) -> list[str]:
    """Take the texts of a field that should be a list of texts."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]
