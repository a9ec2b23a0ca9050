"""Repositories that want to run something, fetch something, or exhaust the reader."""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path

import pytest

from lineage.errors import FileNotInRevisionError, HubAnswerError
from lineage.hub.git.history import open_objects, read_history
from lineage.hub.lfs import format_pointer
from lineage.hub.local.directory import DirectoryHub
from lineage.hub.local.hub import LocalHub
from tests.hub.conftest import WEIGHTS
from tests.support.bare_repository import BareRepository
from tests.support.hub_kinds import settings
from tests.support.repositories import git

MODEL = "org/model"


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that every trap would make."""
    return tmp_path / "ran"


@pytest.fixture
def trapped(tmp_path: Path, marker: Path) -> BareRepository:
    """A bare repository whose configuration runs a command wherever git has ever allowed one; one blob is missing."""
    repository = BareRepository(tmp_path / "hub" / f"{MODEL}.git")
    repository.commit({"config.json": b"{}", "model.safetensors": WEIGHTS, "*.json": b"x"}, "first")
    missing = repository.git("rev-parse", "main:config.json")
    pack_again_without(repository, missing)
    trap = f"touch {marker}; false"
    config = (
        f'[core]\n\tfsmonitor = "{trap}"\n\tpager = "{trap}"\n\teditor = "{trap}"\n\tsshCommand = "{trap}"\n'
        f'\thooksPath = {repository.git_dir}/hooks\n\talternateRefsCommand = "{trap}"\n\taskPass = "{trap}"\n'
        f"[log]\n\tshowSignature = true\n[gpg]\n\tprogram = {repository.git_dir}/hooks/trap\n"
        f'[diff]\n\texternal = "{trap}"\n[diff "x"]\n\ttextconv = "{trap}"\n\tcommand = "{trap}"\n'
        f'[filter "x"]\n\tsmudge = "{trap}"\n\tprocess = "{trap}"\n'
        f'[credential]\n\thelper = "!{trap}"\n[alias]\n\trev-parse = "!{trap}"\n\tcat-file = "!{trap}"\n'
        f'[remote "origin"]\n\turl = {repository.git_dir}\n\tpromisor = true\n\tuploadpack = "{trap}"\n'
        f'[remote "other"]\n\turl = ext::sh -c "{trap}"\n\tpromisor = true\n[protocol "ext"]\n\tallow = always\n'
        f'[uploadpack]\n\tpackObjectsHook = "{trap}"\n[include]\n\tpath = {repository.git_dir}/more\n'
    )
    with (repository.git_dir / "config").open("a") as file:
        file.write(config)
    (repository.git_dir / "info").mkdir(exist_ok=True)
    (repository.git_dir / "info" / "attributes").write_text("* filter=x diff=x\n")
    hooks = repository.git_dir / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("trap", "post-checkout", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\n{trap}\n")
        (hooks / name).chmod(0o755)
    return repository


def pack_again_without(repository: BareRepository, missing: str) -> None:
    objects = repository.git("rev-list", "--objects", "--all", "--no-object-names").split()
    kept = "".join(f"{name}\n" for name in objects if name != missing).encode()
    pack = repository.git_dir / "objects" / "pack"
    old = [*pack.glob("*"), *(repository.git_dir / "objects").glob("[0-9a-f][0-9a-f]/*")]
    repository.git("pack-objects", "--quiet", str(pack / "kept"), stdin=kept)
    for path in old:
        path.unlink()


def read_everything(hub: LocalHub) -> None:
    """Ask a Hub for all that it can tell of the model."""
    assert list(hub.list_models()) == [MODEL]
    head = hub.resolve(MODEL, "main")
    assert hub.resolve(MODEL, head.commit[:8]) is not None
    snapshot = hub.snapshot(head)
    assert "git object" in snapshot.unreadable["config.json"]
    assert len(hub.history(MODEL, pull_requests=True).commits) == 1
    assert hub.read(MODEL, head.commit, "model.safetensors") == WEIGHTS
    with pytest.raises(FileNotInRevisionError):
        list(hub.stream(MODEL, head.commit, "config.json"))


def test_the_trap_is_real(trapped: BareRepository, marker: Path) -> None:
    """Git, asked without our care, does run what the repository's configuration says."""
    subprocess.run(
        ["git", "-c", "safe.directory=*", "--git-dir", trapped.git_dir, "cat-file", "-p", "main:config.json"],
        capture_output=True,
        check=False,
    )
    assert marker.exists()


def test_a_bare_repository_runs_nothing(trapped: BareRepository, marker: Path, tmp_path: Path) -> None:
    """Reading a stranger's repository whole runs none of its commands and fetches nothing that it lacks."""
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        read_everything(hub)
    assert not marker.exists()


