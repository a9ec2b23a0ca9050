"""Unusual declarations, traced through a directory Hub and the client's cache."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.report.render import render
from lineage.report.text import Document, plain
from lineage_schemas.answers.trace import TraceAnswer, TracedDerivation

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write(hub: Path, model: str, files: Mapping[str, object]) -> None:
    """Write a model's folder: bytes and texts unchanged, everything else as JSON."""
    for path, content in files.items():
        place = hub / model / path
        place.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())


def card(front_matter: str) -> str:
    """Write a card with a metadata block."""
    return f"---\n{front_matter}\n---\n# A model\n"


def traced(hub: Path, model: str, *, down: bool = False) -> TraceAnswer:
    """Trace one model in a new store."""
    with Session(hub_selector=str(hub), store_url="memory:") as session:
        return trace(session, model, down=down)


def parents(answer: TraceAnswer) -> dict[str, TracedDerivation]:
    """Return the edges of the answer's root by parent."""
    return {edge.parent: edge for edge in answer.derivations if edge.child == answer.root}


def test_paths_into_the_clients_cache_are_parents(tmp_path: Path) -> None:
    """An adapter, a full model and a recipe that were made from a cached snapshot name its model and its commit."""
    path = f"/home/me/.cache/huggingface/hub/models--lab--base/snapshots/{COMMIT}"
    write(tmp_path, "lab/base", {"README.md": card("license: mit")})
    write(tmp_path, "lab/other", {"README.md": card("license: mit")})
    write(tmp_path, "me/lora", {"adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": path}})
    write(tmp_path, "me/full", {"config.json": {"_name_or_path": f"{path}/"}})
    windows = path.replace("/home/me", "D:").replace("/", "\\")
    write(tmp_path, "me/merge", {"mergekit_config.yml": f"merge_method: slerp\nmodels:\n- model: {windows}\n"
                                                        "- model: lab/other\n"})  # fmt: skip
    for model, relation in (("me/lora", "adapter"), ("me/full", None), ("me/merge", "merge")):
        answer = traced(tmp_path, model)
        edge = parents(answer)["lab/base"]
        assert (edge.relation, edge.parent_revision) == (relation, COMMIT)
        assert answer.unresolvable == ()


def test_what_cannot_be_read_for_certain_is_incomplete(tmp_path: Path) -> None:
    """A card whose block never ends, or with two bases under one key, makes the answer incomplete, with the reason."""
    write(tmp_path, "me/open", {"README.md": "---\nbase_model: lab/base\n\n# A model\n"})
    write(tmp_path, "me/twice", {"README.md": card("base_model: lab/base\nbase_model: lab/other\nlicense: mit")})
    for model, reason in (("me/open", "never ends"), ("me/twice", "“lab/base” and “lab/other”")):
        answer = traced(tmp_path, model)
        (incomplete,) = answer.incomplete
        assert (incomplete.model, incomplete.reason) == (model, "error")
        assert reason in (incomplete.detail or "")
        assert answer.derivations == ()
    assert traced(tmp_path, "me/twice").models[0].licence == "mit"


def rules(edge: TracedDerivation) -> dict[str, str | None]:
    """Return the values of an edge's evidence by rule."""
    return {evidence.rule: evidence.value for evidence in edge.evidence}


def test_old_bare_names_are_known_where_the_hub_cannot_be_asked(tmp_path: Path) -> None:
    """In a directory the table resolves old names, even to a model in the directory; the evidence says so."""
    write(tmp_path, "google-bert/bert-base-uncased", {"README.md": card("license: apache-2.0")})
    write(tmp_path, "me/tuned", {"README.md": card("base_model: bert-base-uncased")})
    write(tmp_path, "me/other", {"README.md": card("base_model: [gpt2, no-old-name]")})
    edge = parents(traced(tmp_path, "me/tuned"))["google-bert/bert-base-uncased"]
    assert rules(edge)["card.base_model"] == "bert-base-uncased"
    assert "by the table of old names, hub-base-model-tags 2024-07" in (rules(edge)["name.legacy"] or "")
    other = traced(tmp_path, "me/other")
    assert list(parents(other)) == ["openai-community/gpt2"]
    assert [each.value for each in other.unresolvable] == ["no-old-name"]
    assert [(model.id, model.state) for model in other.models][1:] == [("openai-community/gpt2", "missing")]


