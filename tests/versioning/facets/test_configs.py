"""Facets made of fields of configs: architecture, context, generation defaults, task, code, library, formats, other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lineage.versioning.facets.comparison import MAX_CHANGES, MAX_FIELDS
from lineage.versioning.facets.config_fields import facet_of
from lineage.versioning.facets.judge import judge
from lineage_schemas.facet import Facet, FacetName
from tests.support.sides import Content, Files, changes_of, side_of


def compare(before: Files, after: Files) -> dict[str, Facet]:
    """Judge two sets of files: the facets that are not the same, by name."""
    return {each.name: each for each in judge(side_of(before), side_of(after)) if each.state != "same"}


def config(**fields: object) -> Files:
    """Make a config.json."""
    return {"config.json": {"model_type": "llama", **fields}}


@pytest.mark.parametrize(
    ("field", "facet"),
    [
        ("hidden_size", "architecture"), ("num_hidden_layers", "architecture"), ("n_head", "architecture"),
        ("text_config.num_key_value_heads", "architecture"), ("architectures", "architecture"),
        ("vocab_size", "architecture"), ("tie_word_embeddings", "architecture"), ("r", "architecture"),
        ("max_position_embeddings", "context_length"), ("rope_scaling", "context_length"),
        ("rope_local_base_freq", "context_length"), ("vision_config.sliding_window", "context_length"),
        ("eos_token_id", "generation"), ("t2u_eos_token_id", "generation"), ("temperature", "generation"),
        ("id2label", "task"), ("problem_type", "task"), ("auto_map", "custom_code"),
        ("transformers_version", "library"), ("_name_or_path", "base_model"), ("torch_dtype", "formats"),
        ("quantization_config", "formats"), ("tokenizer_class", "tokenizer"), ("attention_dropout", "other"),
        ("use_cache", "other"), ("never_heard_of", "other"),
    ],
)  # fmt: skip
def test_a_field_belongs_to_one_facet(field: str, facet: FacetName) -> None:
    """A field of config.json changes the facet that it belongs to, and no other."""
    assert facet_of(field) == facet
    *folders, name = field.split(".")
    sides: list[dict[str, object]] = [{name: [1]}, {name: [2]}]
    for folder in reversed(folders):
        sides = [{folder: side} for side in sides]
    found = compare({"config.json": sides[0]}, {"config.json": sides[1]})
    assert list(found) == [facet]
    change = found[facet].changes[0]
    assert (change.kind, change.before, change.after) == ("changed", "[1]", "[2]")
    assert (change.pointer.file, change.pointer.field, change.field) == ("config.json", field, field)


@pytest.mark.parametrize(
    ("name", "before", "after", "kind"),
    [
        ("max_position_embeddings", 2048, 4096, "grown"),
        ("max_position_embeddings", 4096, 2048, "shrunk"),
        ("sliding_window", 4096, None, "changed"),
        ("rope_scaling", None, {"factor": 2.0}, "changed"),
    ],
)
def test_the_context_grows_or_shrinks(name: str, before: object, after: object, kind: str) -> None:
    """Of two numbers one is larger; anything else is a change without a direction."""
    found = compare(config(**{name: before}), config(**{name: after}))
    assert [each.kind for each in found["context_length"].changes] == [kind]


def test_the_length_of_a_tokenizer_is_a_context_length() -> None:
    """`model_max_length` of tokenizer_config.json is no setting of how texts are split."""
    found = compare(
        {"tokenizer_config.json": {"model_max_length": 512}}, {"tokenizer_config.json": {"model_max_length": 384}}
    )
    assert list(found) == ["context_length"]
    assert changes_of(found["context_length"]) == {"tokenizer_config.model_max_length": ("shrunk", "512", "384")}


def test_the_same_number_written_otherwise_is_the_same() -> None:
    """1 and 1.0 are one value; 1 and true are not."""
    assert (
        compare({"generation_config.json": '{"temperature": 1}'}, {"generation_config.json": '{"temperature": 1.0}'})
        == {}
    )
    assert compare({"generation_config.json": '{"x": 1}'}, {"generation_config.json": '{"x": true}'})


def test_a_key_with_a_dot_hides_no_field() -> None:
    """`"a.b"` and the `b` of `a` are two fields."""
    found = compare({"config.json": {"a.b": 1, "a": {"b": 2}}}, {"config.json": {"a.b": 3, "a": {"b": 2}}})
    assert changes_of(found["other"]) == {'"a.b"': ("changed", "1", "3")}


def test_labels_are_appended_or_changed() -> None:
    """More labels with all others unchanged are `appended`; another label for a number is `changed`."""
    two = {"0": "NEG", "1": "POS"}
    more, fewer, other = {**two, "2": "NEUTRAL"}, {"0": "NEG"}, {"0": "POS", "1": "NEG"}
    kinds = [
        compare(config(id2label=two), config(id2label=each))["task"].changes[0].kind for each in (more, fewer, other)
    ]
    assert kinds == ["appended", "removed", "changed"]


def test_code_that_becomes_required_is_shown() -> None:
    """`auto_map` and the files of code are changes of the facet custom code."""
    found = compare(config(), {**config(auto_map={"AutoModel": "modeling_x.X"}), "modeling_x.py": "class X: ..."})
    assert list(found) == ["custom_code"]
    assert {each.field: each.kind for each in found["custom_code"].changes} == {
        "auto_map": "added",
        "modeling_x.py": "added",
    }


def test_packages_are_compared_with_their_versions() -> None:
    """requirements.txt is compared package by package; comments and order do not count, markers do."""
    before: Files = {"requirements.txt": "torch>=2.0  # needed\ntransformers==4.40\n"}
    same = compare(before, {"requirements.txt": "# packages\ntransformers==4.40\ntorch>=2.0\n"})
    assert same == {}
    found = compare(before, {"requirements.txt": 'torch>=2.0; python_version < "3.9"\ntransformers==4.41\n'})
    assert changes_of(found["library"]).keys() == {"torch", "transformers"}
    assert changes_of(found["library"])["transformers"] == ("changed", '"==4.40"', '"==4.41"')


def test_configs_of_components_are_compared() -> None:
    """A pipeline's `unet/config.json` is compared by field, under the component's name; its scheduler is a default."""
    before: Files = {"unet/config.json": {"in_channels": 4}, "scheduler/scheduler_config.json": {"beta_start": 0.1}}
    after: Files = {"unet/config.json": {"in_channels": 9}, "scheduler/scheduler_config.json": {"beta_start": 0.2}}
    found = compare(before, after)
    assert changes_of(found["architecture"]) == {"unet.in_channels": ("changed", "4", "9")}
    assert changes_of(found["generation"]) == {"scheduler/scheduler_config.beta_start": ("changed", "0.1", "0.2")}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "JSON"),
        ('{"hidden_size": 1, "hidden_size": 2}', "the key hidden_size occurs twice"),
        (b"\xff", "UTF-8"),
        ("[1]", "object"),
    ],
)
def test_a_broken_config_leaves_the_other_facets_answered(content: Content, reason: str) -> None:
    """Each facet that reads config.json is unjudged with the reason; those that read other files are judged."""
    before: Files = {**config(), "generation_config.json": {"top_k": 1}, "tokenizer_config.json": {"eos_token": "a"}}
    after: Files = {
        "config.json": content,
        "generation_config.json": {"top_k": 2},
        "tokenizer_config.json": {"eos_token": "b"},
    }
    found = compare(before, after)
    assert found["architecture"].state == "unjudged"
    assert reason in found["architecture"].unjudged[0].reason
    assert found["architecture"].unjudged[0].pointer.file == "config.json"
    assert found["generation"].state == found["tokenizer"].state == "changed"
    assert {"datasets", "licence", "documentation", "chat_template", "weights", "evaluation"}.isdisjoint(found)


@pytest.mark.slow
def test_a_file_of_too_many_fields_is_unjudged() -> None:
    """A config with more fields than are compared is named with the bound."""
    fields = {f"x{n}": 0 for n in range(MAX_FIELDS + 1)}
    found = compare({"adapter_config.json": {}}, {"adapter_config.json": fields})
    assert found["architecture"].unjudged[0].reason == "it has more than 50,000 fields"


def test_a_config_that_a_partial_list_lacks_is_unjudged() -> None:
    """A side that may have a config.json which is not listed is not compared with one that has it."""
    facets = judge(side_of({}, partial="only a cache"), side_of(config()))
    found = {each.name: each for each in facets}
    assert found["architecture"].state == "unjudged"
    assert found["architecture"].unjudged[0].reason == "only a cache"
    assert found["other"].state == found["formats"].state == "unjudged"


def test_files_that_no_facet_reads_are_compared_by_hash() -> None:
    """Another file that came, went or changed is in `other`; the copies inside a checkpoint's folder are too."""
    before: Files = {"training_args.bin": "1", "handler.txt": "x", "checkpoint-5/tokenizer.json": "{}"}
    after: Files = {"training_args.bin": "2", "notes.dat": "x", "checkpoint-5/tokenizer.json": "{ }"}
    found = compare(before, {**after, "handler.txt": "x"})
    assert {each.field: each.kind for each in found["other"].changes} == {
        "checkpoint-5/tokenizer.json": "changed", "notes.dat": "added", "training_args.bin": "changed",
    }  # fmt: skip