def test_a_work_tree_runs_nothing(trapped: BareRepository, marker: Path, tmp_path: Path) -> None:
    """The same holds for the `.git` of a work tree."""
    place = tmp_path / "hub" / MODEL
    place.mkdir()
    trapped.git_dir.rename(place / ".git")
    (place / "model.safetensors").write_bytes(WEIGHTS)
    config = place / ".git" / "config"
    config.write_text(config.read_text().replace("bare = true", "bare = false"))
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        read_everything(hub)
    assert not marker.exists()


def test_a_bundle_runs_nothing(tmp_path: Path, marker: Path) -> None:
    """A bundle is unpacked into a repository of our own; names in it stay names."""
    repository = BareRepository(tmp_path / "there.git")
    commit = repository.commit({"README.md": b"# x"}, "first")
    repository.git("update-ref", f"refs/heads/--upload-pack=touch {marker}".replace(" ", "_"), commit)
    bundle = tmp_path / "hub" / f"{MODEL}.bundle"
    bundle.parent.mkdir(parents=True)
    repository.git("bundle", "create", "--quiet", str(bundle), "--all", "HEAD")
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        assert len(hub.history(MODEL).refs) == 2
    assert not marker.exists()


def test_paths_of_a_tree_lead_nowhere_else(tmp_path: Path) -> None:
    """A tree may name `..`: on this machine it means nothing, whatever stands there with the right hash."""
    place = tmp_path / "hub" / MODEL
    place.mkdir(parents=True)
    git(place, "init", "--quiet", "--initial-branch=main")
    secret = tmp_path / "hub" / "org" / "secret.bin"
    secret.write_bytes(WEIGHTS)
    pointer = format_pointer(hashlib.sha256(WEIGHTS).hexdigest(), len(WEIGHTS))
    written = git(place, "hash-object", "-w", "--stdin", stdin=pointer)
    for name in ("100644 secret.bin", "40000 .."):
        item = name.encode() + b"\0" + bytes.fromhex(written)
        written = git(place, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=item)
    commit = git(place, "commit-tree", written, "-m", "traversal")
    git(place, "update-ref", "refs/heads/main", commit)
    (place / "link.bin").symlink_to(secret)
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        (entry,) = hub.snapshot(hub.resolve(MODEL)).files
        assert entry.path == "../secret.bin"
        with pytest.raises(FileNotInRevisionError, match="is not here"):
            hub.read(MODEL, commit, entry.path)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("bottom", ["file", "empty folder"])
def test_a_tree_bomb_is_refused(tmp_path: Path, bottom: str) -> None:
    """Ten levels of ten equal folders are ten objects and ten thousand million paths: refused, within bounds."""
    repository = BareRepository(tmp_path / "bomb.git")
    item = b"100644 f\0" + bytes.fromhex(repository.git("hash-object", "-w", "--stdin", stdin=b"x"))
    item = item if bottom == "file" else b""
    for _ in range(10):
        tree = repository.git("hash-object", "-w", "-t", "tree", "--stdin", stdin=item)
        item = b"".join(b"40000 %d\0" % number + bytes.fromhex(tree) for number in range(10))
    top = repository.git("hash-object", "-w", "-t", "tree", "--stdin", stdin=item)
    commit = repository.git("commit-tree", top, "-m", "bomb")
    repository.git("update-ref", "refs/heads/main", commit)
    start = time.monotonic()
    objects = open_objects(repository.git_dir, MODEL)
    with pytest.raises(HubAnswerError, match="too large"):
        objects.tree(commit)
    objects.close()
    history = read_history(repository.git_dir, MODEL, source="git-full")
    assert history.commits[0].changes is None
    assert history.incomplete
    assert time.monotonic() - start < 30


def test_no_git_repository_is_said_to_be_none(tmp_path: Path) -> None:
    """A `.git` that git does not understand is an error that names the model, and the other models are listed."""
    (tmp_path / "hub" / MODEL / ".git").mkdir(parents=True)
    (tmp_path / "hub" / MODEL / "README.md").write_text("---\nbase_model: a/b\n---\n")
    (tmp_path / "hub" / "org" / "good").mkdir()
    (tmp_path / "hub" / "org" / "good" / "README.md").write_text("---\nbase_model: a/b\n---\n")
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        with pytest.raises(HubAnswerError, match=MODEL):
            hub.resolve(MODEL)
        assert list(hub.list_models()) == ["org/good", MODEL]
        assert list(hub.list_models(base="a/b")) == ["org/good"]


def test_objects_named_by_sha256_are_refused(tmp_path: Path) -> None:
    """A repository in git's other object format has identities that no Hub shares."""
    place = tmp_path / "hub" / f"{MODEL}.git"
    place.mkdir(parents=True)
    git(place, "init", "--quiet", "--bare", "--object-format=sha256")
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub, pytest.raises(HubAnswerError, match="sha256"):
        hub.resolve(MODEL)
