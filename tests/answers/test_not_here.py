"""Weights that are known by name only, or in part: what is not here proves nothing, and nothing is said of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from lineage.answers.collect import collect
from lineage.answers.diff import diff
from lineage.answers.fingerprint import fingerprint
from lineage.answers.session import Session
from lineage.answers.verify import verify
from lineage.hub.lfs import format_pointer
from lineage_schemas.export import json_schema
from lineage_schemas.record import Record
from tests.support.client_cache import COMMIT, cache_settings, cached
from tests.support.repositories import git
from tests.support.weight_files import gguf_bytes, safetensors_bytes, write_shards

pytestmark = pytest.mark.slow

ID = "lab/model"
TENSORS = {f"layers.{at}.weight": ("F32", (2, 2), bytes([at + 1]) * 16) for at in range(6)}
FILES = {
    "model.safetensors": safetensors_bytes(TENSORS),
    "pytorch_model.bin": b"PK\x03\x04" + bytes(range(200)),
    "model-Q8_0.gguf": gguf_bytes([], [("a", (8,), 0, bytes(32))]),
}


def model(folder: Path, files: dict[str, bytes]) -> Path:
    """Lay out a model with a config."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open a session on a directory Hub."""
    model(tmp_path / "hub" / ID, FILES)
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as opened:
        yield opened


def checked(answer: Record, schema: str) -> None:
    """Hold an answer against its schema."""
    jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema(schema))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("alone", [False, True])
def test_a_pointer_is_unchecked(session: Session, tmp_path: Path, name: str, alone: bool) -> None:
    """A pointer is never equal to the weights that it names, nor hashed in their place, in no format."""
    content = FILES[name]
    pointer = format_pointer(hashlib.sha256(content).hexdigest(), len(content))
    folder = model(tmp_path / "mine", {name: pointer})
    path = str(folder / name if alone else folder)
    answer = verify(session, path, against=ID)
    checked(answer, "verify.v1")
    assert (answer.verdict, answer.differences) == ("unchecked", ())
    assert "git lfs pull" in answer.unchecked[0].reason
    found = fingerprint(session, path)
    checked(found, "fingerprint.v1")
    assert found.level == "metadata"
    assert found.groups[0].files[0].sha256 == hashlib.sha256(content).hexdigest()
    assert found.groups[0].digests.weights is None
    assert "git lfs pull" in found.unchecked[0].reason


def test_a_pointer_to_other_weights_is_unchecked_too(session: Session, tmp_path: Path) -> None:
    """What the pointer names may be the same parameters in another file: only the bytes decide."""
    folder = model(tmp_path / "mine", {"model.safetensors": format_pointer("e" * 64, 300)})
    answer = verify(session, str(folder), against=ID)
    assert answer.verdict == "unchecked"


def test_a_pointer_to_known_weights_is_not_known(session: Session, tmp_path: Path) -> None:
    """The store knows what the pointer names, which does not say that it is on this machine."""
    collect(session, [ID])
    content = FILES["model.safetensors"]
    pointer = format_pointer(hashlib.sha256(content).hexdigest(), len(content))
    answer = verify(session, str(model(tmp_path / "mine", {"model.safetensors": pointer})))
    assert answer.verdict == "unchecked"
    assert [match.model for match in answer.matches] == [ID]


def test_pointers_are_not_compared(session: Session, tmp_path: Path) -> None:
    """A difference or an equality of weights is not claimed of a side whose bytes are not here."""
    content = FILES["model.safetensors"]
    pointer = format_pointer(hashlib.sha256(content).hexdigest(), len(content))
    answer = diff(session, str(model(tmp_path / "mine", {"model.safetensors": pointer})), ID)
    checked(answer, "diff.v1")
    assert (answer.weights.kind, answer.weights.tensors) == ("unknown", None)
    assert answer.unchecked


def test_collected_pointers_are_incomplete(session: Session, tmp_path: Path) -> None:
    """A folder with a pointer is stored without the level of what was read, also where the store knows the content."""
    content = FILES["pytorch_model.bin"]
    pointer = format_pointer(hashlib.sha256(content).hexdigest(), len(content))
    folder = model(tmp_path / "mine", {"pytorch_model.bin": pointer})
    for _ in range(2):
        answer = collect(session, [str(folder)])
        checked(answer, "collect.v1")
        assert answer.models[0].outcome == "collected"
        assert [(each.reason, each.decides) for each in answer.incomplete] == [("partial", True)]
        assert "git lfs pull" in (answer.incomplete[0].detail or "")
        collect(session, [ID])
    (folder / "pytorch_model.bin").write_bytes(content)
    answer = collect(session, [str(folder)])
    assert (answer.models[0].level, answer.incomplete) == ("full", ())