def test_an_old_name_finds_its_model_and_its_children(tmp_path: Path) -> None:
    """A model in a directory is found by its old name, and so are the children that use that name."""
    write(tmp_path, "openai-community/gpt2", {"README.md": card("license: mit")})
    write(tmp_path, "me/tuned", {"README.md": card("base_model: gpt2")})
    assert traced(tmp_path, "gpt2").root == "openai-community/gpt2"
    down = traced(tmp_path, "openai-community/gpt2", down=True)
    assert [edge.child for edge in down.derivations] == ["me/tuned"]


def test_what_a_directory_holds_goes_before_the_table(tmp_path: Path) -> None:
    """A model at the root of a directory, and its `aliases.json`, decide what a bare name means there."""
    write(tmp_path, "gpt2", {"README.md": card("license: mit")})
    write(tmp_path, "lab/bert", {"README.md": card("license: mit")})
    (tmp_path / "aliases.json").write_text('{"bert-base-cased": "lab/bert"}')
    write(tmp_path, "me/tuned", {"README.md": card("base_model: [gpt2, bert-base-cased]")})
    found = parents(traced(tmp_path, "me/tuned"))
    assert list(found) == ["gpt2", "lab/bert"]
    assert all("name.legacy" not in rules(edge) for edge in found.values())


def test_a_base_in_other_case_is_the_model_that_is_there(tmp_path: Path) -> None:
    """A directory finds the one model whose id differs only in case, up and down; of two such models, none."""
    write(tmp_path, "lab/Base-1B", {"README.md": card("license: mit")})
    write(tmp_path, "kid/a", {"README.md": card("base_model: LAB/base-1b")})
    write(tmp_path, "kid/b", {"README.md": card("base_model: https://huggingface.co/lab/BASE-1B")})
    answer = traced(tmp_path, "kid/a")
    assert list(parents(answer)) == ["lab/Base-1B"]
    assert answer.incomplete == ()
    down = traced(tmp_path, "lab/base-1B", down=True)
    assert (down.root, [edge.child for edge in down.derivations]) == ("lab/Base-1B", ["kid/a", "kid/b"])
    write(tmp_path, "Lab/base-1b", {"README.md": card("license: mit")})
    assert list(parents(traced(tmp_path, "kid/a"))) == ["LAB/base-1b"]


def test_a_model_that_names_itself_in_other_case_is_itself(tmp_path: Path) -> None:
    """The finding is kept, with the reason why it creates neither an edge nor another model."""
    write(tmp_path, "Form/Self", {"README.md": card("base_model: form/SELF")})
    answer = traced(tmp_path, "Form/Self")
    assert answer.derivations == ()
    assert [(each.value, each.reason) for each in answer.unresolvable] == [("form/SELF", "it is the model itself")]
    assert [model.id for model in answer.models] == ["Form/Self"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": None}}, "an adapter"),
        ({"adapter_config.json": {"peft_type": "LORA"}, "README.md": card("library_name: peft")}, "an adapter"),
        ({"pytorch_lora_weights.safetensors": b"", "README.md": card("license: mit")}, "an adapter"),
        ({"mergekit_config.yml": "merge_method: slerp\n"}, "a merge"),
        ({"en/adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": ""}}, "an adapter"),
    ],
)
def test_adapters_and_merges_without_a_named_base_are_not_from_scratch(
    tmp_path: Path, files: dict[str, object], reason: str
) -> None:
    """For a model that its files show to be an adapter or a merge, the answer says that its parents are not named."""
    write(tmp_path, "me/model", files)
    answer = traced(tmp_path, "me/model")
    assert answer.derivations == ()
    assert [each.value for each in answer.unresolvable] == [""]
    assert answer.unresolvable[0].reason.startswith(f"{reason}; ")
    text = "\n".join(plain(cast("Document", render(answer, "tree"))).splitlines())
    assert "not named" in text
    assert "scratch" not in text
    assert "no repository" not in text
    assert "not named" in str(render(answer, "markdown"))


def test_adapters_in_sub_folders_are_a_model(tmp_path: Path) -> None:
    """A repository that holds its adapters in folders, such as one for each language, is a model with their base."""
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "lab/base"}
    write(tmp_path, "lab/base", {"README.md": card("license: mit")})
    write(tmp_path, "me/adapters", {f"{folder}/adapter_config.json": adapter for folder in ("en", "de/v2")})
    edge = parents(traced(tmp_path, "me/adapters"))["lab/base"]
    assert edge.relation == "adapter"
    assert list(parents(traced(tmp_path, str(tmp_path / "me" / "adapters")))) == ["lab/base"]
