"""From what a model declares to its edges."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lineage.derivation.declared_edges import derive, names_to_resolve
from lineage.derivation.facts import ChildFacts, FirstCommit, ResolvedName
from lineage.derivation.finding import make_evidence
from lineage.derivation.history import FIRST_CREATION_DATE, duplicate_source
from lineage.hub.declared.reading import declarations
from lineage_schemas.snapshot import Snapshot
from tests.support.derived import HEAD, derived, edge, rules

ROOT = "2" * 40


ADAPTER = '{"base_model_name_or_path": "a/base", "peft_type": "LORA", "revision": "%s"}' % ("c" * 40)
RECIPE = "models: [{model: a/one}, {model: a/two}]\nmerge_method: slerp\nbase_model: a/one"


def test_card_without_relation_gives_a_bare_edge() -> None:
    """A base without a word on the relation is an edge that knows no more than that."""
    found = edge(derived(card={"base_model": "a/base"}), "a/base")
    assert (found.relation, found.relation_declared, found.method) == (None, None, "unknown")
    assert (found.status, found.confidence, found.child_revision, found.parent_revision) == (
        "declared",
        None,
        HEAD,
        None,
    )
    assert len(found.evidence) == 1


def test_the_publishers_relation_is_relation_and_declared_relation() -> None:
    """Where no file shows otherwise, the relation is the one that the publisher declares."""
    found = edge(derived(card={"base_model": "a/base", "base_model_relation": "finetune"}), "a/base")
    assert (found.relation, found.relation_declared, found.method) == ("finetune", "finetune", "unknown")


def test_the_hubs_relation_is_not_the_publishers() -> None:
    """A relation in a tag of the Hub's own is the edge's relation, and is not a declared one."""
    result = derived(card={"base_model": "a/base"}, tags=("base_model:a/base", "base_model:quantized:a/base"))
    found = edge(result, "a/base")
    assert (found.relation, found.relation_declared) == ("quantized", None)
    own = derived(card={"base_model": "a/base", "tags": ["base_model:adapter:a/base"]})
    assert edge(own, "a/base").relation_declared == "adapter"


def test_adapter_files_go_before_the_declared_relation() -> None:
    """A card that calls an adapter a finetune keeps that as declared; the relation is what the file shows."""
    result = derived({"adapter_config.json": ADAPTER}, card={"base_model": "a/base", "base_model_relation": "finetune"})
    found = edge(result, "a/base")
    assert (found.relation, found.relation_declared, found.method) == ("adapter", "finetune", "lora")
    assert found.parent_revision == "c" * 40
    assert len(found.evidence) == 3


def test_adapter_of_a_local_path_belongs_to_the_cards_base() -> None:
    """Where PEFT wrote a local path, the card's base is what the adapter belongs to; the path is evidence only."""
    result = derived({"adapter_config.json": '{"base_model_name_or_path": "/data/llama", "peft_type": "LORA"}'},
                     card={"base_model": "a/base"})  # fmt: skip
    assert (edge(result, "a/base").relation, edge(result, "a/base").method) == ("adapter", "lora")
    assert len(result.derivations) == 1
    (unresolvable,) = [e for e in result.evidence if e.parent is None]
    assert (unresolvable.value, unresolvable.unresolvable) == ("/data/llama", "it is a local path")
    assert unresolvable.supports is None


def test_adapter_in_a_folder_does_not_overrule_the_card() -> None:
    """An adapter beside a model is one component: its base is a parent, the card's word on the model stands."""
    result = derived({"lora/adapter_config.json": ADAPTER, "model.safetensors": ""},
                     card={"base_model": ["a/base"], "base_model_relation": "finetune"})  # fmt: skip
    assert edge(result, "a/base").relation == "finetune"
    assert edge(derived({"lora/adapter_config.json": ADAPTER}), "a/base").relation == "adapter"


def test_diffusers_lora_is_an_adapter() -> None:
    """A LoRA that diffusers saved has no config; its file name shows that it is an adapter of the card's base."""
    result = derived({"pytorch_lora_weights.safetensors": ""}, card={"base_model": "a/base"})
    assert (edge(result, "a/base").relation, edge(result, "a/base").method) == ("adapter", "lora")


def test_recipe_gives_a_merge_edge_for_each_model() -> None:
    """A recipe makes each of its models a parent, with the method."""
    result = derived({"mergekit_config.yml": RECIPE})
    assert {(d.parent, d.relation, d.method) for d in result.derivations} == {
        ("a/one", "merge", "slerp"),
        ("a/two", "merge", "slerp"),
    }


def test_recipe_with_local_paths_speaks_of_the_cards_bases() -> None:
    """A recipe of local paths shows a merge; of what, the card says."""
    local = "models: [{model: ./one}, {model: ./two}]\nmerge_method: linear"
    result = derived({"mergekit_config.yml": local}, card={"base_model": ["a/one", "a/two"]})
    assert {(d.parent, d.method) for d in result.derivations} == {("a/one", "linear"), ("a/two", "linear")}
    complete = derived({"mergekit_config.yml": RECIPE}, card={"base_model": "a/other"})
    assert edge(complete, "a/other").relation is None


