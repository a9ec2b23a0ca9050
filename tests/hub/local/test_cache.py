"""The Hub client's cache as a Hub: partial, offline, and partly broken."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import ContentMismatchError, FileNotInRevisionError, HubUnreachableError, InputError
from lineage.hub.lfs import git_blob_id, pointer_blob_id
from lineage.hub.local.cache import CacheHub
from lineage.settings.environment import Settings
from tests.hub.conftest import CARD, WEIGHTS, Listening
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer

MODEL = "org/model"
A, B = "a" * 40, "b" * 40


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "hub").mkdir()
    return Settings.from_environment({"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_ENDPOINT": "https://hub.example"})


@pytest.fixture
def place(settings: Settings) -> Path:
    """Lay out two revisions of a model as the client does: A with card and weights, B with weights only."""
    place = settings.hub_cache / "models--org--model"
    add(place, A, "README.md", CARD, git_blob_id(CARD))
    add(place, A, "model.safetensors", WEIGHTS, hashlib.sha256(WEIGHTS).hexdigest())
    add(place, B, "sub/model.safetensors", b"new", hashlib.sha256(b"new").hexdigest())
    (place / "refs" / "refs" / "pr").mkdir(parents=True)
    (place / "refs" / "main").write_text(A)
    (place / "refs" / "v1").write_text(B)
    (place / "refs" / "refs" / "pr" / "3").write_text(B)
    return place


def add(place: Path, commit: str, path: str, content: bytes, etag: str) -> None:
    (place / "blobs").mkdir(parents=True, exist_ok=True)
    (place / "blobs" / etag).write_bytes(content)
    link = place / "snapshots" / commit / path
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(Path(*[".."] * (2 + path.count("/"))) / "blobs" / etag)


@pytest.fixture
def hub(settings: Settings, place: Path, listening: Listening) -> CacheHub:
    return CacheHub(settings, progress=listening)


def test_keys_are_those_of_the_hub_itself(hub: CacheHub, settings: Settings) -> None:
    """A model scanned from the cache is the same node as the one read from its endpoint."""
    assert hub.key(MODEL) == "hub.example:org/model"
    default = Settings.from_environment({"HF_HUB_CACHE": str(settings.hub_cache)})
    assert CacheHub(default).key(MODEL) == MODEL


def test_names_mean_what_was_downloaded(hub: CacheHub) -> None:
    """`main` is the default; other names, full names, commits and their beginnings are found."""
    assert (hub.resolve(MODEL).commit, hub.resolve(MODEL).ref) == (A, "refs/heads/main")
    for name in ("v1", "refs/tags/v1", "refs/heads/v1", "refs/pr/3", B, B[:7]):
        assert hub.resolve(MODEL, name).commit == B
    with pytest.raises(HubUnreachableError, match="revision v2: it is not in the cache"):
        hub.resolve(MODEL, "v2")


def test_a_ref_whose_commit_was_not_downloaded_is_not_answered_with_another(hub: CacheHub, place: Path) -> None:
    """The refs moved on and the new commit is not here: that is an error with the command that fetches it."""
    (place / "refs" / "main").write_text("9" * 40)
    (place / "refs" / "v1").write_text("8" * 40)
    for asked, commit in ((None, "9"), ("main", "9"), ("refs/heads/main", "9"), ("v1", "8")):
        with pytest.raises(HubUnreachableError, match=f"is {commit * 40}, which was not downloaded") as refused:
            hub.resolve(MODEL, asked)
        assert "hf download org/model" in (refused.value.hint or "")
        assert A[:10] in (refused.value.hint or "")
    assert hub.resolve(MODEL, A).commit == A
    assert hub.refs(MODEL) is None


def test_without_main_one_revision_is_clear_and_two_are_not(hub: CacheHub, place: Path) -> None:
    """Which of several downloads is the newest is not guessed: dates of files are no evidence."""
    (place / "refs" / "main").unlink()
    with pytest.raises(HubUnreachableError, match="several that it may be"):
        hub.resolve(MODEL)
    (place / "snapshots" / A / "README.md").unlink()
    (place / "snapshots" / A / "model.safetensors").unlink()
    (place / "snapshots" / A).rmdir()
    assert hub.resolve(MODEL).commit == B


def test_identities_come_from_the_names_of_blobs(hub: CacheHub) -> None:
    """The client names blobs by their ETag: the sha256 of LFS files, the git id of others."""
    files = {entry.path: entry for entry in hub.snapshot(hub.resolve(MODEL)).files}
    sha256 = hashlib.sha256(WEIGHTS).hexdigest()
    weights = files["model.safetensors"]
    assert (weights.sha256, weights.blob_id) == (sha256, pointer_blob_id(sha256, len(WEIGHTS)))
    assert (files["README.md"].sha256, files["README.md"].blob_id) == (None, git_blob_id(CARD))


def test_files_without_links_have_no_identity(hub: CacheHub, place: Path) -> None:
    """Where the file system has no links the client leaves plain files: what they are is unknown, not guessed."""
    (place / "snapshots" / B / "plain.bin").write_bytes(b"x")
    entry = {e.path: e for e in hub.snapshot(hub.resolve(MODEL, B)).files}["plain.bin"]
    assert (entry.identity, entry.size) == (None, 1)
    assert hub.read(MODEL, B, "plain.bin") == b"x"


def test_a_history_tells_what_it_is(hub: CacheHub) -> None:
    """Downloaded commits are listed without parents, dates, changes or tags: none is made up."""
    history = hub.history(MODEL)
    assert (history.source, history.default_branch) == ("cache", "refs/heads/main")
    assert [(c.id, c.parents, c.date, c.changes) for c in history.commits] == [(A, (), None, None), (B, (), None, None)]
    assert {ref.kind for ref in history.refs} == {"branch"}
    assert history.incomplete
    with_requests = hub.history(MODEL, pull_requests=True)
    assert {ref.name for ref in with_requests.refs} == {"refs/heads/main", "refs/heads/v1", "refs/pr/3"}


def test_the_clients_list_completes_a_snapshot(hub: CacheHub, place: Path) -> None:
    """Where the client kept the list of a commit's files, all are named, and only bytes are lacking."""
    listed = {
        "model.safetensors": {
            "size": 134,
            "blob_id": "d" * 40,
            "lfs_sha256": "e" * 64,
            "lfs_size": 9,
            "xet_hash": "f" * 64,
        },
        "config.json": {"size": 5, "blob_id": "1" * 40},
    }
    (place / "trees").mkdir()
    (place / "trees" / f"{B}.json").write_text(json.dumps({"format_version": 1, "files": listed}))
    files = {entry.path: entry for entry in hub.snapshot(hub.resolve(MODEL, B)).files}
    assert list(files) == ["config.json", "model.safetensors", "sub/model.safetensors"]
    weights = files["model.safetensors"]
    assert (weights.sha256, weights.size, weights.xet_hash) == ("e" * 64, 9, "f" * 64)
    for path in ("config.json", "model.safetensors"):
        with pytest.raises(FileNotInRevisionError, match="was not downloaded") as refused:
            hub.read(MODEL, B, path)
        assert refused.value.hint == f"hf download org/model {path} --revision {B}"
    snapshot = hub.snapshot(hub.resolve(MODEL, B))
    assert "was not downloaded" in snapshot.unreadable["config.json"]
    assert set(snapshot.without_bytes) == {"config.json", "model.safetensors"}
    assert snapshot.partial is None
    assert "README.md" not in snapshot.unreadable