@pytest.mark.parametrize("with_index", [True, False])
def test_a_set_with_a_missing_shard_has_no_digest(session: Session, tmp_path: Path, with_index: bool) -> None:
    """Half a model has no digest of its parameters, the missing shard is named, and equal halves are not equal."""
    whole, mine = tmp_path / "hub" / "lab" / "shards", model(tmp_path / "mine", {})
    model(whole, {})
    for folder in (whole, mine):
        names = write_shards(folder, TENSORS, 3)
        (folder / names[1]).unlink()
        if not with_index:
            (folder / "model.safetensors.index.json").unlink()
    for target in (str(mine), "lab/shards"):
        found = fingerprint(session, target)
        assert (found.groups[0].digests.weights, found.groups[0].digests.content) == (None, None)
        assert names[1] in found.unchecked[0].reason
    answer = verify(session, str(mine), against="lab/shards")
    checked(answer, "verify.v1")
    assert answer.verdict == "unchecked"
    assert diff(session, str(mine), "lab/shards").weights.kind == "unknown"
    assert collect(session, ["lab/shards"]).incomplete[0].decides
    assert verify(session, str(mine)).verdict == "unchecked"


def test_one_shard_alone_is_a_file(session: Session, tmp_path: Path) -> None:
    """A shard that was given by itself is compared as the file that it is."""
    model(tmp_path / "hub" / "lab" / "shards", {})
    names = write_shards(tmp_path / "hub" / "lab" / "shards", TENSORS, 3)
    shutil.copy(tmp_path / "hub" / "lab" / "shards" / names[1], tmp_path / names[1])
    answer = verify(session, str(tmp_path / names[1]), against="lab/shards")
    assert (answer.verdict, answer.unchecked) == ("equal", ())


@pytest.mark.parametrize("how", ["nowhere", "outside"])
def test_weights_behind_a_link_are_named(session: Session, tmp_path: Path, how: str) -> None:
    """A weight file that is a link to nowhere, or out of the folder, is there by name: not "no weight file"."""
    (tmp_path / "outside").write_bytes(FILES["model.safetensors"])
    folder = model(tmp_path / "mine", {})
    (folder / "model.safetensors").symlink_to(tmp_path / how)
    found = fingerprint(session, str(folder))
    assert [group.group for group in found.groups] == ["model.safetensors"]
    assert "symbolic link" in found.unchecked[0].reason
    assert verify(session, str(folder), against=ID).verdict == "unchecked"
    assert collect(session, [str(folder)]).incomplete


def test_an_index_of_shards_that_are_not_there_is_unchecked(session: Session, tmp_path: Path) -> None:
    """Shards that an index names are missing where a loader looks for them, not beside weights that it takes first."""
    folder = model(tmp_path / "mine", {"pytorch_model.bin": FILES["pytorch_model.bin"]})
    index = json.dumps({"weight_map": {"a": "model-00001-of-00001.safetensors"}})
    (folder / "model.safetensors.index.json").write_text(index)
    answer = verify(session, str(folder), against=ID)
    assert answer.verdict == "unchecked"
    assert any("model-00001-of-00001.safetensors" in each.reason for each in answer.unchecked)
    (folder / "model.safetensors").write_bytes(FILES["model.safetensors"])
    (folder / "model.safetensors.index.json").rename(folder / "pytorch_model.bin.index.json")
    assert verify(session, str(folder), against=ID).verdict == "equal"


def test_a_clone_is_verified_by_its_files(session: Session, tmp_path: Path) -> None:
    """Weights that differ from HEAD are what is asked about; the answer says so, and missing ones are unchecked."""
    clone = model(tmp_path / "clone", {"model.safetensors": FILES["model.safetensors"]})
    git(clone, "init", "--quiet")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "-m", "first")
    head = git(clone, "rev-parse", "HEAD")
    assert fingerprint(session, str(clone)).revision == head
    assert verify(session, str(clone), against=ID).verdict == "equal"
    changed = {**TENSORS, "layers.0.weight": ("F32", (2, 2), bytes(16))}
    (clone / "model.safetensors").write_bytes(safetensors_bytes(changed))
    note = f"model.safetensors on disk differs from HEAD {head[:7]}"
    answer = verify(session, str(clone), against=ID)
    checked(answer, "verify.v1")
    assert (answer.verdict, answer.notes) == ("different", (note,))
    found = fingerprint(session, str(clone))
    assert (found.notes, found.unchecked) == ((note,), ())
    assert found.groups[0].files[0].sha256 == hashlib.sha256((clone / "model.safetensors").read_bytes()).hexdigest()
    compared = diff(session, str(clone), ID)
    assert (compared.weights.kind, compared.notes) == ("partial", (note,))
    assert verify(session, str(tmp_path / "hub" / ID), against=str(clone)).verdict == "different"
    (clone / "model.safetensors").rename(clone / "model.fp16.safetensors")
    answer = verify(session, str(clone), against=ID)
    assert "not on disk" in answer.unchecked[-1].reason
    (clone / "model.fp16.safetensors").rename(clone / "model.safetensors")
    write_shards(clone, TENSORS, 2)
    (clone / "model.safetensors").unlink()
    answer = verify(session, str(clone), against=ID)
    assert (answer.verdict, answer.unchecked) == ("reserialised", ())
    assert f"model.safetensors is in HEAD {head[:7]} and not on disk" in answer.notes


