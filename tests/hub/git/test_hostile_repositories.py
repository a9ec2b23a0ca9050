"""Repositories made to hang, exhaust or deceive: each is refused with its reason, or read as what it is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lineage.errors import ContentMismatchError, HubAnswerError, HubError, RevisionNotFoundError
from lineage.hub.git.history import read_history
from lineage.hub.local.directory import DirectoryHub
from lineage.hub.local.folder import open_folder
from tests.support import hostile_repositories as hostile
from tests.support.bare_repository import BareRepository
from tests.support.hub_kinds import settings
from tests.support.repositories import git
from tests.support.shared import ROOT

MODEL = "org/model"

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]

REASONS = {
    "pipe_as_head": "HEAD in its repository is a named pipe",
    "pipe_as_config": "config in its repository is a named pipe",
    "pipe_as_packed_refs": "packed-refs in its repository is a named pipe",
    "pipe_as_branch": "other in its repository is a named pipe",
    "socket_as_branch": "other in its repository is a socket",
    "pipe_as_alternates": "alternates in its repository is a named pipe",
    "device_as_alternates": "alternates in its repository is a symbolic link that leads out of the repository",
    "alternate_with_a_pipe": "is a named pipe",
    "pipe_as_pack_index": "is a named pipe",
    "device_as_pack": "is a symbolic link that leads out of the repository",
    "pipe_as_loose_object": "is a named pipe",
    "branches_in_a_circle": "is a symbolic link to a folder",
    "branches_outside": "all in its repository is a symbolic link that leads out of the repository",
    "objects_outside": "pack in its repository is a symbolic link that leads out of the repository",
    "giant_head": "HEAD in its repository has 1,099,511,627,776 bytes",
    "giant_packed_refs": "packed-refs in its repository has 1,099,511,627,776 bytes",
    "giant_branch": "other in its repository has 1,099,511,627,776 bytes",
    "giant_alternates": "alternates in its repository has 1,099,511,627,776 bytes",
    "broken_head_commit": "refs/heads/main cannot be read: its object .* is damaged: git cannot read it",
    "missing_head_commit": "refs/heads/main cannot be read: its object .* is missing",
    "forged_head_commit": "the commit .* its content has the id",
    "broken_head_tree": "the tree .* damaged",
    "forged_head_tree": "the tree .* its content has the id",
    "forged_pack": "the tree .* its content has the id",
    "commit_bomb": "the commit .* has 100,0",
}


def place_of(tmp_path: Path) -> Path:
    place = tmp_path / "hub" / f"{MODEL}.git"
    place.parent.mkdir(parents=True)
    return place


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_what_cannot_be_read_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    """A file that is not a file, and an object that is not what its name says, is named in the error, at once."""
    hostile.REFUSED[name](place_of(tmp_path))
    start = time.monotonic()
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        assert list(hub.models()) == [MODEL]
        with pytest.raises(HubError, match=REASONS[name]) as refused:
            hub.snapshot(hub.resolve(MODEL))
    assert type(refused.value) in (HubAnswerError, ContentMismatchError)
    assert MODEL in refused.value.message
    assert refused.value.hint
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("name", ["pipe_as_config", "pipe_as_alternates", "pipe_as_head", "pipe_as_branch"])
def test_a_work_tree_is_refused_for_the_same_reasons(tmp_path: Path, name: str) -> None:
    """The `.git` of a work tree, and a folder that is named by its path, are looked at too."""
    place = place_of(tmp_path)
    hostile.REFUSED[name](place)
    tree = tmp_path / "hub" / MODEL
    tree.mkdir()
    place.rename(tree / ".git")
    for on_disk in (False, True):
        with (
            open_folder(tree, settings(tmp_path), on_disk=on_disk) as hub,
            pytest.raises(HubAnswerError, match=REASONS[name]),
        ):
            hub.snapshot(hub.resolve(hub.model))


@pytest.mark.parametrize("name", [name for name in hostile.READABLE if name != "commits_in_strange_encodings"])
def test_the_default_branch_is_what_head_names(tmp_path: Path, name: str) -> None:
    """No ref that a person may push, and no configuration, changes what `main` is."""
    place = place_of(tmp_path)
    hostile.READABLE[name](place)
    good = hostile.good_model(tmp_path / "good.git").git("rev-parse", "main")
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        for text in (None, "HEAD", "main", "refs/heads/main", good, good[:10]):
            assert hub.resolve(MODEL, text).commit == good
        refs = {ref.name: ref.target for ref in hub.snapshot(hub.resolve(MODEL)).refs}
        history = hub.history(MODEL)
    assert refs["refs/heads/main"] == good
    assert (history.default_branch, history.incomplete) == ("refs/heads/main", None)
    pushed = len({commit.target for commit in history.refs})
    assert pushed == (1 if name == "included_pipe" else 2)


def test_each_ref_keeps_its_own_name(tmp_path: Path) -> None:
    """Names with other ends of lines, and names that are not UTF-8, are names like all others, one for each ref."""
    hostile.branches_that_forge_main(tmp_path / "one.git")
    hostile.branches_that_are_not_text(tmp_path / "two.git")
    forged = [ref.name for ref in read_history(tmp_path / "one.git", MODEL, source="git-full").refs]
    strange = [ref.name for ref in read_history(tmp_path / "two.git", MODEL, source="git-full").refs]
    assert len(forged) == len(set(forged)) == 13
    assert [name for name in forged if name.endswith("refs/heads/main")].count("refs/heads/main") == 1
    assert strange == [
        "refs/heads/\\xfe", "refs/heads/\\xff", "refs/heads/main", "refs/heads/main\\xff", "refs/tags/v\\xc3",
    ]  # fmt: skip


def test_a_full_ref_name_means_that_ref_only(tmp_path: Path) -> None:
    """A branch called `refs/heads/gone` is not the branch `gone`."""
    repository = hostile.good_model(place_of(tmp_path))
    repository.git("update-ref", "refs/heads/refs/heads/gone", "main~1")
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        with pytest.raises(RevisionNotFoundError):
            hub.resolve(MODEL, "refs/heads/gone")
        assert hub.resolve(MODEL, "refs/heads/refs/heads/gone").commit == repository.git("rev-parse", "main~1")


def test_strange_encodings_are_read_as_utf_8(tmp_path: Path) -> None:
    """A codec that is slow, makes surrogates or is none is not used; the text can be written, and was read at once."""
    hostile.commits_in_strange_encodings(tmp_path / "model.git")
    start = time.monotonic()
    history = read_history(tmp_path / "model.git", MODEL, source="git-full")
    assert time.monotonic() - start < 20
    assert history.incomplete is None
    titles = [commit.title for commit in history.commits[3:]]
    assert [len(titles[0]), *titles[1:]] == [
        3_000_001, "\\ud800 title", "\\ud800 title", "+2AA- title", "\0\ufffd", "xn--" + "a" * 100_000, "x",
        "NUL in the name", "café",
    ]  # fmt: skip
    assert history.model_dump_json().encode()


def test_a_ref_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A branch beside the default one whose commit is damaged is neither gone nor empty: it is not known."""
    repository = hostile.good_model(place_of(tmp_path))
    lost = repository.commit({"README.md": b"# other"}, "other", branch="refs/heads/other")
    hostile.loose(repository, lost).unlink()
    hostile.loose(repository, lost).write_bytes(b"not a zlib stream")
    (repository.git_dir / "refs" / "heads" / "empty").write_bytes(b"")
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        history = hub.history(MODEL)
        assert [ref.name for ref in history.refs] == ["refs/heads/main"]
        assert "refs/heads/empty (it does not name a commit)" in str(history.incomplete)
        assert f"refs/heads/other (its object {lost} is damaged" in str(history.incomplete)
        for revision, why in (("other", "damaged"), ("empty", "does not name a commit"), (lost, "damaged")):
            with pytest.raises(HubAnswerError, match=why):
                hub.snapshot(hub.resolve(MODEL, revision))
        assert hub.snapshot(hub.resolve(MODEL)).card == {"license": "mit"}


