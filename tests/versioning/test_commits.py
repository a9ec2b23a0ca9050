"""What commits change: categories by hashes and files, and the words of titles last."""

from __future__ import annotations

import csv
import gzip
import json
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.versioning.commit_taxonomy import CATEGORIES
from lineage.versioning.commits import State, classify
from lineage_schemas.commit_class import CommitClass
from lineage_schemas.file import FileVersion
from lineage_schemas.file_change import FileChange
from tests.support.shared import ROOT, SHARED, needs_shared

LABELS = ROOT / "tests/data/commits/labelled_commits.csv"

A, B = FileVersion(sha256="a" * 64, size=10), FileVersion(sha256="b" * 64, size=10)


def added(path: str, new: FileVersion = A) -> FileChange:
    """Make the addition of a file."""
    return FileChange(path=path, status="A", new=new)


def modified(path: str, new: FileVersion = B) -> FileChange:
    """Make the change of a file."""
    return FileChange(path=path, status="M", old=A, new=new)


def removed(path: str) -> FileChange:
    """Make the removal of a file."""
    return FileChange(path=path, status="D", old=A)


@pytest.mark.parametrize(
    ("title", "changes", "category", "weights"),
    [
        ("Upload model.safetensors with huggingface_hub", [modified("model.safetensors")], "Output Data", "replaced"),
        ("Update README.md", [modified("model.safetensors"), modified("README.md")], "Output Data", "replaced"),
        ("Retrained weights", [modified("README.md")], "External Documentation", "none"),
        ("Retrained weights", [modified("model.safetensors", A)], "Unknown", "none"),
        ("Retrained weights", [], "Unknown", "none"),
        ("Upload folder using huggingface_hub", [added(f"{i}.py") for i in range(5)], "Sharing", "none"),
        ("rename", [removed("a.safetensors"), added("b.safetensors")], "Output Data", "renamed"),
        ("clean", [removed("a.safetensors")], "Output Data", "removed"),
        ("Add base model", [modified("README.md")], "Project Metadata", "none"),
        ("x", [added("LICENSE")], "Project Metadata", "none"),
        ("x", [modified("config.json")], "Model Structure", "none"),
        ("x", [modified("generation_config.json")], "Parameter Tuning", "none"),
        ("x", [modified("tokenizer.json")], "Pre-processing", "none"),
        ("x", [modified("training_args.bin")], "Training Infrastructure", "none"),
        ("x", [added("train_lora.py"), modified("README.md")], "Training Infrastructure", "none"),
        ("x", [added("eval/run_eval.py")], "Validation Infrastructure", "none"),
        ("x", [modified("requirements.txt")], "Dependency Management", "none"),
        ("x", [added("data/train.parquet")], "Input Data", "none"),
        ("x", [modified("app.py")], "Code and Deployment", "none"),
        ("x", [added("blob.zip")], "Unknown", "none"),
    ],
)
def test_files_and_hashes_decide(title: str, changes: list[FileChange], category: str, weights: str) -> None:
    """What changed decides; a title that speaks of weights decides nothing where no weights changed."""
    found = classify(title, "", changes)
    assert (found.category, found.weights) == (category, weights)
    assert found.reason
    assert found.phase == CATEGORIES[found.category].phase


def test_unknown_changes_are_unknown() -> None:
    """A commit whose files are not known is not guessed from its title."""
    found = classify("Upload model.safetensors", "", None)
    assert (found.category, found.phase, found.weights) == ("Unknown", None, "unknown")


@pytest.mark.parametrize(
    ("before", "effect"),
    [
        (frozenset[str](), "first_upload"),
        (frozenset({"pytorch_model.bin"}), "format_added"),
        (frozenset({"other.safetensors"}), "added"),
    ],
)
def test_what_was_there_decides_what_an_added_file_is(before: frozenset[str], effect: str) -> None:
    """The files before the commit decide over the title of the conversion bot."""
    found = classify("Adding `safetensors` variant of this model (#1)", "", [added("model.safetensors")], State(before))
    assert (found.weights, found.note) == (effect, None)


def test_fields_on_both_sides_give_facets_and_details() -> None:
    """A config that names other types or another vocabulary says what was replaced; a card's metadata are metadata."""
    card = {"README.md": {"license": "mit"}}
    before = State(fields={"config.json": {"torch_dtype": "float32", "vocab_size": 10}, **card})
    after = State(fields={"config.json": {"torch_dtype": "float16", "vocab_size": 12}, **card})
    found = classify("x", "", [modified("model.safetensors"), modified("config.json")], before, after)
    assert found.note == "float32→float16, vocabulary 10→12"
    assert set(found.facets) >= {"architecture", "formats"}
    assert classify("Update tags", "", [modified("README.md")], before, after).category == "External Documentation"
    other = State(fields={"README.md": {"license": "apache-2.0"}})
    assert classify("typos", "", [modified("README.md")], before, other).category == "Project Metadata"


def test_replaced_shards_are_counted() -> None:
    """One shard of a set that is replaced alone is named as such."""
    assert classify("x", "", [modified("model-00001-of-00004.safetensors")]).note == "1 of 4 shards"