def test_a_broken_link_is_unjudged() -> None:
    """A file that exists and could not be read at all is not listed; on both sides it is not the same, but unknown."""
    side = side_of(config())
    broken = {"tokenizer.json": "its link leads nowhere", "notes.dat": "no access"}
    snapshot = side.snapshot.model_copy(update={"unreadable": broken})
    found = {each.name: each for each in judge(replace(side, snapshot=snapshot), replace(side, snapshot=snapshot))}
    assert found["tokenizer"].state == "unjudged"
    assert {each.reason for each in found["tokenizer"].unjudged} == {"its link leads nowhere"}
    assert {each.pointer.file for each in found["other"].unjudged} == {"notes.dat"}
    assert found["architecture"].state == "same"


def test_unjudged_files_are_bounded() -> None:
    """Of thousands of files that could not be compared the first are named, and the last entry counts the rest."""
    names = [f"part{number:04}/config.json" for number in range(1_000)]
    sides = [side_of(dict.fromkeys(names, text), unread=dict.fromkeys(names, "offline")) for text in ("{}", "{ }")]
    found = {each.name: each for each in judge(*sides)}["architecture"]
    assert len(found.unjudged) == MAX_CHANGES + 1
    assert found.unjudged[-1].reason.endswith("more files or fields could not be compared")
