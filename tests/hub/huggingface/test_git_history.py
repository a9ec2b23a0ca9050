"""History by git: a whole repository in one fetch, and what happens where git cannot be had."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import HubAnswerError, HubUnreachableError
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage_schemas.history import Commit, History
from tests.hub.conftest import CARD, WEIGHTS, Listening, OpenHub
from tests.support import hostile_repositories, hub_faults
from tests.support.bare_repository import BareRepository, bare_from_bundle
from tests.support.hub_faults import Answer, Asked
from tests.support.hub_server import HubServer
from tests.support.real_git import GIT
from tests.support.repositories import git as git_at
from tests.support.repositories import recorded_history
from tests.support.shared import ROOT, SHARED, needs_shared

pytestmark = pytest.mark.slow

REFLECTION = ROOT / "lineage/demo_data/hub/mattshumer/Reflection-Llama-3.1-70B.bundle"


def comparable(history: History, *, sizes: bool = True) -> list[dict[str, Any]]:
    """Leave out what only git tells, authors as it knows them and signatures, and sizes on request."""
    commits = [commit.model_dump(exclude={"author_key", "signed"}) for commit in history.commits]
    for commit in commits if not sizes else ():
        for version in (change[side] for change in commit["changes"] for side in ("old", "new")):
            if version and not version["sha256"]:
                version["size"] = None
    return commits


@pytest.fixture
def reflection(server: HubServer, tmp_path: Path) -> str:
    """Serve the 355 commits of a real repository."""
    server.add("mattshumer/Reflection", bare_from_bundle(REFLECTION, tmp_path / "served" / "reflection.git"))
    return "mattshumer/Reflection"


def test_355_commits_in_four_requests(hub: HuggingFaceHub, reflection: str, server: HubServer) -> None:
    """A long history costs at most four requests, and after them every commit and its changes are known."""
    history = hub.history(reflection, pull_requests=True)
    assert len(server.log) <= 4
    assert (history.source, history.default_branch, history.incomplete) == ("git-partial", "refs/heads/main", None)
    assert len(history.commits) == 355
    assert all(commit.changes is not None for commit in history.commits)


@pytest.mark.slow
def test_api_tells_the_same(open_hub: OpenHub, reflection: str, server: HubServer) -> None:
    """On a linear history the API tells the same commits, parents, dates, titles and changes as git."""
    by_git = open_hub().history(reflection, pull_requests=True)
    server.git = False
    by_api = open_hub().history(reflection, pull_requests=True)
    assert by_api.source == "api"
    assert comparable(by_api) == comparable(by_git)
    assert (by_api.refs, by_api.default_branch) == (by_git.refs, by_git.default_branch)


def _linear_histories() -> list[Path]:
    """Find the recorded histories without merges that are short enough to be asked for commit by commit."""
    found = []
    for path in sorted((SHARED / "data" / "histories").glob("*.json.gz")):
        commits = json.loads(gzip.decompress(path.read_bytes()))["commits"]
        if len(commits) <= 20 and all(len(commit["parents"]) < 2 for commit in commits):
            found.append(path)
    return found


@needs_shared
def test_api_tells_the_same_of_real_histories(open_hub: OpenHub, server: HubServer, tmp_path: Path) -> None:
    """On every recorded linear history git and API agree, but for sizes of large files that git keeps itself."""
    paths = _linear_histories()
    assert paths
    for number, path in enumerate(paths):
        recorded_history(path, tmp_path / "served" / f"{number}.git")
        server.add(f"real/{number}", tmp_path / "served" / f"{number}.git")
    by_git = [open_hub().history(model) for model in server.repositories]
    server.git = False
    by_api = [open_hub().history(model) for model in server.repositories]
    assert {history.source for history in by_git} == {"git-partial"}
    for one, other in zip(by_git, by_api, strict=True):
        assert comparable(one, sizes=False) == comparable(other, sizes=False)
        assert (one.refs, one.default_branch, other.incomplete) == (other.refs, other.default_branch, None)


def test_small_history(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """Pointers are followed: a weight file's change tells the hash and size of its content."""
    history = hub.history("org/model")
    assert history.source == "git-partial"
    assert [commit.title for commit in history.commits] == ["first upload", "new weights", "Create README.md"]
    (change,) = history.commits[1].changes or ()
    assert change.new is not None
    assert (change.path, change.new.size) == ("model.safetensors", len(WEIGHTS))
    assert change.new.sha256 is not None