def test_several_bases_are_a_merge_and_one_is_not() -> None:
    """Several bases without a word are a merge, as the Hub reads them; the same base twice is one."""
    several = derived(card={"base_model": ["a/one", "a/two"]})
    assert [(d.relation, d.relation_declared) for d in several.derivations] == [("merge", None)] * 2
    twice = derived(card={"base_model": ["a/one", "https://hf.co/a/one"], "tags": ["merge"]})
    assert [d.relation for d in twice.derivations] == [None]
    worded = derived(card={"base_model": ["a/one", "a/two"], "base_model_relation": "finetune"})
    assert {d.relation for d in worded.derivations} == {"finetune"}


def test_tags_fill_in_the_method_and_nothing_else() -> None:
    """A tag gives the method of a relation that is known, and no relation."""
    found = edge(derived(card={"base_model": "a/base", "base_model_relation": "adapter", "tags": ["lora"]}), "a/base")
    assert (found.relation, found.method) == ("adapter", "lora")
    bare = edge(derived(card={"base_model": "a/base", "tags": ["lora"]}), "a/base")
    assert (bare.relation, bare.method) == (None, "unknown")
    assert derived(card={"tags": ["lora", "gguf"]}).derivations == ()


def test_name_or_path_alone_is_a_declaration() -> None:
    """What transformers wrote down is a weak word, and a word."""
    result = derived({"config.json": ""}, config={"_name_or_path": "a/base"})
    assert edge(result, "a/base").status == "declared"


def test_declared_self_is_evidence_and_no_edge() -> None:
    """A card that names its own model keeps the finding, with the reason why it makes no edge; a config may do so."""
    result = derived({"config.json": ""}, card={"base_model": "me/child"}, config={"_name_or_path": "me/child"})
    assert result.derivations == ()
    assert {(e.rule, e.unresolvable) for e in result.evidence if e.parent == "me/child"} == {
        ("card.base_model", "it is the model itself"), ("files.name_or_path", None),
    }  # fmt: skip


def test_declared_self_in_other_case_is_no_edge() -> None:
    """A name that differs from the model's own in case only is the model itself, also where the Hub lacks it."""
    result = derived(card={"base_model": "Me/CHILD"}, resolved={"Me/CHILD": ResolvedName("Me/CHILD")})
    assert result.derivations == ()
    assert [(e.parent, e.unresolvable) for e in result.evidence] == [("me/child", "it is the model itself")]


def test_old_names_become_canonical_and_two_names_one_edge() -> None:
    """Names that the Hub answers with one model for make one edge."""
    resolved = {"gpt2": ResolvedName("openai-community/gpt2"), "old/name": ResolvedName("openai-community/gpt2")}
    result = derived(card={"base_model": ["gpt2", "old/name"]}, resolved=resolved)
    assert [d.parent for d in result.derivations] == ["openai-community/gpt2"]
    assert len(result.derivations[0].evidence) == 2


def test_names_that_are_no_model_make_no_node() -> None:
    """A name that the Hub does not know, or that was not looked up, is unresolvable with the reason."""
    result = derived(
        card={"base_model": "llava-v1.5-7b"}, resolved={"llava-v1.5-7b": ResolvedName(None, "no old name")}
    )
    assert result.derivations == ()
    assert [(e.value, e.unresolvable) for e in result.evidence] == [("llava-v1.5-7b", "no old name")]
    snapshot = Snapshot(model="me/child", commit=HEAD, files=(), card={"base_model": "a/base"})
    unasked = derive(ChildFacts("me/child", "me/child", HEAD, declarations(snapshot, lambda _: None)))
    assert unasked.derivations == ()
    assert unasked.evidence[0].unresolvable


def test_unreadable_files_are_reported() -> None:
    """A recipe that cannot be read is a finding about the model, without a parent."""
    (finding,) = derived({"mergekit_config.yml": "models: ["}).evidence
    assert (finding.rule, finding.parent, finding.pointer.file) == ("files.unreadable", None, "mergekit_config.yml")


@pytest.mark.parametrize(
    ("title", "message", "name"),
    [
        ("Duplicate from sahil2801/reflect_v5_70", "", "sahil2801/reflect_v5_70"),
        ("Duplicate from gpt2", "", "gpt2"),
        ("Duplicated from https://huggingface.co/a/b", "", "a/b"),
        ("initial commit", "Duplicated from [a/b](https://huggingface.co/a/b).", "a/b"),
        ("duplicate of model `a/b`", "", "a/b"),
        ("This model is duplicated from a/b", "", "a/b"),
    ],
)
def test_duplicates_say_of_what(title: str, message: str, name: str) -> None:
    """A first commit that says of what it is a copy is understood in the Hub's words and in people's."""
    source = duplicate_source(title, message)
    assert source is not None
    assert source.name == name