def test_a_broken_default_branch_is_not_replaced_by_another(tmp_path: Path) -> None:
    """Where the branch that HEAD names is damaged, the only other branch does not take its place."""
    repository = hostile.good_model(place_of(tmp_path))
    repository.git("update-ref", "refs/heads/other", "main~1")
    repository.git("pack-refs", "--all")
    (repository.git_dir / "refs" / "heads" / "main").write_bytes(b"")
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        with pytest.raises(HubAnswerError, match="refs/heads/main cannot be read: it does not name a commit"):
            hub.resolve(MODEL)
        assert hub.history(MODEL).default_branch == "refs/heads/main"


def test_a_damaged_commit_ends_the_history_with_a_reason(tmp_path: Path) -> None:
    """What lies before a commit whose content is another's is not known, and is not a shallow clone."""
    repository = hostile.good_model(place_of(tmp_path))
    middle = repository.git("rev-parse", "main~1")
    first = hostile.loose(repository, repository.git("rev-parse", "main~2")).read_bytes()
    hostile.loose(repository, middle).unlink()
    hostile.loose(repository, middle).write_bytes(first)
    history = read_history(repository.git_dir, MODEL, source="git-full")
    assert [commit.title for commit in history.commits] == ["Create README.md"]
    assert history.commits[0].changes is None
    assert f"commits cannot be read: {middle[:12]}" in str(history.incomplete)
    assert "shallow" not in str(history.incomplete)


