"""What cards, configs and recipes declare."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lineage.hub.declared import Declaration, declarations, read_name
from lineage_schemas.file import FileEntry
from lineage_schemas.snapshot import Snapshot
from tests.support.shared import SHARED, needs_shared


def declared(
    files: Mapping[str, bytes | None] | None = None,
    *,
    card: dict[str, Any] | None = None,
    tags: tuple[str, ...] = (),
    gguf: Mapping[str, Mapping[str, Any]] | None = None,
    **fields: Any,
) -> list[Declaration]:
    """Read the declarations of a repository made of the given files."""
    texts = dict(files or {})
    entries = tuple(FileEntry(path=path) for path in texts)
    snapshot = Snapshot(model="me/child", commit="0" * 40, files=entries, card=card, tags=tags, **fields)
    return list(declarations(snapshot, texts.get, gguf=gguf))


def parents(found: list[Declaration]) -> list[tuple[str, str | None]]:
    """List (field, name) of the declared parents."""
    return [(d.field or "", d.name) for d in found if d.kind == "parent"]


def as_json(value: object) -> bytes:
    """Write a JSON file."""
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("written", "name", "revision"),
    [
        ("org/name", "org/name", None),
        (" m3rg-iitd/matscibert", "m3rg-iitd/matscibert", None),
        ("org/name \n", "org/name", None),
        ("'org/name'", "org/name", None),
        ("gpt2", "gpt2", None),
        ("org/name@v1.0", "org/name", "v1.0"),
        ("https://huggingface.co/org/name", "org/name", None),
        ("https://huggingface.co/org/name/", "org/name", None),
        ("http://www.huggingface.co/org/name", "org/name", None),
        ("https://hf.co/org/name", "org/name", None),
        ("huggingface.co/org/name", "org/name", None),
        ("https://huggingface.co/org/name/tree/v2", "org/name", "v2"),
        ("https://huggingface.co/org/name/blob/refs%2Fpr%2F1/README.md", "org/name", "refs"),
        ("https://huggingface.co/org/name/resolve/abc/model.safetensors?download=true", "org/name", "abc"),
        ("https://huggingface.co/gpt2", "gpt2", None),
        ("https://huggingface.co/gpt2/tree/main", "gpt2", "main"),
        ("hf://org/name", "org/name", None),
    ],
)
def test_names_are_read_as_people_write_them(written: str, name: str, revision: str | None) -> None:
    """A name means the repository that a person would open, whatever stands around it."""
    found = read_name(written)
    assert (found.name, found.revision, found.problem) == (name, revision, None)


@pytest.mark.parametrize(
    "written",
    [
        "/root/models/glm-4-9b-chat",
        "./models/llama-3.2-3b-base",
        "../llama",
        "~/llama",
        "C:\\models\\llama",
        "D:/models/llama",
        "models\\llama",
        "models/base/llama",
        "out/checkpoint-1500",
        "checkpoint-1500",
        "file:///models/llama",
    ],
)
def test_local_paths_are_no_names(written: str) -> None:
    """A path on somebody's machine names no repository."""
    assert read_name(written).name is None
    assert read_name(written).problem == "it is a local path"


@pytest.mark.parametrize(
    "written",
    ["", "   ", "Llama 2 (7B)", "https://github.com/org/name", "https://huggingface.co/datasets/org/name",
     "https://huggingface.co", "s3://bucket/model", "http://[::1", "@", "org/name\x00"],
)  # fmt: skip
def test_what_is_no_id_has_a_reason(written: str) -> None:
    """A text that is no repository id gives no name and says why."""
    found = read_name(written)
    assert found.name is None
    assert found.problem


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_has_a_problem(text: str) -> None:
    """Reading a name never fails, and gives either a name or a reason."""
    found = read_name(text)
    assert (found.name is None) == (found.problem is not None)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("a/b", [("base_model", "a/b")]),
        (["a/b", "c/d"], [("base_model[0]", "a/b"), ("base_model[1]", "c/d")]),
        ("a/b, c/d", [("base_model", "a/b"), ("base_model", "c/d")]),
        ([{"name": "a/b"}, {"model": "c/d", "revision": "x"}], [("base_model[0]", "a/b"), ("base_model[1]", "c/d")]),
        (None, []),
        ([], []),
        ([None, "a/b", ""], [("base_model[1]", "a/b")]),
        ("", []),
        ([["a/b"]], [("base_model[0]", None)]),
        (3.5e300, [("base_model", None)]),
        (float("nan"), [("base_model", "nan")]),
        (True, [("base_model", "True")]),
        ({"weights": 1}, [("base_model", None)]),
    ],
)
def test_card_bases_in_every_form(base: object, expected: list[tuple[str, str | None]]) -> None:
    """The field may hold a name, a list, objects, names with commas or nothing; what is no name is told as such."""
    assert parents(declared(card={"base_model": base})) == expected


def test_card_bases_are_kept_verbatim() -> None:
    """The value is what the publisher wrote, the name what it means."""
    (found,) = declared(card={"base_model": " https://huggingface.co/a/b "})
    assert (found.value, found.name) == (" https://huggingface.co/a/b ", "a/b")
    assert (found.file, found.field, found.rule) == ("README.md", "base_model", "card.base_model")