def test_without_the_clients_list_a_snapshot_is_partial(hub: CacheHub, place: Path) -> None:
    """A file that is not in the snapshot may exist, unless the client asked for it and noted that it does not."""
    (place / ".no_exist" / B / "sub").mkdir(parents=True)
    (place / ".no_exist" / B / "adapter_config.json").touch()
    (place / ".no_exist" / B / "sub" / "config.json").touch()
    snapshot = hub.snapshot(hub.resolve(MODEL, B))
    assert "hf download org/model" in (snapshot.partial or "")
    assert snapshot.known_absent == ("adapter_config.json", "sub/config.json")
    assert [snapshot.may_have(path) for path in ("README.md", "adapter_config.json", "sub/model.safetensors")] == [
        True, False, False,
    ]  # fmt: skip
    assert set(snapshot.unreadable) == {"README.md", "config.json"}
    assert (snapshot.card, snapshot.config) == (None, None)


@pytest.mark.parametrize(("etag", "kind"), [("e" * 64, "sha256"), ("e" * 40, "blob_id")])
def test_a_link_whose_blob_is_gone_still_names_the_file(hub: CacheHub, place: Path, etag: str, kind: str) -> None:
    """The file is listed with the hash that the link leads to, and reading it says what fetches its bytes."""
    add(place, B, "deep/er/model.bin", b"x", etag)
    (place / "blobs" / etag).unlink()
    snapshot = hub.snapshot(hub.resolve(MODEL, B))
    (entry,) = [entry for entry in snapshot.files if entry.path == "deep/er/model.bin"]
    assert (getattr(entry, kind), entry.size) == (etag, None)
    assert set(snapshot.without_bytes) == {"deep/er/model.bin"}
    for read in (hub.read, hub.local_path):
        with pytest.raises(FileNotInRevisionError, match="not in the cache any more") as refused:
            read(MODEL, B, "deep/er/model.bin")
        assert refused.value.hint == f"hf download org/model deep/er/model.bin --revision {B}"


