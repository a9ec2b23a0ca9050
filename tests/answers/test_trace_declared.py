"""Unusual declarations, traced through a directory Hub and the client's cache."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.report.render import render
from lineage.report.text import Document, plain
from lineage_schemas.answers.trace import TraceAnswer, TracedDerivation
from tests.support.weight_files import gguf_bytes, gguf_text, safetensors_bytes

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
    assert rules(edge)["name.legacy"] == "by the table of old names, 2024-07, hub-base-model-tags"
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


def tensors(*types: tuple[str, int]) -> bytes:
    """Write a safetensors file with one square weight of each type, given with the bytes of one element."""
    return safetensors_bytes(
        {f"layers.{number}.weight": (dtype, (4, 4), bytes(16 * width)) for number, (dtype, width) in enumerate(types)}
    )


BF16, FP8, PACKED = (
    tensors(("BF16", 2), ("F32", 4)),
    tensors(("BF16", 2), ("F8_E4M3", 1)),
    tensors(("F16", 2), ("I32", 4)),
)


def quantised(method: str, **more: object) -> dict[str, object]:
    """Write a config with a quantisation."""
    return {"model_type": "llama", "quantization_config": {"quant_method": method, **more}}


@pytest.fixture
def forms(tmp_path: Path) -> Path:
    """Make a Hub of parents and children whose configs declare quantisations, right and wrong.

    No two have the same weights: equal ones would be copies, whatever the configs declare.
    """
    base = card("license: mit")
    write(tmp_path, "lab/plain", {"README.md": base, "config.json": {"model_type": "llama"}, "model.safetensors": BF16})
    write(tmp_path, "lab/born", {"README.md": base, "config.json": quantised("fp8"), "model.safetensors": FP8})
    other = {"config.json": quantised("gptq"), "model.safetensors": BF16[:-1] + b"l"}
    write(tmp_path, "lab/leftover", {"README.md": base, **other})
    write(tmp_path, "lab/packs", {"README.md": base, "m-Q4_0.gguf": gguf_bytes([FILE_TYPE_Q4])})
    children = {
        "kid/tuned": ("lab/born", quantised("fp8"), FP8),
        "kid/merged": ("lab/plain", quantised("bitsandbytes"), BF16),
        "kid/fp8": ("lab/plain", quantised("fp8"), FP8),
        "kid/awq": ("lab/born", quantised("awq", bits=4), PACKED),
        "kid/gptq": ("lab/leftover", quantised("gptq", bits=4), PACKED),
        "kid/orphan": ("gone/away", quantised("fp8"), FP8),
    }
    for model, (parent, config, weights) in children.items():
        write(tmp_path, model, {"README.md": card(f"base_model: {parent}"), "config.json": config,
                                "model.safetensors": weights[:-1] + model[-1:].encode()})  # fmt: skip
    repacked = gguf_bytes([FILE_TYPE_Q4, ("general.name", 8, gguf_text("repacked"))])
    write(tmp_path, "kid/repacked", {"README.md": card("base_model: lab/packs"), "m.gguf": repacked})
    write(tmp_path, "kid/packed", {"README.md": card("base_model: lab/plain"), "m.gguf": gguf_bytes([FILE_TYPE_Q4])})
    return tmp_path


FILE_TYPE_Q4 = ("general.file_type", 4, (2).to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("model", "relation", "method"),
    [
        ("kid/tuned", None, "unknown"),
        ("kid/merged", None, "unknown"),
        ("kid/fp8", "quantized", "fp8"),
        ("kid/awq", "quantized", "awq"),
        ("kid/gptq", "quantized", "gptq"),
        ("kid/orphan", None, "unknown"),
        ("kid/repacked", None, "unknown"),
        ("kid/packed", "quantized", "gguf"),
    ],
)
def test_a_form_is_a_relation_only_where_the_parent_lacks_it(
    forms: Path, model: str, relation: str | None, method: str
) -> None:
    """Configs that were inherited, left over or not verified make no quantisation; low types of a plain parent do."""
    (edge,) = parents(traced(forms, model)).values()
    assert (edge.relation, edge.method) == (relation, method)


def test_the_order_of_collection_makes_no_difference_to_forms(forms: Path) -> None:
    """Child first or parent first, one by one: the same edges with the same evidence."""
    models = ["kid/tuned", "kid/fp8", "kid/gptq", "lab/born", "lab/plain", "lab/leftover"]
    found = []
    for order in (models, models[::-1]):
        with Session(hub_selector=str(forms), store_url="memory:") as session:
            for model in order:
                collect(session, [model], depth=0)
            found.append([trace(session, model).derivations for model in models])
    assert found[0] == found[1]
    assert [edge.relation for (edge,) in found[0][:3]] == [None, "quantized", "quantized"]


def test_the_parents_form_is_shown_as_evidence(forms: Path) -> None:
    """The finding points into the parent's file at the commit that was read, and the tree says whose file it is."""
    answer = traced(forms, "kid/tuned")
    (edge,) = parents(answer).values()
    (finding,) = [evidence for evidence in edge.evidence if evidence.rule == "files.parent_form"]
    assert (finding.pointer.model, finding.pointer.file, finding.value) == ("lab/born", "config.json", "fp8")
    assert "config.json of lab/born" in plain(cast("Document", render(answer, "tree")))
    assert "of `lab/born`" in str(render(answer, "markdown"))