def test_a_model_that_the_cache_lists_in_part_may_have_more(tmp_path: Path) -> None:
    """Weights that a partial list lacks are not "none such"; those in it are compared."""
    settings = cache_settings(tmp_path)
    cached(settings, ID, {"config.json": b"{}", "model.safetensors": FILES["model.safetensors"]})
    mine = model(tmp_path / "mine", {"model.safetensors": FILES["model.safetensors"]})
    with Session(hub_selector="cache", settings=settings, store_url="memory:") as session:
        assert verify(session, str(mine), against=ID).verdict == "equal"
        model(mine, {"pytorch_model.bin": FILES["pytorch_model.bin"]})
        answer = verify(session, str(mine), against=ID)
        assert answer.verdict == "unchecked"
        assert "list of files is partial" in answer.unchecked[0].reason


def test_a_link_whose_blob_is_gone_is_unchecked(tmp_path: Path) -> None:
    """Weights and shards whose blob was removed are listed with their hash and the command that fetches them."""
    settings = cache_settings(tmp_path)
    shards = tmp_path / "shards"
    shards.mkdir()
    names = write_shards(shards, TENSORS, 3)
    place = cached(settings, ID, {path.name: path.read_bytes() for path in shards.iterdir()})
    (place / names[1]).resolve().unlink()
    with Session(hub_selector="cache", settings=settings, store_url="memory:") as session:
        found = fingerprint(session, ID)
        checked(found, "fingerprint.v1")
        assert [entry.path for entry in found.groups[0].files] == names
        assert all(entry.sha256 for entry in found.groups[0].files)
        assert found.groups[0].digests.weights is None
        assert found.unchecked[0].decide_with == f"hf download {ID} {names[1]} --revision {COMMIT}"
        answer = verify(session, str(place), against=ID)
        assert answer.verdict == "unchecked"
        assert answer.unchecked[0].decide_with == found.unchecked[0].decide_with
        assert verify(session, str(shards), against=ID).verdict == "equal"
        assert any(names[1] in (each.detail or "") for each in collect(session, [ID]).incomplete)


def test_a_partial_list_makes_no_difference_of_fields(tmp_path: Path) -> None:
    """Configs, cards and tokenizers that one side's list may lack are unchecked, and no field of them differs."""
    settings = cache_settings(tmp_path)
    weights = {"model.safetensors": FILES["model.safetensors"]}
    texts = {
        "README.md": b"# a\n",
        "config.json": b"{}",
        "tokenizer.json": b"{}",
        "generation_config.json": b'{"a": 1}',
    }
    cached(settings, "lab/a", {**weights, **texts})
    cached(settings, "lab/b", weights)
    with Session(hub_selector="cache", settings=settings, store_url="memory:") as session:
        answer = diff(session, "lab/a", "lab/b")
    assert (answer.weights.kind, answer.facets) == ("equal", ())
    assert {item.what.partition(" of ")[0] for item in answer.unchecked} == set(texts)


def test_an_lfs_object_with_other_bytes_is_not_equal(session: Session, tmp_path: Path) -> None:
    """Where bytes were read they decide: weights whose object has another hash than its pointer are unknown."""
    content, other = (
        FILES["model.safetensors"],
        safetensors_bytes({**TENSORS, "layers.1.weight": TENSORS["layers.0.weight"]}),
    )
    sha256 = hashlib.sha256(content).hexdigest()
    clone = model(tmp_path / "bare", {"model.safetensors": format_pointer(sha256, len(content))})
    git(clone, "init", "--quiet")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "-m", "first")
    bare = tmp_path / "hub" / "lab" / "bare.git"
    git(clone, "clone", "--quiet", "--bare", str(clone), str(bare))
    stored = bare / "lfs" / "objects" / sha256[:2] / sha256[2:4] / sha256
    stored.parent.mkdir(parents=True)
    assert len(other) == len(content)
    stored.write_bytes(other)
    answer = diff(session, "lab/bare", ID)
    assert answer.weights.kind == "unknown"
    assert "sha256-mismatch" in answer.unchecked[0].reason
    assert verify(session, str(bare), against=ID).verdict == "unchecked"
