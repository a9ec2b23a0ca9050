"""The pipeline against a Hub on a socket: the real client, the real git, counted requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.fingerprint import fingerprint
from lineage.answers.marks import confirm
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage.hub.huggingface.retry import RetryPolicy
from lineage_schemas.answers.check import CheckAnswer
from tests.support import hub_faults
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer
from tests.support.repositories import recorded_history, zoo_hub

pytestmark = pytest.mark.slow

REVISED = "heronml/heron-gpt2-tiny-licences"

BASE = "skiffworks/skiff-0.7m"


@pytest.fixture
def hub(small_zoo: Path, tmp_path: Path) -> Iterator[HubServer]:
    """Serve the carried models, with git and a second origin for LFS objects."""
    with HubServer() as server:
        server.fill(zoo_hub(small_zoo, tmp_path / "zoo"), tmp_path / "served")
        yield server


def session(hub: HubServer, folder: Path, *, offline: bool = False) -> Session:
    """Open a session on the served Hub with caches and a store in a folder of its own."""
    return Session(settings=hub.settings(folder), offline=offline)


def checked(hub: HubServer, folder: Path, target: str, **how: object) -> CheckAnswer:
    """Check one model, and confirm that the answer was read."""
    with session(hub, folder) as opened:
        answer = check(opened, [target], **how)  # type: ignore[arg-type]
        assert isinstance(answer, CheckAnswer)
        confirm(opened, answer)
    return answer


def test_git_and_api_tell_the_same_changes(hub: HubServer, tmp_path: Path) -> None:
    """With and without git the pushes, changes and verdicts of a linear branch are equal."""
    by_git = checked(hub, tmp_path / "git", REVISED)
    hub.git = False
    by_api = checked(hub, tmp_path / "api", REVISED)
    assert by_git.weight_changes == by_api.weight_changes
    assert by_git.findings == by_api.findings
    assert by_git.counts.silent == 1


def test_reflection_in_four_requests_of_git(histories: Path, tmp_path: Path) -> None:
    """A history of 355 commits costs at most four git requests, and the API tells the same changes of it."""
    bare = tmp_path / "reflection.git"
    recorded_history(histories / "MiMiGame-1__Reflection-Llama-3.1-70B.json.gz", bare)
    with HubServer() as hub:
        hub.add("mattshumer/Reflection", bare)
        by_git = checked(hub, tmp_path / "git", "mattshumer/Reflection")
        asked = [*hub.asked("*/info/refs*"), *hub.asked("*/git-upload-pack*")]
        assert len(asked) <= 4
        hub.git = False
        by_api = checked(hub, tmp_path / "api", "mattshumer/Reflection")
    assert [(c.kind, c.verdict) for c in by_git.weight_changes] == [("first_upload", None), ("replaced", "silent")]
    assert by_git.weight_changes == by_api.weight_changes


@pytest.mark.parametrize("size", [900, 300_000])
@pytest.mark.parametrize("with_git", [True, False])
def test_a_file_that_moves_to_lfs_is_hashed_once(tmp_path: Path, size: int, with_git: bool) -> None:
    """The same bytes in git and in LFS are no replacement on a remote Hub: a file in git is small, and read."""
    repository = BareRepository(tmp_path / "org" / "moved.git")
    weights = bytes(range(250)) * (size // 250)
    repository.commit({"pytorch_model.bin": weights}, lfs=False)
    repository.commit({"pytorch_model.bin": weights})
    with HubServer() as server:
        server.git = with_git
        server.add("org/moved", repository.git_dir)
        answer = checked(server, tmp_path / "read", "org/moved")
        assert (answer.verdict, [c.kind for c in answer.weight_changes]) == ("clean", ["first_upload", "reserialised"])
        beyond = checked(server, tmp_path / "unread", "org/moved", max_bytes=10)
    assert [change.verdict for change in beyond.weight_changes] == [None, "silent"]
    assert [item.decide_with for item in beyond.unchecked if "git LFS" in item.what] == [
        "lineage check org/moved --level full"
    ]


def test_headers_of_shards_cost_two_requests_each(hub: HubServer, tmp_path: Path) -> None:
    """At level header a sharded remote model costs at most two requests a shard beyond its metadata, all counted."""
    with session(hub, tmp_path) as opened:
        metadata = fingerprint(opened, _sharded(hub), level="metadata")
    with session(hub, tmp_path) as opened:
        headers = fingerprint(opened, _sharded(hub), level="header")
    shards = len(headers.groups[0].files)
    assert shards > 1
    assert headers.cost.requests - metadata.cost.requests <= 2 * shards
    assert 0 < headers.cost.bytes_read < sum(file.size or 0 for file in headers.groups[0].files)
    assert headers.groups[0].digests.layout
    assert metadata.groups[0].digests.layout is None


def _sharded(hub: HubServer) -> str:
    """Name the revision of the revised model that is kept in two shards."""
    repository = hub.repositories[REVISED]
    commits = [commit["id"] for commit in repository.commits(repository.commit("main") or "")]
    return next(
        f"{REVISED}@{commit}" for commit in commits if repository.file(commit, "model-00001-of-00002.safetensors")
    )


def test_missing_gated_and_renamed_parents(hub: HubServer, tmp_path: Path) -> None:
    """Old names lead to the canonical model; missing and gated parents stay in the tree as such."""
    hub.aliases["gpt2"] = BASE
    _declare(hub, REVISED, ["gpt2", "gone/model", "locked/model", "./output/checkpoint-5"])
    hub.add("locked/model", hub.repositories[BASE].git_dir, gated="manual")
    with session(hub, tmp_path) as opened:
        answer = trace(opened, REVISED)
    states = {model.id: model.state for model in answer.models}
    assert states[BASE] == "present"
    assert states["gone/model"] == "missing"
    assert states["locked/model"] == "gated"
    assert {(item.model, item.reason) for item in answer.incomplete} >= {
        ("gone/model", "missing"), ("locked/model", "gated"),
    }  # fmt: skip
    assert "./output/checkpoint-5" in [item.value for item in answer.unresolvable]
    assert {item.reason for item in answer.unresolvable} == {"it is a local path"}
    with session(hub, tmp_path, offline=True) as opened:
        assert trace(opened, "gpt2").root == BASE


def _declare(hub: HubServer, model: str, parents: list[str]) -> None:
    """Commit a card that names parents."""
    repository = hub.repositories[model]
    card = f"---\nbase_model: {json.dumps(parents)}\n---\n# Card\n".encode()
    blob = repository.git("hash-object", "-w", "--stdin", stdin=card).decode().strip()
    listing = repository.git("ls-tree", "main").decode().splitlines()
    kept = [entry for entry in listing if not entry.endswith("\tREADME.md")]
    tree = repository.git("mktree", stdin="\n".join([*kept, f"100644 blob {blob}\tREADME.md", ""]).encode())
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    commit = repository.git(*identity, "commit-tree", tree.decode().strip(), "-p", "main", "-m", "Update README.md")
    repository.git("update-ref", "refs/heads/main", commit.decode().strip())


def test_second_collection_reads_nothing_again(hub: HubServer, tmp_path: Path) -> None:
    """A model that stands where it stood costs one request."""
    with session(hub, tmp_path) as opened:
        collect(opened, [BASE])
    before = len(hub.log)
    with session(hub, tmp_path) as opened:
        answer = collect(opened, [BASE])
    assert [model.outcome for model in answer.models] == ["unchanged"]
    assert len(hub.log) - before == 1


def test_hub_that_fails_loses_nothing(hub: HubServer, tmp_path: Path) -> None:
    """A Hub that stops answering leaves what was collected, and the check says what it could not look up."""
    before = checked(hub, tmp_path, REVISED)
    hub.fault("*", hub_faults.refused(401, "RepoNotFound"))
    answer = checked(hub, tmp_path, REVISED)
    assert answer.weight_changes == before.weight_changes
    assert answer.verdict == "findings"
    assert any(item.what.startswith("refs of") for item in answer.unchecked)


def test_weights_that_break_their_format_do_not_stop_the_rest(hub: HubServer, tmp_path: Path) -> None:
    """A cut weight file is known by its hash, and history, card and parents are collected all the same."""
    for served in hub.repositories.values():
        for path in served.lfs.rglob("*"):
            if path.is_file():
                path.write_bytes(path.read_bytes()[:100])
    with session(hub, tmp_path) as opened:
        answer = collect(opened, [REVISED])
    assert [model.outcome for model in answer.models] == ["collected", "named"]
    assert [model.level for model in answer.models] == ["metadata", None]
    assert [(each.model, each.reason) for each in answer.incomplete if each.reason != "missing"] == [
        (REVISED, "partial")
    ]
    with session(hub, tmp_path) as opened:
        assert collect(opened, [REVISED]).incomplete == answer.incomplete


def test_renamed_model_keeps_its_children(hub: HubServer, tmp_path: Path) -> None:
    """After a renaming on the Hub, old and new name lead to the same descendants, and the mark of the last check."""
    with session(hub, tmp_path) as opened:
        collect(opened, ["otterhub/skiff-packages-lora"])
        confirm(opened, check(opened, [BASE]))
        before = trace(opened, BASE, down=True)
    hub.rename(BASE, "moved/skiff")
    assert checked(hub, tmp_path, BASE, since="last").since_revision is not None
    with session(hub, tmp_path, offline=True) as opened:
        for name in (BASE, "moved/skiff"):
            after = trace(opened, name, down=True)
            assert after.root == "moved/skiff"
            assert [edge.child for edge in after.derivations] == [edge.child for edge in before.derivations]


def test_cache_of_the_hub_takes_nothing_back(hub: HubServer, tmp_path: Path) -> None:
    """What was collected from the Hub itself stands, though its local cache knows less."""
    online = checked(hub, tmp_path, REVISED)
    snapshot = tmp_path / "hf" / "hub" / f"models--{REVISED.replace('/', '--')}"
    (snapshot / "refs").mkdir(parents=True)
    (snapshot / "refs" / "main").write_text(online.weight_changes[0].revisions[0])
    files = snapshot / "snapshots" / online.weight_changes[0].revisions[0]
    files.mkdir(parents=True)
    (files / "config.json").write_text("{}")
    with Session(settings=hub.settings(tmp_path), hub_selector="cache") as opened:
        assert collect(opened, [REVISED]).models[0].outcome == "collected"
    with session(hub, tmp_path, offline=True) as opened:
        answer = check(opened, [REVISED])
    assert isinstance(answer, CheckAnswer)
    assert (answer.head, answer.weight_changes) == (online.head, online.weight_changes)


def test_check_with_nothing_new_costs_one_request(hub: HubServer, tmp_path: Path) -> None:
    """A second check asks for the refs alone, answers the same, and dates its answer anew; a new tag is read."""
    first = checked(hub, tmp_path, REVISED)
    before = len(hub.log)
    again = checked(hub, tmp_path, REVISED)
    assert [asked.path for asked in hub.log[before:]] == [f"/api/models/{REVISED}/refs"]
    assert str(again.collected_at) > str(first.collected_at)
    assert again.model_copy(update={"collected_at": first.collected_at}) == first
    hub.repositories[REVISED].git("tag", "v2.0", first.findings[0].pointer.revision or "")
    assert checked(hub, tmp_path, REVISED).counts.silent == first.counts.silent - 1


def test_check_with_something_new_reads_no_weights_again(hub: HubServer, tmp_path: Path) -> None:
    """A commit that touches no weights costs the page, the tree and git's requests, and none for weights or cards."""
    with session(hub, tmp_path) as opened:
        check(opened, [BASE], level="header")
    _declare(hub, BASE, [])
    before = len(hub.log)
    with session(hub, tmp_path) as opened:
        check(opened, [BASE], level="header")
    asked = [each.path.removeprefix("/api/models").removeprefix(f"/{BASE}") for each in hub.log[before:]]
    assert [path.split("/")[1] if path else "" for path in asked if "git-" not in path and "info/" not in path] == [
        "refs", "", "tree",
    ]  # fmt: skip


