"""What configs, recipes and headers declare."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.declared import as_json, declared, parents, recipe


def test_adapter_config_names_base_kind_and_revision() -> None:
    """PEFT's config gives the base with its revision, and the kind of adapter as method."""
    config = {"base_model_name_or_path": "a/b", "peft_type": "LORA", "revision": "c" * 40}
    found = declared({"adapter_config.json": as_json(config)})
    form, base = found
    assert (form.kind, form.relation, form.method) == ("form", "adapter", "lora")
    assert (base.name, base.revision, base.relation, base.method) == ("a/b", "c" * 40, "adapter", "lora")


@pytest.mark.parametrize(("beside", "revision"), [(None, "d" * 40), ("main", "d" * 40), ("c" * 40, "c" * 40)])
def test_the_commit_of_a_cache_path_goes_before_a_branch(beside: str | None, revision: str) -> None:
    """A commit that the config gives beside the path goes first, then the path's; a branch has moved since."""
    path = f"/root/.cache/huggingface/hub/models--a--b/snapshots/{'d' * 40}"
    config = {"base_model_name_or_path": path, "peft_type": "LORA", "revision": beside}
    (base,) = [d for d in declared({"adapter_config.json": as_json(config)}) if d.kind == "parent"]
    assert (base.name, base.revision, base.value) == ("a/b", revision, path)


def test_adapterhub_configs_name_their_base_too() -> None:
    """The older library's file has the base under another field, and no PEFT type."""
    found = declared(
        {"adapter_config.json": as_json({"model_name": "bert-base-uncased", "config": {"mh_adapter": True}})}
    )
    assert [(d.kind, d.name, d.relation, d.method) for d in found] == [
        ("form", None, "adapter", "unknown"),
        ("parent", "bert-base-uncased", "adapter", "unknown"),
    ]


def test_adapters_in_folders_are_read_and_training_checkpoints_are_not() -> None:
    """Component folders hold adapters for use; `checkpoint-…` folders repeat what training left behind."""
    config = as_json({"base_model_name_or_path": "a/b", "peft_type": "IA3"})
    files = {f"{folder}adapter_config.json": config for folder in ("", "3b/", "checkpoint-10/", "run/checkpoint-20/")}
    assert {d.file for d in declared(files)} == {"adapter_config.json", "3b/adapter_config.json"}


def test_recipe_models_slices_and_base_are_parents() -> None:
    """Models, slices' sources and the base of a merge are parents, each once, with the method."""
    found = recipe("models: [{model: a/b}, {model: c/d}]\nmerge_method: ties\nbase_model: e/f\ntokenizer_source: g/h")
    assert parents(found) == [("models[0].model", "a/b"), ("models[1].model", "c/d"), ("base_model", "e/f")]
    assert {(d.relation, d.method) for d in found} == {("merge", "ties")}
    sliced = recipe("slices: [{sources: [{model: a/b, layer_range: [0, 4]}, {model: c/d}]}]\nmerge_method: slerp\n"
                    "base_model: a/b")  # fmt: skip
    assert parents(sliced) == [("slices[0].sources[0].model", "a/b"), ("slices[0].sources[1].model", "c/d")]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("a/b@v1+c/d", [("a/b", "v1", "lora_merge"), ("c/d", None, "lora_merge")]),
        ("{model: a/b, lora: c/d}", [("a/b", None, "lora_merge"), ("c/d", None, "lora_merge")]),
        (
            "{model: {path: a/b, revision: r1}, lora: {path: c/d}}",
            [("a/b", "r1", "lora_merge"), ("c/d", None, "lora_merge")],
        ),
        ("{path: a/b, revision: r1}", [("a/b", "r1", "linear")]),
        ("a/b", [("a/b", None, "linear")]),
        ("./here", [(None, None, "linear")]),
        ("7", []),
        ("[a/b]", []),
    ],
)
def test_recipe_references_in_every_form(reference: str, expected: list[tuple[str | None, str | None, str]]) -> None:
    """A reference is text or an object, with revision and LoRA; a merged LoRA makes base and adapter parents."""
    found = recipe(f"models:\n- model: {reference}\nmerge_method: linear")
    assert [(d.name, d.revision, d.method) for d in found if d.kind == "parent"] == expected


@pytest.mark.parametrize(
    ("written", "method"),
    [("dare_ties", "dare"), ("passthrough", "stack"), ("model_stock", "model_stock"), ("SLERP", "slerp")],
)
def test_merge_methods_are_our_words_or_pass_through(written: str, method: str) -> None:
    """mergekit's method becomes ours where they differ in name, and stands as it is where we have none."""
    assert recipe(f"merge_method: {written}")[0].method == method