@pytest.mark.parametrize(
    "title", ["initial commit", "Remove duplicate from config", "Duplicate of another model", "Duplicate files removed",
              "fix duplicates from a/b"]
)  # fmt: skip
def test_other_titles_are_no_duplicates(title: str) -> None:
    """A title that only has the word in it names no source."""
    assert duplicate_source(title) is None


def test_endless_messages_are_searched_soon() -> None:
    """A message of a million line breaks takes no longer than a short one."""
    assert duplicate_source("initial commit", "\n" * 1_000_000 + "Duplicate from a/base") is None
    assert duplicate_source("*" * 1_000_000) is None


def test_duplicate_is_an_edge_without_relation() -> None:
    """The Hub has no word for a copy: relation null, method `duplicate`, the parent's commit where it is known."""
    first = FirstCommit(ROOT, "Duplicate from a/base")
    result = derived(first=first, resolved={"a/base": ResolvedName("a/base", at_first_commit="d" * 40)})
    found = edge(result, "a/base")
    assert (found.relation, found.method, found.parent_revision) == (None, "duplicate", "d" * 40)
    (finding,) = result.evidence
    assert (finding.pointer.revision, finding.child_revision, finding.value) == (ROOT, HEAD, first.title)


def test_a_declared_relation_goes_before_the_duplicate() -> None:
    """What began as a copy and is called a finetune since is one: weights may have been replaced."""
    first = FirstCommit(ROOT, "Duplicate from a/base")
    found = edge(derived(card={"base_model": "a/base", "base_model_relation": "finetune"}, first=first), "a/base")
    assert (found.relation, found.method) == ("finetune", "unknown")


def moment(day: int) -> datetime:
    """Name a day of one month."""
    return datetime(2024, 5, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("created", "supports"),
    [(moment(9), False), (moment(5), None), (moment(1), None), (FIRST_CREATION_DATE, "no finding")],
)
def test_a_parent_is_not_younger_than_its_child(created: datetime, supports: object) -> None:
    """A parent that came to be after the child's weights has a finding against it, and keeps its declared edge."""
    first = FirstCommit(ROOT, "initial commit", date=moment(5))
    result = derived(
        card={"base_model": "a/base"}, first=first, resolved={"a/base": ResolvedName("a/base", None, created)}
    )
    against = [finding.supports for finding in result.evidence if finding.rule == "history.dates"]
    assert against == ([] if supports == "no finding" else [supports])
    assert len(edge(result, "a/base").evidence) == 1 + len(against)


def test_the_hubs_first_creation_date_says_nothing() -> None:
    """The Hub dates all older repositories with the day on which it began to: a child from before is no surprise."""
    first = FirstCommit(ROOT, "initial commit", date=datetime(2021, 1, 1, tzinfo=UTC))
    result = derived(card={"base_model": "a/base"}, first=first,
                     resolved={"a/base": ResolvedName("a/base", None, FIRST_CREATION_DATE)})  # fmt: skip
    assert rules(result, "a/base") == {"card.base_model"}


def test_names_to_resolve_are_all_and_once() -> None:
    """The Hub is asked for every named parent, the next version, and the source of a duplicate, once each."""
    card = {"base_model": ["gpt2", "gpt2", "/tmp/x"], "new_version": "a/new"}
    snapshot = Snapshot(model="me/child", commit=HEAD, files=(), card=card)
    names = names_to_resolve(declarations(snapshot, lambda _: None), FirstCommit(ROOT, "Duplicate from a/source"))
    assert names == ("gpt2", "a/new", "a/source")


def test_evidence_ids_come_from_content() -> None:
    """The same facts give the same ids, another commit gives others, and ids name their format."""
    card = {"base_model": ["a/one", "a/two"]}
    first, again = derived(card=card), derived(card=card)
    assert first == again
    assert all(finding.id.startswith("evidence.v1:") for finding in first.evidence)
    other = derived(card=card, first=FirstCommit(ROOT, "Duplicate from a/one"))
    assert {e.id for e in first.evidence} < {e.id for e in other.evidence}


def test_evidence_id_is_written_down() -> None:
    """An id once stored stays readable: this one must never change."""
    (finding,) = derived(card={"base_model": "a/base"}).evidence
    assert finding.id == "evidence.v1:371257536f66d203c31596eaf8b538ebab04039b"


def test_compared_weights_are_in_the_id_of_evidence_and_their_score_is_not() -> None:
    """The same comparison has the same id on any machine, whatever the last digits of its score are."""
    (finding,) = derived(card={"base_model": "a/base"}).evidence
    fields = finding.model_dump(exclude={"id"})
    one, other = (make_evidence(**{**fields, "weights_child": "files.v1:1", "score": n}) for n in (0.5, 0.500001))
    assert one.id == other.id == "evidence.v1:93b6063f71c96f2d76cc569cff78e6fa95aac984"
    assert make_evidence(**{**fields, "weights_parent": "files.v1:1"}).id not in (one.id, finding.id)
    assert make_evidence(**{**fields, "score": 0.5}).id == finding.id
