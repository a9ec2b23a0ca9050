"""Rules on what turns inputs into numbers: vocabulary, special tokens, chat templates, processors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.versioning.facets.tokenizer import SPECIAL
from lineage.versioning.suggest.fired import Between, Found, fire, is_off, last_name, still_open, value_of

if TYPE_CHECKING:
    from lineage_schemas.facet import Facet, FacetChange

_TOKENS = ("vocabulary", "added tokens", "merges", "scores")
_SPLITS = ("normalizer", "pre_tokenizer")
_SPECIAL_PARTS = ("post_processor", "added_tokens_decoder", "add_bos_token", "add_eos_token", "add_prefix_space")


def tokenizer(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for ids that moved, tokens that were added, special tokens, and other settings."""
    for change in facet.changes:
        yield fire(_rule(change), change)
    yield from still_open(facet, "major")


def _rule(change: FacetChange) -> str:
    """Return the rule for one change of a tokenizer or processor."""
    name = change.field.rpartition(": ")[2]
    last = last_name(change)
    if name in _TOKENS:
        return "vocabulary-appended" if change.kind == "appended" else "token-mapping-change"
    if name.startswith("added token "):
        return "special-tokens-change"
    if change.pointer.field is None:  # a whole file, which came, went or was not compared
        return "metadata-change" if change.kind == "added" else "input-processing-change"
    if is_off(change) and last != "legacy":
        return "metadata-change"
    if last in ("tokenizer_class", "tokenizer_type"):
        return "token-mapping-change" if _is_other_class(change) else "metadata-change"
    if name in _SPLITS or (name.startswith("model.") and name != "model.type"):
        return "token-mapping-change"
    if last in SPECIAL or name in _SPECIAL_PARTS:
        copies = name == "added_tokens_decoder" and change.kind == "added"
        return "metadata-change" if copies else "special-tokens-change"
    return "metadata-change" if name in ("version", "model.type") else "input-processing-change"


def _is_other_class(change: FacetChange) -> bool:
    """Return whether a tokenizer of another kind is loaded; `LlamaTokenizerFast` splits as `LlamaTokenizer` does."""
    if change.kind in ("added", "removed"):
        return False
    names = [str(value_of(text)).removesuffix("Fast") for text in (change.before, change.after)]
    return names[0] != names[1] and "PreTrainedTokenizer" not in names


def chat_template(between: Between, facet: Facet) -> Iterator[Found]:
    """Fire for a template that came, went or differs."""
    for change in facet.changes:
        yield fire("chat-template-change", change)
    yield from still_open(facet, "minor")