def test_a_downloaded_file_that_is_not_the_listed_one_is_not_read(hub: CacheHub, place: Path) -> None:
    """Where the Hub's list names other bytes than the link leads to, the bytes at hand are not the model's."""
    listed = {"sub/model.safetensors": {"size": 130, "blob_id": "d" * 40, "lfs_sha256": "e" * 64, "lfs_size": 3}}
    (place / "trees").mkdir()
    (place / "trees" / f"{B}.json").write_text(json.dumps({"format_version": 1, "files": listed}))
    with pytest.raises(FileNotInRevisionError, match="not the one that is listed"):
        hub.read(MODEL, B, "sub/model.safetensors")


@pytest.mark.parametrize("name", ["README.md", "model.safetensors"])
def test_a_small_file_that_its_name_does_not_fit_is_not_believed(hub: CacheHub, place: Path, name: str) -> None:
    """Content with another hash than the blob's name is refused with both hashes, on each way to read it."""
    blob = (place / "snapshots" / A / name).resolve()
    blob.write_bytes(blob.read_bytes().replace(b"mit", b"gpl") if name == "README.md" else WEIGHTS[::-1])
    for read in (hub.read, hub.local_path):
        with pytest.raises(ContentMismatchError, match=blob.name) as refused:
            read(MODEL, A, name)
        assert str(blob) in (refused.value.hint or "")
    snapshot = hub.snapshot(hub.resolve(MODEL))
    assert (snapshot.card is None) == (name == "README.md")
    if name == "README.md":
        assert "does not match its name" in snapshot.unreadable[name]
        assert name in snapshot.without_bytes


def test_letter_case_does_not_matter(hub: CacheHub, place: Path) -> None:
    """An id in other case means the downloaded model; of two that differ in case only, the one that is written so."""
    found = hub.resolve("ORG/Model")
    assert (found.model, found.asked, found.commit) == (MODEL, "ORG/Model", A)
    assert hub.history("ORG/Model").model == MODEL
    shutil.copytree(place, place.with_name("models--Org--model"), symlinks=True)
    assert hub.resolve(MODEL).model == MODEL
    assert hub.resolve("Org/model").model == "Org/model"
    with pytest.raises(HubUnreachableError, match="Org/model, org/model differ from it in letter case only"):
        hub.resolve("ORG/MODEL")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format_version": 9}', '{"format_version": 1, "files": {"x": {"size": "big"}}}', "[" * 99_999],
)
def test_a_broken_list_is_skipped(hub: CacheHub, place: Path, text: str) -> None:
    """The list is an extra: without it the downloaded files are what is known."""
    (place / "trees").mkdir()
    (place / "trees" / f"{B}.json").write_text(text)
    assert [entry.path for entry in hub.snapshot(hub.resolve(MODEL, B)).files] == ["sub/model.safetensors"]


