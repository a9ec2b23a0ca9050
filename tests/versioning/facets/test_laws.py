"""What holds for every facet, whatever files a model has and whatever of them is known."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.versioning.facets.comparison import MAX_CHANGES, MAX_VALUE
from lineage.versioning.facets.judge import judge
from lineage.versioning.facets.side import NotAtHand, Side
from lineage_schemas.facet import FACETS, Facet
from tests.support.sides import Files, side_of

CONTENTS: dict[str, list[str]] = {
    "config.json": [
        '{"model_type": "llama", "hidden_size": 8, "id2label": {"0": "A"}}',
        '{"model_type": "llama", "hidden_size": 9, "id2label": {"0": "A", "1": "B"}, "auto_map": {"AutoModel": "m.M"}}',
        '{"model_type": "llama", "text_config": {"max_position_embeddings": 99}, "unheard_of": [1], "eos_token_id": 2}',
        '{"model_type": "llama", "text_config.max_position_embeddings": 99, "torch_dtype": "float16"}',
        "{broken",
        '{"hidden_size": 8, "hidden_size": 9}',
    ],
    "README.md": [
        "---\nlicense: mit\nbase_model: a/b\n---\n# One\n",
        "---\nlicense: apache-2.0\ndatasets: [x]\npipeline_tag: text-generation\n---\n# One\n",
        "---\nlicense: mit\nlicense: gpl\nbase_model: a/c\n---\n# One\n",
        "---\nmodel-index: [{results: [{task: {type: t}, metrics: [{type: m, value: 1}]}]}]\n---\n# Two\n",
        "---\nlicense: [\n---\n# Two\n",
        "# One\n",
    ],
    "tokenizer.json": [
        '{"model": {"vocab": {"a": 0}}}', '{"model": {"vocab": {"a": 0, "b": 1}}}', '{"model": {"vocab": {"b": 0}}}',
        '{"model": 1}', "{",
    ],
    "vocab.json": ['{"a": 0}', '{"a": 0, "b": 1}', "[]"],
    "tokenizer_config.json": [
        '{"eos_token": "</s>", "chat_template": "v"}', '{"eos_token": "<e>", "model_max_length": 9}',
        '{"chat_template": [{"name": "default", "template": "u"}]}', "{{",
    ],
    "special_tokens_map.json": ['{"pad_token": "a"}', '{"pad_token": {"content": "b"}}'],
    "chat_template.jinja": ["x", "y", "z"],
    "chat_template.json": ['{"chat_template": "t"}', '{"chat_template": "w"}'],
    "generation_config.json": ['{"temperature": 1}', '{"temperature": 2, "transformers_version": "4"}', "null"],
    "adapter_config.json": ['{"r": 8, "base_model_name_or_path": "a/b"}', '{"r": 16}'],
    "unet/config.json": ['{"sample_size": 8}', '{"block_out_channels": [8]}'],
    "modeling_x.py": ["pass", "run()"],
    "requirements.txt": ["torch==1", "torch==2\nnumpy"],
    "LICENSE": ["text", "other text"],
    "docs/usage.md": ["one", "two"],
    ".eval_results/a.yaml": ["- value: 1", "- value: 2"],
    "model.safetensors": ["abc", "abcd"],
    "pytorch_model.bin": ["abc", "xyz"],
    "anything.dat": ["1", "2"],
}  # fmt: skip
"""Contents of each file that mean different things, or cannot be read."""

files = st.fixed_dictionaries({}, optional={path: st.sampled_from(texts) for path, texts in CONTENTS.items()})

MIRRORED = [("added", "removed"), ("appended", "removed"), ("grown", "shrunk"), ("narrower", "wider")]
"""Kinds that a swap of the sides turns into each other; all others stay."""


def by_name(facets: tuple[Facet, ...]) -> dict[str, Facet]:
    """Map facets by their names, all of them once."""
    assert [each.name for each in facets] == list(FACETS)
    return {each.name: each for each in facets}


def without(side: Side, paths: set[str]) -> Side:
    """Take texts away from a side."""
    texts = {path: NotAtHand("taken away") if path in paths else text for path, text in side.texts.items()}
    gone = {path: "taken away" for path in ("README.md", "config.json") if path in paths & side.files.keys()}
    kept = {"card": None, "card_text": None} if "README.md" in gone else {}
    kept |= {"config": None} if "config.json" in gone else {}
    snapshot = side.snapshot.model_copy(update={**kept, "unreadable": {**side.snapshot.unreadable, **gone}})
    return replace(Side(snapshot, texts, side.groups))


@pytest.mark.slow
@given(files, st.sets(st.sampled_from(sorted(CONTENTS))))
@settings(deadline=None)
def test_a_side_does_not_differ_from_itself(found: Files, taken: set[str]) -> None:
    """Equal files are the same in every facet, also those that cannot be read: their bytes are equal."""
    side = without(side_of(found), taken)
    assert {each.state for each in judge(side, side)} == {"same"}


@pytest.mark.slow
@given(files, files)
@settings(deadline=None)
def test_a_swap_of_the_sides_swaps_the_answer(one: Files, other: Files) -> None:
    """States stay, before and after change places, and so do the kinds that have a direction."""
    sides = side_of(one), side_of(other, commit="b" * 40)
    forth, back = by_name(judge(*sides)), by_name(judge(*reversed(sides)))
    for name, facet in forth.items():
        mirror = back[name]
        assert facet.state == mirror.state
        assert (facet.before, facet.after) == (mirror.after, mirror.before)
        ways = sorted((c.field, c.before or "", c.after or "", c.pointer.file, c.kind) for c in facet.changes)
        others = sorted((c.field, c.after or "", c.before or "", c.pointer.file, c.kind) for c in mirror.changes)
        for way, mirrored in zip(ways, others, strict=True):
            assert way[:3] == mirrored[:3]
            kinds = way[4], mirrored[4]
            assert kinds[0] == kinds[1] or kinds in MIRRORED or kinds[::-1] in MIRRORED


@pytest.mark.slow
@given(files, files, st.sets(st.sampled_from(sorted(CONTENTS))), st.sets(st.sampled_from(sorted(CONTENTS))))
@settings(max_examples=200, deadline=None)
def test_less_knowledge_is_never_a_clean_answer(one: Files, other: Files, of_one: set[str], of_other: set[str]) -> None:
    """What is changed or unjudged with all texts is not the same with fewer texts."""
    sides = side_of(one), side_of(other)
    whole = by_name(judge(*sides))
    less = by_name(judge(without(sides[0], of_one), without(sides[1], of_other)))
    for name, facet in whole.items():
        if facet.state != "same":
            assert less[name].state != "same", name


@pytest.mark.slow
@given(files, st.data())
@settings(max_examples=200, deadline=None)
def test_no_difference_is_lost(found: Files, data: st.DataObject) -> None:
    """If one file means something else, or came or went, at least one facet is not the same."""
    path = data.draw(st.sampled_from(sorted(CONTENTS)))
    content = data.draw(st.sampled_from([None, *CONTENTS[path]]).filter(lambda text: text != found.get(path)))
    other = {name: text for name, text in found.items() if name != path} | ({path: content} if content else {})
    assert {each.state for each in judge(side_of(found), side_of(other))} != {"same"}


names = (
    st.sampled_from(["a", "a.b", "hidden_size", "license", "eos_token", "auto_map", "_name_or_path", "model"])
    | st.text()
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = [
    "config.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "adapter_config.json",
    "model_index.json", "quantize_config.json", "preprocessor_config.json", "unet/config.json",
    "scheduler/scheduler_config.json", "sentence_bert_config.json", "config_sentence_transformers.json",
    "tokenizer_2/tokenizer_config.json",
]  # fmt: skip


@pytest.mark.slow
@given(st.sampled_from(OBJECTS), st.dictionaries(names, values, max_size=4), st.dictionaries(names, values, max_size=4))
@settings(max_examples=300, deadline=None)
def test_no_field_is_lost(path: str, one: dict[str, object], other: dict[str, object]) -> None:
    """Whatever field of whatever config differs, a facet reads it."""
    if json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
        assert {each.state for each in judge(side_of({path: one}), side_of({path: other}))} != {"same"}


@pytest.mark.slow
@given(st.integers(0, 200), st.text(max_size=5_000))
@settings(deadline=None)
def test_answers_are_bounded(number: int, text: str) -> None:
    """However many fields differ, and however long they are, an answer has a bound, and counts what it leaves out."""
    before = side_of({"generation_config.json": {f"field_{n}": 0 for n in range(number)}})
    after = side_of({"generation_config.json": {f"field_{n}": text for n in range(number)}})
    facet = by_name(judge(before, after))["generation"]
    assert len(facet.changes) + facet.more_changes == number
    assert len(facet.changes) <= MAX_CHANGES
    values = [(facet.after, facet.after_sha256), *((each.after, each.after_sha256) for each in facet.changes)]
    for shown, sha256 in values:
        assert len(shown or "") <= MAX_VALUE + 1
        assert (sha256 is not None) == (len(shown or "") > MAX_VALUE)
