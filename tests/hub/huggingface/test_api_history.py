"""History through the API, where git cannot be had: the same commits and changes at a request each."""

from __future__ import annotations

import json

import pytest

from lineage.errors import HubAnswerError, RevisionNotFoundError
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage_schemas.history import Commit
from tests.hub.conftest import Hurry
from tests.support import hub_faults
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer

pytestmark = pytest.mark.slow

TREES = "/api/models/org/model/tree/*"
COMMITS = "/api/models/org/model/commits/*"


@pytest.fixture(autouse=True)
def no_git(server: HubServer) -> None:
    server.git = False


def told(commit: Commit) -> list[tuple[str, str]]:
    assert commit.changes is not None
    return [(change.status, change.path) for change in commit.changes]


def test_commits_parents_and_changes(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """Each commit is told with its parent, the next older one, and with what it changed."""
    history = hub.history("org/model")
    assert (history.source, history.default_branch, history.incomplete) == ("api", "refs/heads/main", None)
    assert [commit.title for commit in history.commits] == ["first upload", "new weights", "Create README.md"]
    first, second, third = history.commits
    assert [first.parents, second.parents, third.parents] == [(), (first.id,), (second.id,)]
    assert third.id == repository.git("rev-parse", "main")
    assert told(first) == [("A", "config.json"), ("A", "model.safetensors")]
    assert told(second) == [("M", "model.safetensors")]
    assert told(third) == [("A", "README.md")]
    assert second.changes is not None
    change = second.changes[0]
    assert change.old is not None
    assert change.new is not None
    assert (change.old.size, change.new.size) == (100, 256_000)
    assert change.new.sha256 is not None
    assert change.new.blob_id == repository.git("rev-parse", "main:model.safetensors")
    assert {(ref.name, ref.kind) for ref in history.refs} == {("refs/heads/main", "branch"), ("refs/tags/v1.0", "tag")}


def test_commit_that_changes_nothing(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """An empty commit has an empty tuple of changes: known, and nothing."""
    repository.commit({}, "Upload model-00001-of-00002.safetensors")
    assert hub.history("org/model").commits[-1].changes == ()


@pytest.mark.parametrize("commit_id", ["\ud800" * 40, "a" * 42, "A" * 40, "", "HEAD", 5, None, ["a"]])
def test_commit_with_an_id_that_is_none(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, commit_id: object
) -> None:
    """A list with a commit whose id is another text, or not a text, is an error of the Hub's."""
    commit = {"id": commit_id, "title": "Upload", "message": "", "date": "2024-01-01T00:00:00.000Z", "authors": []}
    server.fault(COMMITS, hub_faults.body_of(json.dumps([commit]), "application/json"))
    with pytest.raises(HubAnswerError, match=r"^org/model: "):
        hub.history("org/model")


def test_deletion(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """A file that is gone is told with what it was."""
    repository.commit({"config.json": None}, "Delete config.json")
    commit = hub.history("org/model").commits[-1]
    assert told(commit) == [("D", "config.json")]
    assert commit.changes is not None
    assert commit.changes[0].new is None


def test_a_date_that_no_calendar_holds_is_unknown(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """A commit of the year 292277026596 has no date; it is no error, and its changes are told."""
    repository.commit({"model.safetensors": b"a"}, later=9_000_000_000_000)
    repository.commit({"README.md": b"a"}, later=-9_000_000_000_000)
    assert [commit.date is None for commit in hub.history("org/model").commits] == [False, False, False, True, False]


def test_costs_a_request_a_commit(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """The page, the refs, one list and one tree a commit; a tag on the line costs nothing."""
    hub.history("org/model")
    assert len(server.asked(TREES)) == 3
    assert len(server.asked(COMMITS)) == 1


def test_list_comes_in_pages(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A long list of commits is read to its end."""
    server.commits_page = 2
    for number in range(4):
        repository.commit({"a.txt": b"%d" % number}, f"commit {number}")
    history = hub.history("org/model")
    assert len(history.commits) == 7
    assert len(server.asked(COMMITS)) == 4


def test_only_new_commits_cost(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """With a known history, one page and the trees of new commits are asked for; the answer is the whole."""
    server.commits_page = 2
    known = hub.history("org/model")
    repository.commit({"config.json": b"{}", "model.safetensors": None}, "fourth")
    server.log.clear()
    history = hub.history("org/model", known=known)
    assert history.commits[:3] == known.commits
    assert told(history.commits[3]) == [("M", "config.json"), ("D", "model.safetensors")]
    assert len(server.asked(TREES)) == 1
    assert len(server.asked(COMMITS)) == 1


def test_nothing_new_costs_two_requests(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A history that has not moved costs its page and its refs, and git's vain attempt."""
    known = hub.history("org/model")
    server.log.clear()
    assert hub.history("org/model", known=known) == known
    assert [asked.path.rpartition("/")[2] for asked in server.log] == ["refs", "model", "refs"]


def test_branches_share_their_commits(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A branch hangs on the commit that it left the default branch at."""
    fork = repository.git("rev-parse", "main")
    side = repository.commit({"side.txt": b"1"}, "on the side", branch="refs/heads/side")
    repository.commit({"main.txt": b"1"}, "on main")
    history = hub.history("org/model")
    commits = {commit.id: commit for commit in history.commits}
    assert commits[side].parents == (fork,)
    assert told(commits[side]) == [("A", "side.txt")]
    assert len(commits) == 5
    assert len(server.asked(TREES)) == 5


def test_pull_requests_on_request(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """Commits of pull requests are read when they are asked for."""
    request = repository.commit({"a.txt": b"a"}, "proposal", branch="refs/pr/1")
    assert request not in {commit.id for commit in hub.history("org/model").commits}
    history = hub.history("org/model", pull_requests=True)
    assert request in {commit.id for commit in history.commits}
    assert ("refs/pr/1", "pull_request") in {(ref.name, ref.kind) for ref in history.refs}


def test_rewritten_history(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """After a squash only what is there now is told; the known commits do not come back."""
    known = hub.history("org/model")
    squashed = server.repositories["org/model"].squash()
    repository.git("tag", "-d", "v1.0")
    history = hub.history("org/model", known=known)
    assert [commit.id for commit in history.commits] == [squashed]
    assert history.commits[0].parents == ()
    assert told(history.commits[0]) == [("A", "README.md"), ("A", "config.json"), ("A", "model.safetensors")]


@pytest.mark.parametrize(
    "title",
    [
        "Merge branch 'side'",
        "Merge remote-tracking branch 'refs/remotes/origin/main'",
        "Merge pull request #3 from org/side",
        "Merge 13e6bcb0c96cc2d5aa3282c4543f669da3fb3aaa into 5dfb7652794772d1b366e8b949a4663bd52af9eb",
        "Merge Hugging Face repo and resolve README conflict",
    ],
)
def test_merge_is_owned_up_to(hub: HuggingFaceHub, repository: BareRepository, title: str) -> None:
    """Where titles speak of merges, the history says that the API does not tell parents."""
    side = repository.commit({"side.txt": b"1"}, "on the side", branch="refs/heads/side")
    repository.commit({"main.txt": b"1"}, title, merge=side)
    history = hub.history("org/model")
    assert "merge" in (history.incomplete or "")
    assert len(history.commits) == 5


@pytest.mark.parametrize("title", ["Merge LoRA into the base", "Merged weights", "Upload merged model"])
def test_merged_weights_are_no_merge(hub: HuggingFaceHub, repository: BareRepository, title: str) -> None:
    """Models are merged too, and their titles say nothing about the history."""
    repository.commit({"a.txt": b"a"}, title)
    assert hub.history("org/model").incomplete is None


def test_gated_trees(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """Where trees of a gated model are refused, the pages of its commits list the same files."""
    expected = hub.history("org/model").commits
    server.fault(TREES, hub_faults.gated())
    assert hub.history("org/model").commits == expected


def test_gated_files(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """Where a gated model shows commits and no files, changes are unknown and the history says why."""
    server.add("org/model", repository.git_dir, gated="auto", siblings=None)
    server.fault(TREES, hub_faults.gated())
    history = hub.history("org/model")
    assert [commit.changes for commit in history.commits] == [None, None, None]
    assert "gated" in (history.incomplete or "")


def test_gated_list(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """Where a gated model shows no commits, refs are all there is, and the history says why."""
    server.fault(COMMITS, hub_faults.gated())
    history = hub.history("org/model")
    assert history.commits == ()
    assert len(history.refs) == 2
    assert "gated" in (history.incomplete or "")


def test_tree_that_is_gone(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A commit whose tree the Hub cannot show leaves two changes unknown and all others known."""
    lost = repository.git("rev-parse", "main~1")
    server.fault(f"/api/models/org/model/tree/{lost}", hub_faults.refused(404, "RevisionNotFound"))
    history = hub.history("org/model")
    assert [commit.changes is None for commit in history.commits] == [False, True, True]
    assert history.incomplete is not None


def test_unknown_changes_are_asked_for_again(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer
) -> None:
    """What could not be read the first time is read the next time."""
    lost = repository.git("rev-parse", "main~1")
    server.fault(f"/api/models/org/model/tree/{lost}", hub_faults.refused(404, "RevisionNotFound"))
    known = hub.history("org/model")
    server.mend()
    history = hub.history("org/model", known=known)
    assert history.incomplete is None
    assert told(history.commits[1]) == [("M", "model.safetensors")]


def test_busy_hub(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """Pages and trees are tried again while the Hub is busy."""
    server.fault("/api/models/org/model/*", hub_faults.refused(503), times=4)
    assert len(hub.history("org/model").commits) == 3


def test_long_history_is_paced(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, hurry: Hurry
) -> None:
    """A history that needs more requests than two windows have never meets a 429."""
    server.quota, server.window, server.clock = {"api": 4}, 60, lambda: hurry.now
    for number in range(3):
        repository.commit({"a.txt": b"%d" % number}, f"commit {number}")
    hub.history("org/model")
    assert {asked.status for asked in server.asked("/api/*")} == {200}
    assert sum(hurry.slept) >= 120


@pytest.mark.parametrize("code", ["RevisionNotFound", None])
def test_a_tag_that_is_no_commit(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, code: str | None
) -> None:
    """A tag on a file is left out and told of, whatever the Hub's 404 says; all else of the model is read."""
    blob = repository.git("rev-parse", "main:config.json")
    repository.git("tag", "a-file", blob)
    if code is None:
        server.fault(f"/api/models/org/model/commits/{blob}", hub_faults.refused(404))
    history = hub.history("org/model")
    assert len(history.commits) == 3
    assert {ref.name for ref in history.refs} == {"refs/heads/main", "refs/tags/v1.0"}
    assert history.incomplete == "refs/tags/a-file leads to no commit that the API shows"


def test_the_head_must_be_there(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """Where the Hub does not know the commit that it calls the head, there is no history to speak of."""
    server.fault(COMMITS, hub_faults.refused(404, "RevisionNotFound"))
    with pytest.raises(RevisionNotFoundError):
        hub.history("org/model")