def test_second_run_is_cheap(open_hub: OpenHub, repository: BareRepository, server: HubServer) -> None:
    """The next run asks for the refs, and fetches only what is new."""
    hub = open_hub()
    hub.history("org/model")
    server.log.clear()
    hub.history("org/model")
    assert len(server.log) == 2
    added = repository.commit({"a.txt": b"a"}, "fourth")
    server.log.clear()
    assert hub.history("org/model").commits[-1].id == added
    assert len(server.log) <= 5
    assert [commit.id for commit in open_hub().history("org/model").commits][-1] == added


def test_server_without_filters(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A server that gives no partial copies gives the same history whole."""
    expected = comparable(hub.history("org/model"))
    server.filters = False
    server.add("org/again", repository.git_dir)
    history = hub.history("org/again")
    assert history.source == "git-full"
    assert comparable(history) == expected


def test_endpoint_without_git(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, listening: Listening
) -> None:
    """An endpoint that speaks no git is asked through its API, and a person is told what that costs."""
    server.git = False
    history = hub.history("org/model")
    assert (history.source, len(history.commits)) == ("api", 3)
    assert any("one request per commit" in note for note in listening.notes)


def test_machine_without_git(
    hub: HuggingFaceHub,
    repository: BareRepository,
    listening: Listening,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Without git on the PATH the API tells the history; a note says why."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hub.history("org/model").source == "api"
    assert any("git is not installed" in note for note in listening.notes)


def test_cache_that_cannot_be_written(
    hub: HuggingFaceHub, repository: BareRepository, listening: Listening, tmp_path: Path
) -> None:
    """A cache folder that cannot be made is no reason to fail: the API tells the history; a note says why."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cache").write_text("a file where the folder should be")
    assert hub.history("org/model").source == "api"
    assert any("cache" in note for note in listening.notes)