def test_a_pointer_with_another_content_is_not_followed(tmp_path: Path) -> None:
    """A forged pointer names weights that the commit does not have: neither its hash nor its size is used."""
    repository = hostile.good_model(place_of(tmp_path))
    new, old = (repository.git("rev-parse", f"{name}:model.safetensors") for name in ("main", "main~2"))
    data = hostile.loose(repository, old).read_bytes()
    hostile.loose(repository, new).unlink()
    hostile.loose(repository, new).write_bytes(data)
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        resolved = hub.resolve(MODEL)
        snapshot = hub.snapshot(resolved)
        entry = next(entry for entry in snapshot.files if entry.path == "model.safetensors")
        assert (entry.blob_id, entry.sha256, entry.size) == (new, None, None)
        assert f"its content has the id {old}" in snapshot.without_bytes["model.safetensors"]
        with pytest.raises(ContentMismatchError, match=old):
            hub.read(MODEL, resolved.commit, "model.safetensors")
        changes = [change.new for commit in hub.history(MODEL).commits for change in commit.changes or ()]
    assert [change.sha256 for change in changes if change and change.blob_id == new] == [None]


@pytest.mark.slow
def test_git_is_not_asked_in_the_folder_of_the_user(tmp_path: Path) -> None:
    """A hostile repository around the folder that a command is run in is not read."""
    repository = hostile.good_model(place_of(tmp_path))
    around = tmp_path / "around"
    around.mkdir()
    git(around, "init", "--quiet")
    (around / ".git" / "config").unlink()
    os.mkfifo(around / ".git" / "config")
    bundle = tmp_path / "hub" / "org" / "bundled.bundle"
    repository.git("bundle", "create", "--quiet", str(bundle), "--all", "HEAD")
    code = (
        "from pathlib import Path; from lineage.hub.local.directory import DirectoryHub;"
        "from lineage.settings.environment import Settings;"
        f"hub = DirectoryHub(Path({str(tmp_path / 'hub')!r}), Settings.from_environment({{'LINEAGE_CACHE': 'cache'}}));"
        "print(*(len(hub.history(name).commits) for name in hub.models()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=around, env=environment, capture_output=True, timeout=60, check=True
    )
    assert done.stdout.split() == [b"3", b"3"]


