"""Targets of what repositories say of themselves: cards, YAML, configs, recipes and licences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from lineage.hub.bounds import MAX_NUMBER_CHARACTERS, BoundError
from lineage.hub.card import parse_yaml_mapping, read_card
from lineage.hub.declared.declaration import read_name
from lineage.hub.declared.reading import MAX_DECLARATIONS, declarations
from lineage.hub.json_text import parse_json_object
from lineage.hub.target import repository_id_problem
from lineage.hub.yaml_text import YamlError, read_yaml
from lineage.licences.parse import MAX_LICENCES, Licences, parse
from lineage.versioning.texts import new_lines
from lineage.versioning.words import (
    announced_version,
    describes_change,
    describes_weights,
    is_training_title,
    name_version,
)
from lineage_schemas.file import FileEntry
from lineage_schemas.snapshot import Snapshot
from tests.fuzz.target import Target, as_json, plain

METADATA = (
    b"license: apache-2.0\nlicense_name: own\nbase_model:\n- org/base\n- other/base@main\nbase_model_relation: merge\n"
    b"tags: [a, base_model:quantized:org/x]\nnew_version: org/next\n"
    b"model-index:\n- name: m\n  results: [{value: 0.5}]\n",
    b"base_model: !!int ''\na: !!float x\nb: !!timestamp 2024-13-01\nc: 2024-01-01\nd: 1:30:00\ne: 0x1F\nf: .nan\n",
    b"x: &a {k: &b [1, 2]}\ny: {<<: *a, z: *b}\nz: [*a, *b]\nset: !!set {a, b}\nbin: !!binary aGk=\n? [k]\n: v\n",
    b"a: 1\na: 2\nb: {c: 1, c: [x]}\n---\nd: 3\n",
)  # fmt: skip


def _with_json_types(value: Any) -> Any:
    """See that a value has the types of JSON, and numbers of bounded length, and give it back."""
    waiting, seen = [value], set()
    while waiting:
        item = waiting.pop()
        assert item is None or isinstance(item, bool | int | float | str | list | dict)
        if isinstance(item, float):
            json.dumps(item, allow_nan=False)
        if isinstance(item, list | dict) and id(item) not in seen:
            seen.add(id(item))
            assert all(isinstance(key, str) for key in item) or isinstance(item, list)
            waiting += item.values() if isinstance(item, dict) else item
    return value


def _read_card(data: bytes) -> object:
    text, metadata, problem = read_card(data)
    assert text is not None or problem
    return [text, _with_json_types(metadata), problem]


def _card_seeds() -> Iterator[bytes]:
    for metadata in METADATA:
        yield b"---\n" + metadata + b"---\n# A model\nText with caf\xc3\xa9.\n"
    yield b"# No metadata\n---\nprose\n"
    yield b"\xef\xbb\xbf---\r\nlicense: mit\r\n---\r\nlatin \xe9\n"


def _read_yaml(data: bytes) -> object:
    text = data.decode(errors="replace")
    mapping, problem = parse_yaml_mapping(text)
    documents = read_yaml(text, unfold=False)
    for document in documents:
        _with_json_types(document.value)
    return [_with_json_types(mapping), problem, documents]


def _read_json(data: bytes) -> object:
    value, problem = parse_json_object(data)
    assert (value is None) != (problem is None)
    return [_with_json_types(value), problem]


def _json_seeds() -> Iterator[bytes]:
    yield as_json({
        "model_type": "llama", "_name_or_path": "org/base", "architectures": ["LlamaForCausalLM"], "rope": {"a": 1.5},
        "quantization_config": {"quant_method": "gptq", "bits": 4,
                                "config_groups": {"g": {"weights": {"num_bits": 8}}}},
        "torch_dtype": None, "tie_word_embeddings": True, "vocab_size": 32000,
    })  # fmt: skip
    yield b'{"a": NaN, "b": -Infinity, "c": "\\ud83d\\ude00", "d": "\\ud800", "e": 1e400}'
    yield b'{"a": 1, "b": {"a": 1, "a": 2}}'
    yield as_json({"base_model_name_or_path": "org/base", "revision": "main", "peft_type": "LORA", "r": 8, "bits": 4})
    yield as_json({"general.type": "model", "general.base_model.0.repo_url": "https://huggingface.co/org/base",
                   "general.file_type": 15, "general.base_model.count": 1})  # fmt: skip


RECIPES = (
    b"merge_method: dare_ties\nbase_model: org/base\nmodels:\n- model: org/a+org/lora\n  parameters: {weight: 0.5}\n"
    b"- model: {model: {path: org/b, revision: main}, lora: org/l}\ndtype: bfloat16\n",
    b"slices:\n- sources:\n  - {model: org/a, layer_range: [0, 16]}\n  - {model: org/b@v1, layer_range: [16, 32]}\n"
    b"  base_model: org/c\nmerge_method: passthrough\n---\nname: second\nmodels: [{model: first}]\n",
    b"base_model: org/a\nexperts: [{source_model: org/b}]\nshared_experts: [{source_model: org/c}]\n"
    b"modules: {text: {models: [{model: org/d}], slices: []}}\n",
)


def _declare(path: str, data: bytes) -> object:
    """Read the declarations of a repository that has one hostile file, and a hostile card if the file is one."""
    card = parse_yaml_mapping(data.decode(errors="replace"))[0] if path == "README.md" else None
    values = parse_json_object(data)[0] or {}
    tags = tuple(str(tag) for tag in card.get("tags") or () if isinstance(tag, str)) if card else ()
    gguf = path.endswith(".gguf")
    snapshot = Snapshot(model="me/child", commit="0" * 40, files=(FileEntry(path=path),), card=card, tags=tags)
    found = declarations(snapshot, lambda _: data, gguf={path: values} if gguf else None)
    assert len(found) <= MAX_DECLARATIONS + 1
    for each in found:
        assert each.name is None or repository_id_problem(each.name) is None
        assert each.kind != "parent" or (each.name is None) != (each.problem is None)
    return found


_DECLARING = (
    "README.md", "adapter_config.json", "config.json", "model_index.json", "quantize_config.json", "quant_config.json",
    "a.gguf", "mergekit_config.yml", "mergekit_moe_config.yaml",
)  # fmt: skip


def _read_declared(data: bytes) -> object:
    """Read the file of every name that declares something; equal bytes mean another thing in each."""
    return [_declare(path, data) for path in _DECLARING]


def _declared_seeds() -> Iterator[bytes]:
    yield from _json_seeds()
    yield from METADATA


def _read_names(data: bytes) -> object:
    text = data.decode(errors="replace")
    found = read_name(text)
    assert (found.name is None) == (found.problem is not None)
    return found


def _name_seeds() -> Iterator[bytes]:
    yield from (
        b"org/name@main", b"'org/name'", b"https://huggingface.co/org/name/tree/refs%2Fpr%2F1/a", b"hf.co/org/name",
        b"/root/.cache/models--org--name/snapshots/" + b"a" * 40, b"hf://models/org/name", b"./checkpoint-500",
        b"https://[::1/org/name", b"C:\\models\\x",
    )  # fmt: skip


def _read_licence(data: bytes) -> object:
    """Read a licence as a text, and as what a card can hold: a list, a name, a link."""
    text = data.decode(errors="replace")
    value, _ = parse_json_object(data)
    cards: list[Any] = [(text,), (text.split("\n"),), ("other", text, text)]
    if value is not None:
        cards.append(tuple(value.get(key) for key in ("license", "license_name", "license_link")))
    return [_bounded(parse(*card)) for card in cards]


def _bounded(found: Licences) -> Licences:
    assert len(found.ids) <= MAX_LICENCES
    assert len(found.text or "") <= 1_000 + 250 * MAX_LICENCES
    return found


def _licence_seeds() -> Iterator[bytes]:
    yield from (
        b"apache-2.0", b"MIT OR (Apache-2.0 AND GPL-2.0-or-later WITH Classpath-exception-2.0)",
        b"mit, cc-by-4.0\nother",
        b"Llama 3.1 Community License", b"https://www.apache.org/licenses/LICENSE-2.0", b"((((mit) or mit) or mit))",
        as_json({"license": ["mit", "other"], "license_name": "llama3", "license_link": "LICENSE"}),
        as_json({"license": 5}), b"GPL v2 or any later version",
    )  # fmt: skip


def _read_words(data: bytes) -> object:
    """Look for versions and descriptions in a title, a message or a changelog."""
    text = data.decode(errors="replace")
    lines = new_lines("known", text, changelog=False) + new_lines("", text, changelog=True)
    searched = (announced_version, describes_change, describes_weights, is_training_title, name_version)
    return [lines, *(search(text) for search in searched)]


def _word_seeds() -> Iterator[bytes]:
    yield from (
        b"Release v1.2.3-rc1 (#12)", b"Upload model.safetensors with huggingface_hub",
        b"Training in progress, step 500",
        b"# Changelog\n## v2.0 (2024-01-01)\n- retrained the weights on 2T tokens\n```\ncode 1.0\n```\n| a | 1 |\n",
        b"Fix the tokenizer, weights are unchanged; see https://example.org/v1.0/x", b"org/model-v2.5-7b-2024-05-13",
    )  # fmt: skip


_KEYS = (b"base_model: ", b"license: ", b"model: ", b"models: ", b"- ", b"path: ", b'"base_model_name_or_path": ',
         b'"_name_or_path": ', b'"quantization_config": ', b"org/name", b"org/name@" + b"a" * 40, b"!!set ",
         b"!!binary ", b"!!timestamp ", b"1:1:1", b"0x", b"0o17", b"1_000", b"2024-01-01", b"? ", b"|\n",
         b">\n", b"%YAML 1.1\n", b"...\n", b"9" * (MAX_NUMBER_CHARACTERS + 1))  # fmt: skip

TARGETS = (
    Target("card", plain(_read_card), (), _card_seeds, _KEYS),
    Target("yaml", plain(_read_yaml), (BoundError, YamlError), partial(iter, METADATA), _KEYS),
    Target("json", plain(_read_json), (), _json_seeds, _KEYS),
    Target("declared", plain(_read_declared), (), _declared_seeds, _KEYS, 60),
    Target("recipe", plain(partial(_declare, "mergekit_config.yml")), (), partial(iter, RECIPES), _KEYS),
    Target(
        "name", plain(_read_names), (), _name_seeds, (b"models--", b"@", b"%2F", b"://", b"huggingface.co/", b"hf://")
    ),
    Target(
        "licence",
        plain(_read_licence),
        (),
        _licence_seeds,
        (b" OR ", b" AND ", b" WITH ", b"(", b")", b"mit", b"+", b"LicenseRef-", b"or later"),
    ),
    Target(
        "words",
        plain(_read_words),
        (),
        _word_seeds,
        (b"v1.0", b"## ", b"```\n", b"retrained ", b"weights ", b"version ", b"1.2.3.4", b". ", b"(#1)", b"step 5"),
    ),
)