@pytest.mark.parametrize("wish", [{"level": "full"}, {"max_bytes": 2**40}])
def test_check_that_asks_for_more_reads_again(hub: HubServer, tmp_path: Path, wish: dict[str, object]) -> None:
    """A record of lesser wishes is not taken for an answer to greater ones, and is afterwards one to lesser ones."""
    checked(hub, tmp_path, REVISED, max_bytes=0)
    before = len(hub.log)
    assert checked(hub, tmp_path, REVISED, **wish).verdict == "findings"
    assert len(hub.log) - before > 1
    before = len(hub.log)
    checked(hub, tmp_path, REVISED, max_bytes=0)
    assert len(hub.log) - before == 1


def test_check_looks_again_for_what_the_hub_did_not_give(hub: HubServer, tmp_path: Path) -> None:
    """Weights that could not be had are asked for again, although no ref moved."""
    hub.fault("*model*.safetensors", hub_faults.refused(404, "EntryNotFound"))
    without = checked(hub, tmp_path, REVISED)
    hub.mend()
    whole = checked(hub, tmp_path, REVISED)
    assert any(change.kind == "replaced" for change in without.weight_changes)
    assert all(change.kind != "replaced" for change in whole.weight_changes)


def test_former_name_that_became_another_model(hub: HubServer, tmp_path: Path) -> None:
    """A name that led to a model and now is another one's is read anew: its record is not the former one's."""
    hub.aliases["former/name"] = BASE
    assert checked(hub, tmp_path, "former/name").model == BASE
    before = len(hub.log)
    assert checked(hub, tmp_path, "former/name").model == BASE
    assert len(hub.log) - before == 2  # the redirect and the refs
    del hub.aliases["former/name"]
    other = hub.repositories[REVISED]
    hub.add("former/name", other.git_dir, lfs=other.lfs)
    assert checked(hub, tmp_path, "former/name").model == "former/name"


def test_why_a_hub_gave_nothing_is_told_apart(hub: HubServer, tmp_path: Path) -> None:
    """A used-up rate limit, a Hub that does not answer and one that is not asked have reasons of their own."""
    hurried = RetryPolicy(tries=2, longest=100, sleep=lambda seconds: None)

    def told(*, offline: bool = False) -> tuple[str, str]:
        with session(hub, tmp_path, offline=offline) as opened:
            settings = hub.settings(tmp_path)
            opened.__dict__["hub"] = opened.keep(HuggingFaceHub(settings, offline=offline, policy=hurried))
            (item,) = trace(opened, BASE).incomplete
        return item.reason, item.detail or ""

    hub.fault("*", hub_faults.rate_limited(290))
    reason, detail = told()
    assert reason == "rate_limited"
    assert "try again in 291 s" in detail
    assert "HF_TOKEN" in detail
    hub.close()
    assert told()[0] == "unreachable"
    assert told(offline=True)[0] == "offline"
