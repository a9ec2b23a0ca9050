"""How tokenizers differ: vocabulary, merges, special tokens, settings, and files that cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from lineage.hub.interface import MAX_TEXT_BYTES
from lineage.versioning.facets.tokenizer import tokenizer
from lineage_schemas.facet import Facet
from tests.support.sides import Files, changes_of, side_of


def bpe(
    vocab: dict[str, int], merges: list[Any] | None = None, added: list[dict[str, Any]] | None = None, **parts: object
) -> dict[str, object]:
    """Write tokenizer.json of a BPE tokenizer."""
    return {
        "version": "1.0",
        "added_tokens": added or [],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel"},
        **parts,
        "model": {"type": "BPE", "vocab": vocab, "merges": merges or []},
    }


def compare(before: Files, after: Files) -> Facet:
    """Judge the tokenizers of two sets of files."""
    return tokenizer(side_of(before), side_of(after))


VOCAB = {"a": 0, "b": 1, "ab": 2}


def token(content: str, number: int, **settings: object) -> dict[str, object]:
    """Write an added token."""
    return {"id": number, "content": content, "special": True, "lstrip": False, **settings}


def test_a_vocabulary_that_only_grew_is_appended() -> None:
    """Tokens added while all others keep their ids are `appended`, with the numbers of tokens and the new ones."""
    facet = compare({"tokenizer.json": bpe(VOCAB)}, {"tokenizer.json": bpe({**VOCAB, "c": 3, "d": 4})})
    assert facet.state == "changed"
    change = facet.changes[0]
    assert (change.kind, change.field, change.before, change.after) == ("appended", "vocabulary", "3", "5")
    assert change.note == '2 added: "c", "d"'
    assert (change.pointer.file, change.pointer.field) == ("tokenizer.json", "model.vocab")
    assert facet.unjudged == ()


@pytest.mark.parametrize(
    ("after", "note"),
    [
        ({"a": 0, "b": 2, "ab": 1}, '2 with another id: "ab", "b"'),
        ({"a": 0, "b": 1, "xy": 2}, '1 added: "xy"; 1 removed: "ab"'),
    ],
)
def test_another_mapping_is_changed(after: dict[str, int], note: str) -> None:
    """A token that has another id, or that took the id of one that is gone, is a change of the mapping."""
    facet = compare({"tokenizer.json": bpe(VOCAB)}, {"tokenizer.json": bpe(after)})
    assert [(each.kind, each.note) for each in facet.changes] == [("changed", note)]


def test_the_same_tokenizer_written_otherwise_is_the_same() -> None:
    """White space, the order of keys, and merges as pairs instead of texts make no other tokenizer."""
    one = bpe(VOCAB, ["a b"])
    other = dict(reversed(list(bpe(dict(reversed(VOCAB.items())), [["a", "b"]]).items())))
    assert compare({"tokenizer.json": one}, {"tokenizer.json": other}).state == "same"


def test_a_merge_with_a_space_is_not_another_merge() -> None:
    """Pairs that have the same text when they are joined by a space are different merges."""
    before, after = (bpe(VOCAB, [pair]) for pair in (["a b", "c"], ["a", "b c"]))
    assert changes_of(compare({"tokenizer.json": before}, {"tokenizer.json": after})) == {
        "merges": ("changed", "1", "1")
    }


def test_merges_normaliser_and_pre_tokenizer_are_compared() -> None:
    """Each part of tokenizer.json is a change of its own with a pointer to it."""
    before = bpe(VOCAB, ["a b"])
    after = bpe(VOCAB, ["a b", "b a"], normalizer={"type": "NFC"}, pre_tokenizer={"type": "Whitespace"})
    facet = compare({"tokenizer.json": before}, {"tokenizer.json": after})
    assert changes_of(facet) == {
        "merges": ("appended", "1", "2"),
        "normalizer": ("changed", "null", '{"type": "NFC"}'),
        "pre_tokenizer": ("changed", '{"type": "ByteLevel"}', '{"type": "Whitespace"}'),
    }
    assert {each.pointer.field for each in facet.changes} == {"model.merges", "normalizer", "pre_tokenizer"}


def test_scores_of_a_unigram_model_are_compared() -> None:
    """The same pieces with other scores split texts differently."""
    models = [{"model": {"type": "Unigram", "vocab": [["<unk>", 0.0], ["a", score]]}} for score in (-1.5, -2.5)]
    facet = compare({"tokenizer.json": models[0]}, {"tokenizer.json": models[1]})
    assert changes_of(facet) == {"scores": ("changed", "2", "2")}
    assert facet.changes[0].note == "1 tokens have another score"


def test_added_tokens_are_compared() -> None:
    """An added token, and another setting of one, are told apart."""
    before = bpe(VOCAB, added=[token("</s>", 3)])
    after = bpe(VOCAB, added=[token("</s>", 3, lstrip=True), token("<|im_end|>", 4)])
    found = changes_of(compare({"tokenizer.json": before}, {"tokenizer.json": after}))
    assert found["added tokens"] == ("appended", "1", "2")
    assert found["added token </s>"][0] == "changed"


def test_special_tokens_are_compared_by_their_content() -> None:
    """`eos_token` as a text and as an object with that content are the same; another content is a change."""
    before: Files = {"tokenizer_config.json": {"eos_token": "</s>", "pad_token": "<pad>"}}
    same = compare(
        before, {"tokenizer_config.json": {"eos_token": {"content": "</s>", "lstrip": False}, "pad_token": "<pad>"}}
    )
    assert same.state == "same"
    facet = compare(before, {"tokenizer_config.json": {"eos_token": {"content": "<|im_end|>"}, "pad_token": "<pad>"}})
    assert changes_of(facet) == {"eos_token": ("changed", '"</s>"', '"<|im_end|>"')}
    assert (facet.changes[0].pointer.file, facet.changes[0].pointer.field) == ("tokenizer_config.json", "eos_token")


def test_more_special_tokens_are_appended() -> None:
    """`additional_special_tokens` with more at the end are `appended`."""
    before, after = (
        {"special_tokens_map.json": {"additional_special_tokens": tokens}} for tokens in (["<a>"], ["<a>", "<b>"])
    )
    assert changes_of(compare(before, after))["additional_special_tokens"][0] == "appended"


@pytest.mark.parametrize(
    ("name", "before", "after", "kind"),
    [
        ("vocab.txt", "[PAD]\n[UNK]\na\n", "[PAD]\n[UNK]\na\nb\n", "appended"),
        ("vocab.txt", "[PAD]\n[UNK]\na\n", "[UNK]\n[PAD]\na\n", "changed"),
        ("vocab.json", '{"a": 0, "b": 1}', '{"a": 0}', "removed"),
        ("added_tokens.json", '{"<a>": 5}', '{"<a>": 5, "<b>": 6}', "appended"),
        ("merges.txt", "#version: 0.2\na b\n", "#version: 0.2\na b\nb c\n", "appended"),
    ],
)
def test_older_files_are_compared(name: str, before: str, after: str, kind: str) -> None:
    """Vocabularies and merges in files of their own are compared in the same way."""
    facet = compare({name: before}, {name: after})
    assert [each.kind for each in facet.changes] == [kind]
    assert facet.changes[0].pointer.file == name


def test_the_first_line_of_merges_is_no_merge() -> None:
    """Another version line, or line ends of Windows, make no other merges."""
    assert compare({"merges.txt": "#version: 0.1\na b\n"}, {"merges.txt": "#version: 0.2\r\na b\r\n"}).state == "same"


def test_a_fast_tokenizer_is_compared_with_the_vocabulary_that_it_replaces() -> None:
    """Beside `vocab.json` an added tokenizer.json is compared token by token; how it splits texts is unjudged."""
    before: Files = {"vocab.json": '{"a": 0, "b": 1, "ab": 2}', "merges.txt": "a b\n"}
    same = compare(before, {**before, "tokenizer.json": bpe(VOCAB, ["a b"])})
    assert changes_of(same).keys() == {"tokenizer.json"}
    assert [each.reason for each in same.unjudged] == [
        "only the other side has tokenizer.json: its vocabulary was compared, but not how texts are split"
    ]
    other = compare(before, {**before, "tokenizer.json": bpe({"b": 0, "a": 1, "ab": 2}, ["a b"])})
    assert changes_of(other)["vocabulary"] == ("changed", "3", "3")


def test_a_sentencepiece_model_is_compared_by_its_bytes() -> None:
    """Other bytes of tokenizer.model are `replaced`, and it is unjudged what changed in them."""
    facet = compare({"tokenizer.model": b"\x0a\x01"}, {"tokenizer.model": b"\x0a\x02"})
    assert [(each.kind, each.field) for each in facet.changes] == [("replaced", "tokenizer.model")]
    assert [each.pointer.file for each in facet.unjudged] == ["tokenizer.model"]


def test_a_long_tokenizer_is_compared_by_its_hash() -> None:
    """A tokenizer.json longer than a text that is read: equal ids are the same, others `replaced` with the reason."""
    long = b'{"model": {"vocab": {}}}' + b" " * MAX_TEXT_BYTES
    before: Files = {"tokenizer.json": long, "tokenizer_config.json": {"eos_token": "a"}}
    assert compare(before, dict(before)).state == "same"
    facet = compare(before, {"tokenizer.json": long + b" ", "tokenizer_config.json": {"eos_token": "b"}})
    assert {each.field: each.kind for each in facet.changes} == {"tokenizer.json": "replaced", "eos_token": "changed"}
    assert [(each.pointer.file, "more than the 10,000,000 bytes" in each.reason) for each in facet.unjudged] == [
        ("tokenizer.json", True)
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{broken", "it is not JSON: "),
        ('{"model": {"vocab": {"a": 0, "a": 1}}}', "the key a occurs twice"),
        ('{"model": {"vocab": {"a": "x"}}}', "its vocabulary has no known form"),
        ('{"model": {"vocab": [["a", 0], ["a", 1]]}}', "a token occurs twice in its vocabulary"),
        ("[" * 200_000, "it is nested too deeply"),
        ("[]", "it does not hold an object"),
        ("{}", "it has no model"),
        (b"\xff\xfe", "it is not UTF-8 text"),
    ],
)
def test_a_broken_tokenizer_is_unjudged(content: str | bytes, reason: str) -> None:
    """A file that cannot be read is named with the reason, and the settings beside it are compared all the same."""
    before: Files = {"tokenizer.json": bpe(VOCAB), "tokenizer_config.json": {"add_bos_token": True}}
    facet = compare(before, {**before, "tokenizer.json": content})
    assert facet.state == "unjudged"
    assert facet.unjudged[0].pointer.file == "tokenizer.json"
    assert reason in facet.unjudged[0].reason
    settings = compare(before, {"tokenizer.json": content, "tokenizer_config.json": {"add_bos_token": False}})
    assert settings.state == "changed"
    assert changes_of(settings) == {"add_bos_token": ("changed", "true", "false")}
    assert settings.unjudged


def test_a_broken_tokenizer_that_did_not_change_is_the_same() -> None:
    """Equal bytes need not be read."""
    broken: Files = {"tokenizer.json": "{broken"}
    assert compare(broken, dict(broken)).state == "same"


def test_tokenizers_of_folders_are_compared_and_checkpoints_are_not() -> None:
    """A pipeline's `tokenizer_2/` counts; the copies inside a checkpoint of a training run do not."""
    before, after = (
        {f"{folder}/vocab.json": text for folder in ("tokenizer_2", "checkpoint-5")}
        for text in ('{"a": 0}', '{"a": 1}')
    )
    facet = compare(before, after)
    assert [each.pointer.file for each in facet.changes] == ["tokenizer_2/vocab.json"]


def test_processors_of_images_are_compared() -> None:
    """Settings of preprocessor_config.json are part of how inputs become numbers."""
    before, after = ({"preprocessor_config.json": {"size": {"height": size}}} for size in (224, 336))
    assert changes_of(compare(before, after)) == {"preprocessor_config.size.height": ("changed", "224", "336")}