def test_chained_recipes_name_their_own_parts() -> None:
    """In a file of several merges the name of one of them is no model."""
    text = "name: step\nmodels: [{model: a/b}]\nmerge_method: linear\n---\nmodels: [{model: step}, {model: c/d}]\n"
    assert [name for _, name in parents(recipe(text + "merge_method: ties"))] == ["a/b", "c/d"]


def test_recipe_of_experts_and_modules() -> None:
    """A mixture names its experts, a merge of several modules the models of each."""
    found = declared({"mergekit_moe_config.yml": b"base_model: a/b\nexperts: [{source_model: c/d}]"})
    assert [(d.name, d.method) for d in found if d.kind == "parent"] == [("c/d", "moe"), ("a/b", "moe")]
    modules = recipe("modules: {text: {models: [{model: a/b}]}, vision: {slices: [{sources: [{model: c/d}]}]}}\n"
                     "merge_method: linear")  # fmt: skip
    assert parents(modules) == [
        ("modules.text.models[0].model", "a/b"),
        ("modules.vision.slices[0].sources[0].model", "c/d"),
    ]


@pytest.mark.parametrize(
    ("config", "method", "relation"),
    [
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "gptq", "quantized"),
        ({"quantization_config": {"quant_method": "bitsandbytes_4bit"}}, "bitsandbytes", "quantized"),
        ({"quantization_config": {"load_in_8bit": True}}, "bitsandbytes", "quantized"),
        ({"quantization_config": {"quant_method": "compressed-tensors"}}, "compressed-tensors", "quantized"),
        ({"quantization_config": {"quant_method": "mxfp4"}}, "mxfp4", None),
        ({"quantization_config": {"bits": 4}, "quantization": {"bits": 4}}, "mlx", "quantized"),
        ({"quantization": {"group_size": 64, "bits": 4}}, "mlx", "quantized"),
        ({"quantization_config": {"bits": 4}}, "unknown", "quantized"),
    ],
)
def test_quantisation_configs(config: dict[str, Any], method: str, relation: str | None) -> None:
    """The quantisation's own name is the method; a format in which models are published first gives no relation."""
    (found,) = declared({"config.json": b""}, config=config)
    assert (found.kind, found.method, found.relation) == ("form", method, relation)


def test_quantize_config_files() -> None:
    """AutoGPTQ's and AutoAWQ's files tell a quantisation; transformers.js's file of the same name does not."""
    assert declared({"quantize_config.json": as_json({"bits": 4, "group_size": 128})})[0].method == "gptq"
    assert declared({"quant_config.json": as_json({"w_bit": 4, "zero_point": True})})[0].method == "awq"
    assert declared({"quantize_config.json": as_json({"per_channel": True, "reduce_range": True})}) == []


def test_name_or_path_is_read_where_it_says_something() -> None:
    """`_name_or_path` names what was loaded; an empty one says nothing."""
    (found,) = declared({"config.json": b""}, config={"_name_or_path": "a/b"})
    assert (found.rule, found.name) == ("files.name_or_path", "a/b")
    assert declared({"config.json": b""}, config={"_name_or_path": ""}) == []
    (pipeline,) = declared({"model_index.json": as_json({"_name_or_path": "c/d"})})
    assert (pipeline.name, pipeline.file) == ("c/d", "model_index.json")


def test_gguf_headers_name_bases_by_address() -> None:
    """A GGUF header's addresses name parents, each once over all files; titles and home pages do not."""
    keys = {
        "general.base_model.count": 1,
        "general.base_model.0.name": "Some Model",
        "general.base_model.0.repo_url": "https://huggingface.co/a/b",
        "general.source.url": "https://example.org/b",
        "general.file_type": 7,
    }
    found = declared({"m-Q8_0.gguf": b"", "m-F16.gguf": b""}, gguf={
        "m-Q8_0.gguf": keys, "m-F16.gguf": {**keys, "general.file_type": 1},
    })  # fmt: skip
    assert [(d.kind, d.name, d.relation, d.method) for d in found] == [
        ("form", None, "quantized", "gguf"),
        ("parent", "a/b", None, None),
    ]


