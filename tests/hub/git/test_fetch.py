"""Bare copies of repositories: cheap, whole, and safe from interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lineage.errors import HubError, HubUnreachableError, ModelNotFoundError
from lineage.hub.git.history import open_objects, read_history
from lineage.hub.git.program import fetch_repository
from tests.support import hub_faults
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer
from tests.support.shared import ROOT

pytestmark = pytest.mark.slow

LARGE_TEXT = bytes(range(256)) * 1000


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def there(server: HubServer, tmp_path: Path) -> BareRepository:
    """Serve `org/model` with two branches, HEAD on the one that is not `main`, and a large file outside LFS."""
    there = BareRepository(tmp_path / "there.git", branch="refs/heads/develop")
    there.commit({"config.json": b"{}", "model.safetensors": b"\0" * 100, "vocabulary": LARGE_TEXT}, "first")
    there.commit({"config.json": b'{"a": 1}'}, "second", branch="refs/heads/main")
    there.tag("v1")
    server.add("org/model", there.git_dir)
    return there


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copies" / "org" / "model.git"


def fetch(server: HubServer, copy: Path, *, pull_requests: bool = False) -> str:
    url = f"{server.endpoint}/org/model"
    return fetch_repository(url, copy, model="org/model", pull_requests=pull_requests)


def heads(copy: Path) -> dict[str, str]:
    history = read_history(copy, "org/model", source="git-partial", pull_requests=True)
    return {ref.name: ref.target for ref in history.refs}


def test_a_first_copy_costs_three_requests(there: BareRepository, server: HubServer, copy: Path) -> None:
    """All branches and tags, and which branch HEAD means, come in one fetch."""
    assert fetch(server, copy) == "git-partial"
    assert len(server.log) == 3
    history = read_history(copy, "org/model", source="git-partial")
    assert history.default_branch == "refs/heads/develop"
    assert {ref.name for ref in history.refs} == {"refs/heads/develop", "refs/heads/main", "refs/tags/v1"}
    assert [commit.title for commit in history.commits] == ["first", "second"]


def test_reading_a_copy_asks_nobody(there: BareRepository, server: HubServer, copy: Path) -> None:
    """A file that the filter left out is unknown in size and never fetched behind our back."""
    fetch(server, copy)
    server.log.clear()
    history = read_history(copy, "org/model", source="git-partial")
    new = {change.path: change.new for change in history.commits[0].changes or ()}
    assert new["model.safetensors"] is not None
    assert new["model.safetensors"].size == 100
    assert new["vocabulary"] is not None
    assert (new["vocabulary"].size, new["vocabulary"].sha256) == (None, None)
    assert server.log == []


def test_a_second_call_costs_two_requests(there: BareRepository, server: HubServer, copy: Path) -> None:
    """Where nothing moved, looking at the refs is all."""
    fetch(server, copy)
    server.log.clear()
    assert fetch(server, copy) == "git-partial"
    assert len(server.log) == 2


def test_what_is_new_is_fetched(there: BareRepository, server: HubServer, copy: Path) -> None:
    """New commits and a new default branch arrive, in five requests."""
    fetch(server, copy)
    server.log.clear()
    new = there.commit({"README.md": b"# new"}, "third", branch="refs/heads/main")
    there.git("symbolic-ref", "HEAD", "refs/heads/main")
    fetch(server, copy)
    assert len(server.log) == 5
    history = read_history(copy, "org/model", source="git-partial")
    assert history.default_branch == "refs/heads/main"
    assert history.commits[-1].id == new


def test_pull_requests_come_when_asked_for(there: BareRepository, server: HubServer, copy: Path) -> None:
    """A copy without pull requests gets them later, and keeps to branches and tags otherwise."""
    request = there.commit({"README.md": b"# theirs"}, "theirs", branch="refs/pr/7")
    fetch(server, copy)
    assert "refs/pr/7" not in heads(copy)
    fetch(server, copy, pull_requests=True)
    assert heads(copy)["refs/pr/7"] == request
    history = read_history(copy, "org/model", source="git-partial", pull_requests=True)
    assert {commit.id: commit.pull_request for commit in history.commits}[request] == 7


def test_a_vanished_branch_leaves_its_commits(there: BareRepository, server: HubServer, copy: Path) -> None:
    """The name goes, and what it pointed at can still be read by its id."""
    lost = there.commit({"README.md": b"# lost"}, "lost", branch="refs/heads/lost")
    fetch(server, copy)
    there.git("update-ref", "-d", "refs/heads/lost")
    fetch(server, copy)
    assert "refs/heads/lost" not in heads(copy)
    objects = open_objects(copy, "org/model")
    assert objects.commits_or_unreadable(lost) == [lost]
    assert "README.md" in {entry.path for entry in objects.tree(lost)}
    objects.close()


def test_a_server_without_filters_sends_everything(there: BareRepository, server: HubServer, copy: Path) -> None:
    """The copy is whole then, and says so, now and at every later call."""
    server.filters = False
    assert fetch(server, copy) == "git-full"
    assert fetch(server, copy) == "git-full"
    objects = open_objects(copy, "org/model")
    sizes = {entry.path: entry.size for entry in objects.tree(there.git("rev-parse", "develop"))}
    assert sizes["vocabulary"] == len(LARGE_TEXT)
    objects.close()


def test_an_interrupted_copy_is_done_again(there: BareRepository, server: HubServer, copy: Path) -> None:
    """Neither half a clone nor a folder that only looks like one is taken for a copy."""
    half = copy.with_name("model.git.unfinished")
    for folder in (half, copy):
        (folder / "objects").mkdir(parents=True)
        (folder / "HEAD").write_text("ref: refs/heads/main\n")
    fetch(server, copy)
    assert not half.exists()
    assert heads(copy)["refs/heads/main"] == there.git("rev-parse", "main")


def test_a_killed_fetch_is_survived(there: BareRepository, server: HubServer, copy: Path) -> None:
    """A process that dies in the middle of a fetch leaves nothing behind that the next one stumbles over."""
    server.fault("*/git-upload-pack", hub_faults.slow(2.0))
    code = (
        "from pathlib import Path; from lineage.hub.git.program import fetch_repository;"
        f"fetch_repository({server.endpoint + '/org/model'!r}, Path({str(copy)!r}), model='org/model')"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True)
    unfinished = copy.with_name("model.git.unfinished")
    while not unfinished.exists() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert unfinished.exists()
    assert not copy.exists()
    server.mend()
    fetch(server, copy)
    assert len(heads(copy)) == 3


def test_locks_of_a_dead_git_are_removed(there: BareRepository, server: HubServer, copy: Path) -> None:
    """A git that was killed while it moved a ref does not block the copy for ever."""
    fetch(server, copy)
    for name in ("packed-refs.lock", "HEAD.lock", "refs/heads/main.lock"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).touch()
    new = there.commit({"README.md": b"# new"}, "third", branch="refs/heads/main")
    fetch(server, copy)
    assert heads(copy)["refs/heads/main"] == new


def test_one_works_and_the_others_wait(there: BareRepository, server: HubServer, copy: Path) -> None:
    """Four at once make one copy: one clones, the others find it there."""
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: fetch(server, copy), range(4))) == {"git-partial"}
    assert len(server.log) == 3 + 3 * 2
    assert len(heads(copy)) == 3


def test_an_empty_repository_is_copied(server: HubServer, copy: Path, tmp_path: Path) -> None:
    """A model without a commit has a history without one, and can grow."""
    there = BareRepository(tmp_path / "empty.git")
    server.add("org/model", there.git_dir)
    fetch(server, copy)
    assert read_history(copy, "org/model", source="git-partial").commits == ()
    there.commit({"README.md": b"# first"}, "first")
    fetch(server, copy)
    assert [c.title for c in read_history(copy, "org/model", source="git-partial").commits] == ["first"]


def test_refusals_are_told_apart(
    server: HubServer, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such repository, no answer, no room and no git are four different errors, each naming the model."""
    with pytest.raises(ModelNotFoundError, match="org/model"):
        fetch(server, copy)
    with pytest.raises(HubUnreachableError, match="org/model"):
        fetch_repository("http://127.0.0.1:9/org/model", copy, model="org/model")
    (tmp_path / "file").touch()
    with pytest.raises(HubError, match="cannot be used") as refused:
        fetch(server, tmp_path / "file" / "model.git")
    assert refused.value.hint
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HubError, match="git is not installed"):
        fetch(server, copy)


def test_no_other_protocol_is_spoken(there: BareRepository, copy: Path) -> None:
    """An address that would run a command is refused by git itself."""
    marker = copy.parent.parent / "ran"
    with pytest.raises(HubError):
        fetch_repository(f"ext::sh -c touch% {marker}", copy, model="org/model")
    assert not marker.exists()


def test_bundle_that_lacks_what_it_builds_on_is_refused(tmp_path: Path) -> None:
    """A bundle with a prerequisite that nobody has is refused at once: git must not look for it on and on."""
    bundle = tmp_path / "evil.bundle"
    bundle.write_bytes(b"# v2 git bundle\n-" + b"a" * 40 + b" x\n" + b"b" * 40 + b" refs/heads/main\n\n")
    with pytest.raises(HubError):
        fetch_repository(str(bundle), tmp_path / "copy.git", model="evil/prereq")
    assert not (tmp_path / "copy.git").exists()