def test_broken_entries_are_skipped_and_reported(hub: CacheHub, place: Path, listening: Listening) -> None:
    """A dangling link, a link out of the model, a broken ref and a model without revisions spoil nothing else."""
    (place / "snapshots" / A / "gone.bin").symlink_to("../../blobs/nothing")
    (place / "snapshots" / A / "passwd").symlink_to("/etc/passwd")
    (place / "snapshots" / A / "circle").symlink_to("circle")
    (place / "snapshots" / "not-a-commit").mkdir()
    (place / "snapshots" / ("9" * 40)).write_text("no folder")
    (place / "refs" / "broken").write_bytes(b"\xff\xfe")
    (place / "refs" / "short").write_text("abc")
    for name in ("models--empty--model", "models--", "models--a--b--c", "models--bad name"):
        (place.parent / name).mkdir()
    (place.parent / "datasets--org--data").mkdir()
    (place.parent / "version.txt").write_text("1")
    assert list(hub.list_models()) == [MODEL]
    assert len([note for note in listening.notes if "no readable revision" in note]) == 4
    snapshot = hub.snapshot(hub.resolve(MODEL))
    assert [entry.path for entry in snapshot.files] == ["README.md", "gone.bin", "model.safetensors"]
    assert [entry.identity for entry in snapshot.files if entry.path == "gone.bin"] == [None]
    assert {"circle", "gone.bin", "passwd"} <= set(snapshot.unreadable)
    assert [commit.id for commit in hub.history(MODEL).commits] == [A, B]
    assert any("ref broken is broken" in note for note in listening.notes)


def test_what_is_not_there_is_unknown(hub: CacheHub) -> None:
    """A model that was never downloaded may exist: it is out of reach, and never missing."""
    assert hub.offline
    with pytest.raises(HubUnreachableError, match="cannot be read from the cache"):
        hub.resolve("org/other")
    with pytest.raises(HubUnreachableError, match="cannot be read from the cache"):
        hub.history("../../etc")


def test_no_cache_is_an_input_error(tmp_path: Path) -> None:
    """Without a cache the error names the folder that was looked for."""
    with pytest.raises(InputError, match="there is no cache") as refused:
        CacheHub(Settings.from_environment({"HF_HUB_CACHE": str(tmp_path / "nothing")}))
    assert refused.value.hint


def test_what_the_real_client_leaves_is_read(server: HubServer, repository: BareRepository, tmp_path: Path) -> None:
    """A partial download and a single file, made by the client itself, come out as they are on its Hub."""
    from huggingface_hub import hf_hub_download, snapshot_download

    own = server.settings(tmp_path)
    where: dict[str, Any] = {"endpoint": server.endpoint, "cache_dir": own.hub_cache, "token": False}
    hf_hub_download("org/model", "model.safetensors", revision="v1.0", **where)
    snapshot_download("org/model", allow_patterns=["*.json", "*.md"], **where)
    with CacheHub(own) as hub:
        tagged, head = hub.resolve(MODEL, "v1.0"), hub.resolve(MODEL)
        assert head.commit == repository.git("rev-parse", "main")
        assert hub.read(MODEL, tagged.commit, "model.safetensors") == WEIGHTS
        files = {entry.path: entry for entry in hub.snapshot(head).files}
        assert files["model.safetensors"].sha256 == hashlib.sha256(WEIGHTS).hexdigest()
        assert hub.read(MODEL, head.commit, "README.md") == CARD
        assert list(hub.list_models(base="openai-community/gpt2")) == [MODEL]