@pytest.mark.parametrize(
    ("files", "header", "types", "expected"),
    [
        (["m.gguf"], {}, None, [(None, "gguf")]),
        (["m.gguf"], {"general.architecture": "flux"}, ["F16", "F32"], [(None, "conversion")]),
        (["m.gguf"], {"general.architecture": "flux"}, ["F32", "Q4_K"], [("quantized", "gguf")]),
        (["m.gguf"], {"general.architecture": "flux"}, ["F32", "TYPE_99"], [(None, "gguf")]),
        (["m.gguf"], {"general.file_type": 1}, None, [(None, "conversion")]),
        (["m.gguf"], {"general.file_type": 1}, ["F32", "Q8_0"], [("quantized", "gguf")]),
        (["m.gguf"], {"general.file_type": 7}, ["BF16", "I32"], [(None, "conversion")]),
        (["m.gguf"], {"general.file_type": 7}, ["F32", "TYPE_99"], [("quantized", "gguf")]),
        (["m.gguf"], {"general.file_type": 7}, None, [("quantized", "gguf")]),
        (["m.gguf"], {"general.file_type": [1]}, None, [(None, "gguf")]),
        (["m.gguf"], {"general.type": "adapter", "general.file_type": 1}, None, [("adapter", "lora")]),
        (["m.gguf"], {"adapter.type": "lora"}, None, [("adapter", "lora")]),
        (["m.gguf"], {"general.type": "imatrix"}, None, []),
        (["m.gguf", "model.safetensors"], {}, None, []),
        (["m-imatrix.gguf"], {}, None, []),
        (["m-Q8_0-imatrix.gguf"], {}, None, [(None, "gguf")]),
        (["mmproj-m.gguf"], {}, None, []),
        (["m.gguf", "m-imatrix.gguf"], {"general.file_type": 1}, None, [(None, "conversion")]),
        (["m.gguf", "m-00002-of-00003.gguf"], {"general.file_type": 1}, None, [(None, "conversion")]),
        (["m.gguf", "other.gguf"], {"general.file_type": 1}, None, [(None, "gguf")]),
        (["m.gguf", "other.gguf"], {"general.file_type": 7}, None, [("quantized", "gguf")]),
    ],
)
def test_gguf_files_tell_a_form_where_they_are_the_model(
    files: list[str], header: dict[str, Any], types: list[str] | None, expected: list[tuple[str | None, str]]
) -> None:
    """GGUF files alone are a quantised or converted copy, as their tensors show, else their file type, else nothing."""
    found = declared(dict.fromkeys(files, b""), gguf={"m.gguf": header}, types={"m.gguf": types} if types else None)
    assert [(d.relation, d.method) for d in found if d.kind == "form"] == expected


@pytest.mark.parametrize(
    ("config", "bits"),
    [
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, 4),
        ({"quantization_config": {"load_in_8bit": True}}, 8),
        ({"quantization": {"bits": 3}}, 3),
        ({"quantization_config": {"quant_method": "compressed-tensors",
                                  "config_groups": {"group_0": {"weights": {"num_bits": 4}}}}}, 4),
        ({"quantization_config": {"quant_method": "compressed-tensors",
                                  "config_groups": {"a": {"weights": {"num_bits": 4}}, "b": None,
                                                    "c": {"weights": {"num_bits": 8}}}}}, None),
        ({"quantization_config": {"quant_method": "fp8"}}, None),
        ({"quantization_config": {"quant_method": "gptq", "bits": 2**63}}, None),
        ({"quantization_config": {"quant_method": "gptq", "bits": -(10**400)}}, None),
        ({"quantization_config": {"quant_method": "compressed-tensors",
                                  "config_groups": {"a": {"weights": {"num_bits": 10**30}}}}}, None),
    ],
)  # fmt: skip
def test_the_bits_of_a_quantisation_are_read(config: dict[str, Any], bits: int | None) -> None:
    """A copy of a quantisation has the same number of bits as its parent; where layers differ there is none."""
    (found,) = declared({"config.json": b""}, config=config)
    assert found.bits == bits


@pytest.mark.parametrize(
    ("path", "text", "quoted"),
    [
        ("adapter_config.json", '{"model_name": "a/b", "peft_type": "LORA", "model_name": "c/d"}', "“a/b” and “c/d”"),
        ("mergekit_config.yml", "merge_method: ties\nbase_model: a/b\nmodels: [{model: e/f}]\nbase_model: c/d\n",
         "“a/b” and “c/d”"),
        ("mergekit_config.yml", "merge_method: ties\nmodels: [{model: a/b, model: c/d}]\n", "“a/b” and “c/d”"),
        ("mergekit_config.yml", "models: [{model: a/b}]\n---\nmodels: []\nmodels: [{model: c/d}]\n", "the key models"),
        ("config.json", '{"_name_or_path": "a/b", "_name_or_path": "c/d"}', "“a/b” and “c/d”"),
        ("quantize_config.json", '{"bits": 4, "bits": 8}', "the key bits"),
    ],
)  # fmt: skip
def test_a_key_that_occurs_twice_makes_a_file_unreadable(path: str, text: str, quoted: str) -> None:
    """Of two values of one key none is taken for what the file declares; the reason quotes both."""
    (found,) = declared({path: text.encode()})
    assert (found.kind, found.file) == ("unreadable", path)
    assert "occurs twice" in (found.problem or "")
    assert quoted in (found.problem or "")
