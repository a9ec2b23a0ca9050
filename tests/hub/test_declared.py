"""What cards and tags declare, and what written names mean."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.hub.declared.declaration import read_name
from tests.support.declared import declared, parents, recipe
from tests.support.shared import SHARED, needs_shared


@pytest.mark.parametrize(
    ("written", "name", "revision"),
    [
        ("org/name", "org/name", None),
        (" m3rg-iitd/matscibert", "m3rg-iitd/matscibert", None),
        ("org/name \n", "org/name", None),
        ("'org/name'", "org/name", None),
        ("gpt2", "gpt2", None),
        ("org/name@v1.0", "org/name", "v1.0"),
        ("org/name@", "org/name", None),
        ("org/name@release/2.0", "org/name", "release/2.0"),
        ("org/name@refs/pr/1", "org/name", "refs/pr/1"),
        ("org/name@runs/checkpoint-500", "org/name", "runs/checkpoint-500"),
        ("gpt2@refs/pr/1", "gpt2", "refs/pr/1"),
        ("https://huggingface.co/org/name", "org/name", None),
        ("https://huggingface.co/org/name/", "org/name", None),
        ("http://www.huggingface.co/org/name", "org/name", None),
        ("https://hf.co/org/name", "org/name", None),
        ("huggingface.co/org/name", "org/name", None),
        ("https://huggingface.co/org/name/tree/v2", "org/name", "v2"),
        ("https://huggingface.co/org/name/blob/refs%2Fpr%2F1/README.md", "org/name", "refs/pr/1"),
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


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("written", "name", "revision"),
    [
        (f"/home/me/.cache/huggingface/hub/models--org--name/snapshots/{COMMIT}", "org/name", COMMIT),
        (f"/home/me/.cache/huggingface/hub/models--org--name/snapshots/{COMMIT}/", "org/name", COMMIT),
        (f"/hub/models--org--name/snapshots/{COMMIT}/model.safetensors", "org/name", COMMIT),
        (f"C:\\Users\\me\\hub\\models--org--name\\snapshots\\{COMMIT}", "org/name", COMMIT),
        (f"models--org--name/snapshots/{COMMIT}", "org/name", COMMIT),
        (f"file:///hub/models--org--name/snapshots/{COMMIT}", "org/name", COMMIT),
        (f"/hub/models--org--name/snapshots/{COMMIT}@main", "org/name", COMMIT),
        ("~/hub/models--gpt2/snapshots/0123456", "gpt2", "0123456"),
        ("/hub/models--org--name", "org/name", None),
        (f"/old/models--a--b/copy/models--c--d/snapshots/{COMMIT}", "c/d", COMMIT),
    ],
)
def test_a_path_into_the_clients_cache_names_model_and_commit(written: str, name: str, revision: str | None) -> None:
    """The Hub client writes id and commit into its folders, so that such a path is a name on any machine."""
    found = read_name(written)
    assert (found.name, found.revision, found.problem) == (name, revision, None)


@pytest.mark.parametrize("folder", ["datasets--org--name", "spaces--org--name", "models--a--b--c", "my-models--a--b"])
def test_other_folders_of_the_cache_name_no_model(folder: str) -> None:
    """Datasets and Spaces are no models, and a folder whose name no id gives is a path like others."""
    assert read_name(f"/hub/{folder}/snapshots/{COMMIT}").problem == "it is a local path"


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
        "models@v2/base/llama",
        "models/base/llama@v2",
        "out/checkpoint-1500@main",
    ],
)
def test_local_paths_are_no_names(written: str) -> None:
    """A path on some machine names no repository."""
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
    """The field may hold a name, a list, objects, names with commas or nothing; anything else is reported as such."""
    assert parents(declared(card={"base_model": base})) == expected


def test_card_bases_are_kept_verbatim() -> None:
    """The value is what the publisher wrote, the name what it means."""
    (found,) = declared(card={"base_model": " https://huggingface.co/a/b "})
    assert (found.value, found.name) == (" https://huggingface.co/a/b ", "a/b")
    assert (found.file, found.field, found.rule) == ("README.md", "base_model", "card.base_model")


@pytest.mark.parametrize(
    ("written", "relation"),
    [("adapter", "adapter"), ("Quantized", "quantized"), (["merge"], "merge"), ("distill", None),
     (["merge", "adapter"], None)],
)  # fmt: skip
def test_the_publishers_relation_is_kept(written: object, relation: str | None) -> None:
    """`base_model_relation` is kept as the publisher wrote it, also where it is none of the Hub's relations."""
    found = [d for d in declared(card={"base_model_relation": written}) if d.kind == "relation"]
    assert [(d.relation, d.by_publisher) for d in found] == [(relation, True)]


def test_tags_name_parents_only_when_they_say_base_model() -> None:
    """`base_model:…` tags name parents, with the relation they carry; a tag that looks like an id names no parent."""
    tags = ("base_model:a/b", "base_model:quantized:a/b", "a/b", "lora", "region:us", "base_model:https://hf.co/c/d")
    found = declared(card={"tags": ["base_model:adapter:gpt2", "lora"]}, tags=tags)
    assert [(d.kind, d.name, d.relation, d.by_publisher, d.file) for d in found] == [
        ("parent", "gpt2", "adapter", True, "README.md"),
        ("hint", None, None, True, "README.md"),
        ("parent", "a/b", None, False, None),
        ("parent", "c/d", None, False, None),
        ("parent", "a/b", "quantized", False, None),
    ]


def test_the_hubs_tags_repeat_the_cards() -> None:
    """A tag that the card has too is listed once, as the card's."""
    found = declared(card={"tags": ["gguf"]}, tags=("gguf", "base_model:a/b"))
    assert [(d.kind, d.file) for d in found] == [("hint", "README.md"), ("parent", None)]


def test_new_version_is_no_parent() -> None:
    """A successor is declared, and is not what the model came from."""
    (found,) = declared(card={"new_version": "a/b-v2"})
    assert (found.kind, found.name) == ("new_version", "a/b-v2")


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


@pytest.mark.slow
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
    """Real configs, recipes and cards give their parents; local paths among them are reported as such."""
    counts: Counter[str] = Counter()
    for path in sorted((SHARED / "data" / "configs").iterdir()):
        name = re.search(r"\.([a-z_]+\.(json|ya?ml))$", path.name)
        if name:
            counts.update(d.problem or "named" for d in declared({name[1]: path.read_bytes()}) if d.kind == "parent")
    assert counts["it is a local path"] == 8
    assert counts["named"] >= 25
    for path in sorted((SHARED / "data" / "mergekit").iterdir()):
        assert len(parents(recipe(path.read_text("utf-8")))) >= 2