def test_busy_git(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A git server that is busy for a moment is tried again."""
    server.fault("/org/model/info/refs", hub_faults.refused(503), times=2)
    assert hub.history("org/model").source == "git-partial"


def test_git_busy_for_ever(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A git server that stays busy leaves the history to the API; if that is busy too, the Hub is unreachable."""
    server.fault("/org/model/info/refs", hub_faults.refused(503))
    assert hub.history("org/model").source == "api"
    server.fault("/api/*", hub_faults.refused(503))
    with pytest.raises(HubUnreachableError):
        hub.history("org/model")


def test_cut_pack(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A fetch that is cut off leaves no half copy behind: the next try has the whole history."""
    server.fault("/org/model/git-upload-pack", hub_faults.cut_body(100), times=2)
    history = hub.history("org/model")
    assert (history.source, len(history.commits), history.incomplete) == ("git-partial", 3, None)


def test_gated(hub: HuggingFaceHub, repository: BareRepository, server: HubServer, listening: Listening) -> None:
    """A gated model refuses git; what the API shows of it is told."""
    expected = comparable(hub.history("org/model"))
    server.add("org/gated", repository.git_dir, gated="auto")
    history = hub.history("org/gated")
    assert history.source == "api"
    assert comparable(history) == expected


def test_gated_with_token(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the right token git reads a gated model."""
    server.repositories["org/model"].gated = "auto"
    monkeypatch.setenv("HF_TOKEN", server.token)
    assert hub.history("org/model").source == "git-partial"


def test_token_is_in_no_argument(
    hub: HuggingFaceHub,
    repository: BareRepository,
    server: HubServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Git gets the token in a way that no list of processes shows, and keeps it in no file."""
    import base64

    shim = tmp_path / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nfor a in "$@"; do echo "$a" >> {tmp_path}/arguments; done\nexec {GIT} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(shim.parent), prepend=":")
    monkeypatch.setenv("HF_TOKEN", server.token)
    assert hub.history("org/model").source == "git-partial"
    assert hub.history("org/model").source == "git-partial"
    secrets = [server.token, base64.b64encode(f"user:{server.token}".encode()).decode()]
    arguments = (tmp_path / "arguments").read_text()
    assert "clone" in arguments
    assert "ls-remote" in arguments
    files = [path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()]
    shown = "".join(capfd.readouterr())
    for secret in secrets:
        assert secret not in arguments
        assert secret not in shown
        assert not any(secret.encode() in content for content in files)
    assert all("authorization" in asked.headers for asked in server.asked("/org/model/*"))


def test_renamed_with_token(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renamed model is fetched under its new name, so that git never carries the token along a redirect."""
    server.rename("org/model", "neworg/model")
    monkeypatch.setenv("HF_TOKEN", server.token)
    history = hub.history("org/model")
    assert (history.model, history.source) == ("neworg/model", "git-partial")


def test_small_files_come_from_the_copy(open_hub: OpenHub, repository: BareRepository, server: HubServer) -> None:
    """After a history small files of every commit are read without a request, offline too; weights are not."""
    hub = open_hub()
    history = hub.history("org/model")
    server.log.clear()
    head = history.commits[-1].id
    assert hub.read("org/model", head, "README.md") == CARD
    assert hub.read("org/model", head, "README.md", 4, 10) == CARD[4:14]
    assert open_hub(offline=True).read("org/model", head, "README.md") == CARD
    assert b"".join(open_hub(offline=True).stream("org/model", head, "README.md")) == CARD
    assert server.log == []
    assert hub.read("org/model", head, "model.safetensors", 0, 8) == WEIGHTS[:8]
    with pytest.raises(HubUnreachableError):
        open_hub(offline=True).read("org/model", head, "model.safetensors", 0, 8)


def test_large_files_in_git_are_not_fetched_by_git(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer
) -> None:
    """A blob beyond the filter stays away: its size is unknown, and reading it is one request, not a lazy fetch."""
    large = bytes(range(256)) * 400
    repository.commit({"tokenizer.json": large}, "tokenizer")
    history = hub.history("org/model")
    (change,) = history.commits[-1].changes or ()
    assert change.new is not None
    assert (change.new.size, change.new.sha256) == (None, None)
    server.log.clear()
    assert hub.read("org/model", history.commits[-1].id, "tokenizer.json") == large
    assert [asked.path.split("/")[3] for asked in server.log] == ["resolve"]


def test_snapshot_after_history_costs_less(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """Card and config that the copy holds are not asked for again."""
    hub.history("org/model")
    resolved = hub.resolve("org/model")
    server.log.clear()
    snapshot = hub.snapshot(resolved)
    assert snapshot.card_text == CARD.decode()
    assert server.asked("/org/model/resolve/*") == []


def test_rewritten_history(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """After a squash and a deleted tag only what is there now is told; nothing fails."""
    hub.history("org/model")
    squashed = server.repositories["org/model"].squash()
    repository.git("tag", "-d", "v1.0")
    history = hub.history("org/model")
    assert [commit.id for commit in history.commits] == [squashed]
    assert [ref.name for ref in history.refs] == ["refs/heads/main"]


def test_vanished_branch(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """A branch that is gone is no longer among the refs."""
    repository.commit({"side.txt": b"1"}, "on the side", branch="refs/heads/side")
    assert "refs/heads/side" in {ref.name for ref in hub.history("org/model").refs}
    repository.git("update-ref", "-d", "refs/heads/side")
    assert "refs/heads/side" not in {ref.name for ref in hub.history("org/model").refs}


def test_pull_requests_on_request(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """Commits of pull requests come when they are asked for, and do not stay when they are not."""
    request = repository.commit({"a.txt": b"a"}, "proposal", branch="refs/pr/1")

    def ids(commits: tuple[Commit, ...]) -> set[str]:
        return {commit.id for commit in commits}

    assert request not in ids(hub.history("org/model").commits)
    assert request in ids(hub.history("org/model", pull_requests=True).commits)
    assert request not in ids(hub.history("org/model").commits)


def test_prefix_is_found_in_the_history(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """The first digits of an old commit are looked up in one fetch, not in a one request per commit."""
    commit = repository.git("rev-parse", "main~2")
    assert hub.resolve("org/model", commit[:8]).commit == commit
    assert server.asked("/api/models/org/model/tree/*") == []


def test_a_pushed_name_does_not_move_main(server: HubServer, tmp_path: Path, hub: HuggingFaceHub) -> None:
    """Names that look like a row of `main` are refs of their own, in the copy by git and in the API's list."""
    builders = (hostile_repositories.branches_that_forge_main, hostile_repositories.refs_named_like_main)
    for number, build in enumerate(builders):
        place = tmp_path / "served" / f"{number}.git"
        build(place)
        model = f"org/forged-{number}"
        server.add(model, place)
        head = git_at(place, "rev-parse", "refs/heads/main")
        by_git = hub.history(model)
        assert (by_git.source, by_git.default_branch) == ("git-partial", "refs/heads/main")
        listed = hub.refs(model).refs
        known = {ref.name: ref.target for ref in listed}
        assert {ref.name: ref.target for ref in by_git.refs} == known
        assert known["refs/heads/main"] == hub.resolve(model).commit == head
        moved = by_git.commits[1].id
        git_at(place, "update-ref", "refs/heads/main", moved)
        again = {ref.name: ref.target for ref in hub.history(model).refs}
        assert again == known | {"refs/heads/main": moved}


def test_no_text_of_the_hub_holds_a_surrogate(
    server: HubServer, repository: BareRepository, hub: HuggingFaceHub
) -> None:
    """Refs, titles, paths and tags out of JSON can be written as UTF-8, whatever escapes the JSON had."""

    def with_surrogates(asked: Asked, truth: Callable[[Asked], Answer]) -> Answer:
        answer = truth(asked)
        body = answer.body.replace(b"refs/tags/v1.0", b"refs/tags/\\ud800").replace(b"new weights", b"\\udfff")
        body = body.replace(b'"README.md"', b'"READ\\udc00.md"').replace(b"license:mit", b"license:\\ud812")
        return replace(answer, body=body, length=None)

    server.fault("/api/*", with_surrogates)
    server.fault("*/info/refs", hub_faults.not_found())
    snapshot = hub.snapshot(hub.resolve("org/model"))
    history = hub.history("org/model")
    assert history.source == "api"
    assert snapshot.model_dump_json().encode()
    assert history.model_dump_json().encode()
    assert {"READ\\udc00.md"} < {entry.path for entry in snapshot.files}
    assert {"refs/tags/\\ud800"} < {ref.name for ref in snapshot.refs}
    assert "\\udfff" in {commit.title for commit in history.commits}


@pytest.mark.parametrize(
    "ref",
    [
        {"name": "x", "ref": "refs/heads/x", "targetCommit": "main"},
        {"name": "x", "ref": "refs/tags/x", "targetCommit": "1" * 40},
        {"name": "main", "ref": "refs/heads/main", "targetCommit": "1" * 40},
    ],
    ids=["target", "kind", "twice"],
)
def test_a_ref_that_is_none_is_an_error(
    server: HubServer, repository: BareRepository, hub: HuggingFaceHub, ref: dict[str, str]
) -> None:
    """A list of refs in which one has no id, no name of its kind or no name of its own is not used."""

    def with_another(asked: Asked, truth: Callable[[Asked], Answer]) -> Answer:
        answer = truth(asked)
        listed = json.loads(answer.body)
        listed["branches"].append(ref)
        return replace(answer, body=json.dumps(listed).encode(), length=None)

    server.fault("*/refs", with_another)
    with pytest.raises(HubAnswerError, match="org/model"):
        hub.resolve("org/model", "main")