@pytest.mark.parametrize(
    ("word", "relation"),
    [("adapter", "adapter"), ("Quantized", "quantized"), (["merge"], "merge"), ("distill", None),
     (["merge", "adapter"], None)],
)  # fmt: skip
def test_the_publishers_word_is_kept(word: object, relation: str | None) -> None:
    """`base_model_relation` is the publisher's word, also where it is none of the Hub's."""
    found = [d for d in declared(card={"base_model_relation": word}) if d.kind == "word"]
    assert [(d.relation, d.word) for d in found] == [(relation, True)]


def test_tags_name_parents_only_when_they_say_base_model() -> None:
    """`base_model:…` tags name parents, with the relation they carry; a tag that looks like an id names nobody."""
    tags = ("base_model:a/b", "base_model:quantized:a/b", "a/b", "lora", "region:us", "base_model:https://hf.co/c/d")
    found = declared(card={"tags": ["base_model:adapter:gpt2", "lora"]}, tags=tags)
    assert [(d.kind, d.name, d.relation, d.word, d.file) for d in found] == [
        ("parent", "gpt2", "adapter", True, "README.md"),
        ("hint", None, None, True, "README.md"),
        ("parent", "a/b", None, False, None),
        ("parent", "c/d", None, False, None),
        ("parent", "a/b", "quantized", False, None),
    ]


def test_the_hubs_tags_repeat_the_cards() -> None:
    """A tag that the card has too is told once, as the card's."""
    found = declared(card={"tags": ["gguf"]}, tags=("gguf", "base_model:a/b"))
    assert [(d.kind, d.file) for d in found] == [("hint", "README.md"), ("parent", None)]


def test_new_version_is_no_parent() -> None:
    """A successor is declared, and is not what the model came from."""
    (found,) = declared(card={"new_version": "a/b-v2"})
    assert (found.kind, found.name) == ("new_version", "a/b-v2")


def test_adapter_config_names_base_kind_and_revision() -> None:
    """PEFT's config gives the base with its revision, and the kind of adapter as method."""
    config = {"base_model_name_or_path": "a/b", "peft_type": "LORA", "revision": "c" * 40}
    found = declared({"adapter_config.json": as_json(config)})
    form, base = found
    assert (form.kind, form.relation, form.method) == ("form", "adapter", "lora")
    assert (base.name, base.revision, base.relation, base.method) == ("a/b", "c" * 40, "adapter", "lora")


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


def recipe(text: str) -> list[Declaration]:
    """Read a recipe at the root."""
    return declared({"mergekit_config.yml": text.encode()})


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
    """The quantisation's own name is the method; a format in which models are born tells no relation."""
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
    ("files", "header", "expected"),
    [
        (["m.gguf"], {}, [("quantized", "gguf")]),
        (["m.gguf"], {"general.file_type": 1}, [(None, "conversion")]),
        (["m.gguf"], {"general.file_type": [1]}, [("quantized", "gguf")]),
        (["m.gguf"], {"general.type": "adapter", "general.file_type": 1}, [("adapter", "lora")]),
        (["m.gguf", "model.safetensors"], {}, []),
    ],
)
def test_gguf_files_tell_a_form_where_they_are_the_model(
    files: list[str], header: dict[str, Any], expected: list[tuple[str | None, str]]
) -> None:
    """GGUF files alone are a quantised or converted copy; beside other weights they are one more format."""
    found = declared(dict.fromkeys(files, b""), gguf={"m.gguf": header})
    assert [(d.relation, d.method) for d in found if d.kind == "form"] == expected


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("adapter_config.json", None),
        ("adapter_config.json", b"{"),
        ("adapter_config.json", b"[]"),
        ("adapter_config.json", b"\xff\xfe{}"),
        ("adapter_config.json", b"[" * 100_000),
        ("adapter_config.json", b'{"a": ' + b"9" * 5000 + b"}"),
        ("adapter_config.json", b'{"a": "' + b"x" * 1_000_000 + b'"}'),
        ("config.json", b"{} {}"),
        ("mergekit_config.yml", b"models: ["),
        ("mergekit_config.yml", b"[" * 50_000),
        ("mergekit_config.yml", b"- a"),
        ("mergekit_config.yml", b"d: 2024-99-99"),
        ("mergekit_config.yml", b"? {a: b}\n: c"),
        ("mergekit_config.yml", b"a: !!python/object/apply:os.system [ls]"),
        ("mergekit_config.yml", b"#" * 300_000),
    ],
)
def test_broken_files_are_unreadable_and_nothing_else(path: str, data: bytes | None) -> None:
    """A file that is missing, broken, huge or deep declares nothing, and is told with a reason."""
    (found,) = declared({path: data})
    assert (found.kind, found.file) == ("unreadable", path)
    assert found.problem