@pytest.mark.slow
def test_a_commit_bomb_costs_little_memory(tmp_path: Path) -> None:
    """Neither this process nor git takes the space of what a small file claims to hold."""
    hostile.commit_bomb(tmp_path / "model.git")
    code = (
        "from pathlib import Path; from lineage.hub.git.history import read_history;"
        f"print(read_history(Path({str(tmp_path / 'model.git')!r}), 'm', source='git-full').incomplete)"
    )
    # A process that is started counts its parent's memory as its own: a small process starts the one that is measured.
    measure = (
        "import resource, subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-c", measure, code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=True)
    reason, kilobytes = done.stdout.decode().splitlines()
    assert "has 100,0" in reason
    assert int(kilobytes) < 90_000


def test_borrowed_objects_are_read(tmp_path: Path) -> None:
    """A clone that borrows objects from another repository is an ordinary one."""
    repository = hostile.good_model(tmp_path / "there.git")
    place = place_of(tmp_path)
    git(tmp_path, "clone", "--quiet", "--bare", "--shared", str(repository.git_dir), str(place))
    assert (place / "objects" / "info" / "alternates").is_file()
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        assert hub.snapshot(hub.resolve(MODEL)).card == {"license": "mit"}


def test_a_linked_work_tree_is_read(tmp_path: Path) -> None:
    """The HEAD of a linked work tree is its own, and the refs and objects are the other repository's."""
    repository = hostile.good_model(tmp_path / "there.git")
    tree = tmp_path / "hub" / MODEL
    repository.git("worktree", "add", "--quiet", "--no-checkout", "-b", "side", str(tree), "main~1")
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        assert hub.resolve(MODEL).commit == repository.git("rev-parse", "main~1")
        assert hub.history(MODEL).default_branch == "refs/heads/side"


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    """A repository of a later version of git may keep refs or objects elsewhere."""
    repository: BareRepository = hostile.good_model(place_of(tmp_path))
    repository.git("config", "core.repositoryformatversion", "1")
    repository.git("config", "extensions.elsewhere", "true")
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub, pytest.raises(HubAnswerError, match="elsewhere"):
        hub.resolve(MODEL)


@pytest.mark.parametrize(
    "items", [(b"100644 a", b"100644 a"), (b"100644 a", b"40000 a"), (b"100644 \xff", b"100644 \\xff")]
)
def test_two_entries_of_one_name_are_no_file(tmp_path: Path, items: tuple[bytes, ...]) -> None:
    """Of two entries of one name, or of names that are shown alike, it is not known which one is meant."""
    repository = hostile.good_model(place_of(tmp_path))
    ids = {
        b"100644": repository.git("rev-parse", "main:config.json"),
        b"40000": repository.git("rev-parse", "main^{tree}"),
    }
    tree = b"".join(item + b"\0" + bytes.fromhex(ids[item.split()[0]]) for item in items)
    name = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=tree)
    commit = repository.git("commit-tree", name, "-p", "main", "-m", "two")
    repository.git("update-ref", "refs/heads/main", commit)
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        with pytest.raises(HubAnswerError, match="two entries"):
            hub.snapshot(hub.resolve(MODEL))
        assert len(hub.history(MODEL).commits) == 4


def test_missing_parents_are_not_always_those_of_a_shallow_clone(tmp_path: Path) -> None:
    """Only a clone that is shallow is called so; elsewhere missing commits are damage."""
    repository = hostile.good_model(place_of(tmp_path))
    hostile.loose(repository, repository.git("rev-parse", "main~1")).unlink()
    history = read_history(repository.git_dir, MODEL, source="git-full")
    assert history.incomplete == "the repository is damaged: 1 parent commits are missing"