@given(st.text(max_size=80), st.lists(st.tuples(st.text(min_size=1, max_size=30), st.sampled_from("AMD")), max_size=6))
def test_every_commit_has_one_category(title: str, files: list[tuple[str, Any]]) -> None:
    """Any title and any paths give a category of the table with a reason; the order of the files changes nothing."""
    changes = [FileChange(path=path, status=status) for path, status in dict(files).items()]
    found = classify(title, "", changes)
    assert found.category in CATEGORIES
    assert found.category == classify(title, "", changes[::-1]).category


@pytest.mark.parametrize("unit", ["upload ", "install ", "a-", "\x00", "Merge pull request ", "with huggingface_hub "])
def test_hostile_titles_and_paths_take_bounded_time(unit: str) -> None:
    """A title of a megabyte, and paths made to be slow, cost milliseconds."""
    start = time.perf_counter()
    path = (unit.replace("\x00", "x") * 4000)[:4000]
    changes = [modified(f"{path}{ending}") for ending in ("", ".py", ".json", ".safetensors", "/eval.sh", ".log")]
    classify(unit * 1_000_000, unit * 1_000_000, changes)
    assert time.perf_counter() - start < 5


def labels() -> list[tuple[str, str, str]]:
    """Return the labelled commits: history, commit, category."""
    lines = [line for line in LABELS.read_text("utf-8").splitlines() if not line.startswith("#")]
    return [(row["history"], row["commit"], row["category"]) for row in csv.DictReader(lines)]


def version(blob: str | None) -> FileVersion | None:
    """Return a version of a file by its blob."""
    return FileVersion(blob_id=blob) if blob else None


def recorded(history: str, commit: str) -> CommitClass:
    """Classify a commit of a recorded history."""
    with gzip.open(SHARED / "data/histories" / f"{history}.json.gz", "rt", encoding="utf-8") as file:
        (found,) = (each for each in json.load(file)["commits"] if each["id"] == commit)
    changes = [
        FileChange(path=each["path"], status=each["status"][0], old=version(each["old"]), new=version(each["new"]))
        for each in found["changes"]
    ]
    return classify(found["title"], found["message"], changes)


@needs_shared
def test_labelled_commits_are_classified_as_their_reader_did() -> None:
    """At least 80 % of the odd rows, whose mistakes were not looked at, have the category that their reader gave."""
    rows = labels()
    assert Counter(category for _, _, category in rows).total() == 100
    assert {category for _, _, category in rows} <= set(CATEGORIES)
    right = [recorded(history, commit).category == category for history, commit, category in rows[1::2]]
    assert sum(right) / len(right) >= 0.80


def case_side(case: dict[str, Any], side: int) -> State:
    """Return the fields that a case gives of one side."""
    fields = {f["path"]: {k: v[side] for k, v in f["diff"].items()} for f in case["files"] if "diff" in f}
    return State(fields=fields)


def case_change(file: dict[str, Any]) -> FileChange:
    """Return the change of one file of a case."""
    old, new = (FileVersion(sha256=file.get(f"lfs_oid_{side}")) for side in ("old", "new"))
    if file["status"] == "added":
        return FileChange(path=file["path"], status="A", new=new)
    return FileChange(path=file["path"], status="M", old=old, new=new)


WANTED: dict[str, tuple[str, set[str], bool]] = {
    "weights_replaced_same_size": ("replaced", set(), False),
    "weights_replaced_size_changed": ("replaced", set(), False),
    "single_shard_replaced_same_size": ("replaced", set(), True),
    "adapter_replaced_size_doubled": ("replaced", set(), False),
    "weight_bug_fix": ("replaced", set(), False),
    "training_checkpoint": ("replaced", set(), False),
    "first_weight_upload": ("first_upload", set(), False),
    "format_conversion": ("format_added", set(), False),
    "dtype_cast": ("replaced", {"formats"}, True),
    "vocab_size_change": ("replaced", {"architecture"}, True),
    "architecture_change": ("replaced", {"architecture"}, True),
    "tokenizer_behaviour_fix": ("none", {"tokenizer"}, False),
    "documentation_only": ("none", {"documentation"}, False),
    "metadata_base_model_added": ("none", {"base_model"}, False),
    "metadata_only": ("none", {"library"}, False),
}
"""What each kind of case means: the effect on weights, facets that must be found, and whether a note gives details."""


@needs_shared
def test_cases_have_the_facets_that_their_kind_names() -> None:
    """At least 95 % of the 48 real commits have the effect, the facets and the details that their kind means."""
    lines = (SHARED / "data/commits/commit_cases.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    wrong = []
    for case in cases:
        changes = [case_change(file) for file in case["files"]]
        found = classify(case["message"] or "", "", changes, case_side(case, 0), case_side(case, 1))
        effect, facets, detailed = WANTED[case["change_kind"]]
        if found.weights != effect or not facets <= set(found.facets) or (detailed and not found.note):
            wrong.append((case["repo_id"], case["change_kind"], found))
    assert len(wrong) <= len(cases) * 0.05, wrong