def test_what_the_snapshot_could_not_read_is_unreadable() -> None:
    """A card or config that the Hub's reader gave up on is told, and not asked for again."""
    found = declared({"config.json": b"{}"}, unreadable={"README.md": "no YAML", "config.json": "no JSON"})
    assert [(d.file, d.problem) for d in found] == [("README.md", "no YAML"), ("config.json", "no JSON")]


def test_hostile_recipe_ends_soon() -> None:
    """Aliases that unfold to billions of references are followed for a while only."""
    text = "s: &s [" + ",".join(f"{{model: m{n}/x}}" for n in range(2000)) + "]\n"
    text += "p: &p {sources: *s}\nslices: [" + ",".join(["*p"] * 5000) + "]\nbase_model: &l [1]\n"
    assert len(recipe(text)) == 2001


def test_hostile_card_is_cut() -> None:
    """A card with a hundred thousand bases ends in a note, and a list inside itself in a problem."""
    found = declared(card={"base_model": [f"a/m{n}" for n in range(100_000)]})
    assert len(found) == 2001
    assert found[-1].kind == "unreadable"
    loop: list[Any] = []
    loop.append(loop)
    assert parents(declared(card={"base_model": [loop], "tags": loop, "new_version": loop}))[0] == (
        "base_model[0]",
        None,
    )


def test_lone_surrogates_do_not_get_in() -> None:
    """JSON can carry halves of characters that no text may hold."""
    (_, found) = declared({"adapter_config.json": b'{"base_model_name_or_path": "a/\\ud800"}'})
    assert found.value == "a/?"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
card_keys = st.sampled_from(["base_model", "base_model_relation", "tags", "new_version"])
config_keys = st.sampled_from(["_name_or_path", "quantization_config", "quantization", "peft_type", "revision",
                               "base_model_name_or_path", "bits"])  # fmt: skip
recipe_keys = st.sampled_from(["models", "slices", "base_model", "merge_method", "modules", "experts", "name"])
inner_keys = st.sampled_from(["model", "sources", "lora", "path", "revision", "models", "slices", "source_model"])
recipe_values = st.recursive(
    json_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(inner_keys, inner, max_size=3),
    max_leaves=8,
)


@given(
    card=st.dictionaries(card_keys, json_values),
    config=st.dictionaries(config_keys, json_values),
    merge=st.dictionaries(recipe_keys, recipe_values),
    header=st.dictionaries(st.sampled_from(["general.file_type", "general.type", "general.base_model.0.repo_url"]),
                           json_values),
)  # fmt: skip
def test_anything_in_any_field_is_survived(
    card: dict[str, Any], config: dict[str, Any], merge: dict[str, Any], header: dict[str, Any]
) -> None:
    """Whatever stands in the fields, reading ends, and every parent has a name or a problem."""
    names = ("adapter_config.json", "model_index.json", "quantize_config.json")
    files = {
        **dict.fromkeys(names, as_json(config)), "config.json": b"", "m.gguf": b"",
        "mergekit_config.yml": yaml.safe_dump(merge).encode(),
    }  # fmt: skip
    for found in declared(files, card=card, config=config, gguf={"m.gguf": header}):
        if found.kind == "parent":
            assert (found.name is None) == (found.problem is not None)
            assert found.value is not None


@needs_shared
def test_recorded_answers_of_the_hub() -> None:
    """In 1,701 recorded answers every declared base is read: as many by the card's field as by the Hub's tags."""
    counts: Counter[str] = Counter()
    for path in sorted((SHARED / "data" / "api").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            body = json.loads(line)
            found = declared(card=body["cardData"], tags=tuple(body["tags"]))
            by_field = {d.name for d in found if d.rule == "card.base_model"}
            assert by_field == {d.name for d in found if d.rule == "card.tag" and d.kind == "parent"}
            counts.update(d.rule for d in found if d.name)
    assert counts["card.base_model"] == counts["card.tag"] == 687


@needs_shared
def test_recorded_graph_of_bases() -> None:
    """Of all bases that real models name in tags, all but four are ids: two training folders, two with a full stop."""
    with gzip.open(SHARED / "data" / "graph" / "base_model_tags_2024-07.csv.gz", "rt") as file:
        rows = [row["base_models"].split("|") for row in csv.DictReader(file)]
    names = {name for row in rows for name in row}
    problems = {name: read_name(name).problem for name in names if read_name(name).name != name.strip()}
    assert all("/checkpoint-" in name or name.endswith(".") for name in problems)
    assert len(problems) == 4
    assert sum("/" not in name for row in rows for name in row) > 16_000


@needs_shared
def test_recorded_files() -> None:
    """Real configs, recipes and cards give their parents; local paths among them are told as such."""
    counts: Counter[str] = Counter()
    for path in sorted((SHARED / "data" / "configs").iterdir()):
        name = re.search(r"\.([a-z_]+\.(json|ya?ml))$", path.name)
        if name:
            counts.update(d.problem or "named" for d in declared({name[1]: path.read_bytes()}) if d.kind == "parent")
    assert counts["it is a local path"] == 8
    assert counts["named"] >= 25
    for path in sorted((SHARED / "data" / "mergekit").iterdir()):
        assert len(parents(recipe(path.read_text("utf-8")))) >= 2
