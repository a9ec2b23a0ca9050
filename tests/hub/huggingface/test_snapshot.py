"""What a snapshot holds, what it costs, and what it says where it cannot read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import GatedError, HubAnswerError, HubUnreachableError
from lineage.hub.huggingface.hub import HuggingFaceHub
from tests.hub.conftest import CARD, WEIGHTS
from tests.support import hub_faults
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer

TREE = "/api/models/org/model/tree/*"


def test_files_card_config_and_observations(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """A snapshot names every file with its identity, and holds card, config, refs and what the Hub observes."""
    snapshot = hub.snapshot(hub.resolve("org/model"))
    files = {entry.path: entry for entry in snapshot.files}
    assert list(files) == ["README.md", "config.json", "model.safetensors"]
    assert files["model.safetensors"].sha256 in {path.name for path in repository.git_dir.glob("lfs/objects/*/*/*")}
    assert files["model.safetensors"].size == len(WEIGHTS)
    assert files["README.md"].sha256 is None
    assert files["README.md"].blob_id == repository.git("rev-parse", "main:README.md")
    assert snapshot.card == {"base_model": "openai-community/gpt2", "license": "mit", "library_name": "transformers"}
    assert snapshot.card_text == CARD.decode()
    assert snapshot.config == {"model_type": "gpt2"}
    assert {ref.name for ref in snapshot.refs} == {"refs/heads/main", "refs/tags/v1.0"}
    assert (snapshot.downloads, snapshot.likes, snapshot.gated) == (7, 3, False)
    assert snapshot.library_name == "transformers"
    assert "base_model:finetune:openai-community/gpt2" in snapshot.tags
    assert snapshot.created is not None
    assert snapshot.last_modified is not None
    assert snapshot.unreadable == {}


def test_five_requests(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """Metadata of a model, from its name to its card, cost five requests."""
    hub.snapshot(hub.resolve("org/model"))
    assert len(server.log) == 5
    assert hub.cost().requests == 5


def test_old_revision(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A snapshot of an old commit shows that commit: its files, its card, or that it had none."""
    snapshot = hub.snapshot(hub.resolve("org/model", repository.git("rev-parse", "v1.0^{commit}")))
    assert [entry.path for entry in snapshot.files] == ["config.json", "model.safetensors"]
    assert (snapshot.card, snapshot.card_text, snapshot.unreadable) == (None, None, {})


def test_moving_branch(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A push between resolve and snapshot changes nothing: every read names the commit."""
    resolved = hub.resolve("org/model")
    repository.commit({"README.md": b"---\nlicense: apache-2.0\n---\n", "config.json": None}, "push in between")
    snapshot = hub.snapshot(resolved)
    assert snapshot.card is not None
    assert snapshot.card["license"] == "mit"
    assert snapshot.config == {"model_type": "gpt2"}
    asked = [asked.path for asked in server.asked("*/tree/*") + server.asked("/org/model/resolve/*")]
    assert all(resolved.commit in path for path in asked)


def test_many_files_come_in_pages(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A tree of several pages is read to its end."""
    server.page_size = 4
    repository.commit({f"part {number:02}/data.txt": b"%d" % number for number in range(10)})
    snapshot = hub.snapshot(hub.resolve("org/model"))
    assert len(snapshot.files) == 13
    assert len(server.asked(TREE)) == 4


def test_page_that_fails_once(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A later page of a tree is tried again like the first, and by us alone: the client adds no tries of its own."""
    server.page_size = 1
    server.fault(TREE, hub_faults.refused(503), times=2)
    assert len(hub.snapshot(hub.resolve("org/model")).files) == 3
    assert len(server.asked(TREE)) == 5


def test_relative_link(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A next page without a host is an error of the Hub's, not a crash."""
    server.fault(TREE, hub_faults.linked("/api/models/org/model/tree/main?cursor=1"), times=1)
    with pytest.raises(HubAnswerError, match="next page without a host"):
        hub.snapshot(hub.resolve("org/model"))


def test_foreign_link(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A next page at another host is not asked for, and the token does not go there."""
    monkeypatch.setenv("HF_TOKEN", server.token)
    server.fault(TREE, hub_faults.linked(f"{server.storage}/page2"), times=1)
    with pytest.raises(HubAnswerError, match="another host"):
        hub.snapshot(hub.resolve("org/model"))
    assert server.asked(server="storage") == []


def test_absent_lfs_is_unknown(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A mirror that leaves `lfs` out makes the sha256 unknown; nothing is said in its place."""
    commit = repository.git("rev-parse", "main")
    blob = repository.git("rev-parse", "main:model.safetensors")
    body = f'[{{"type": "file", "path": "model.safetensors", "oid": "{blob}", "size": 256000}}]'
    server.fault(f"/api/models/org/model/tree/{commit}", hub_faults.body_of(body, "application/json"))
    (entry,) = hub.snapshot(hub.resolve("org/model")).files
    assert (entry.blob_id, entry.sha256, entry.identity) == (blob, None, f"gitblob:{blob}")


def test_xet_hash(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A Xet hash in the tree is kept, folders are not files, and neither starts a Xet transfer."""
    body = (
        '[{"type": "directory", "path": "x", "oid": "00", "size": 0}, {"type": "file", "path": "x/w.bin",'
        f'"oid": "{"ab" * 20}",'
        f'"size": 134, "lfs": {{"oid": "{"c" * 64}", "size": 99, "pointerSize": 134}}, "xetHash": "{"d" * 64}"}}]'
    )
    server.fault(TREE, hub_faults.body_of(body, "application/json"))
    (entry,) = hub.snapshot(hub.resolve("org/model")).files
    assert (entry.path, entry.size, entry.sha256, entry.xet_hash) == ("x/w.bin", 99, "c" * 64, "d" * 64)


def test_gated_model_shows_its_card(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """Of a gated model files and the page's excerpt of the card are known; what is refused is named with the reason."""
    server.repositories["org/model"].gated = "manual"
    snapshot = hub.snapshot(hub.resolve("org/model"))
    assert snapshot.gated == "manual"
    assert snapshot.card is not None
    assert snapshot.card["base_model"] == "openai-community/gpt2"
    assert (snapshot.card_text, snapshot.config) == (None, None)
    assert set(snapshot.unreadable) == {"README.md", "config.json"}
    assert "gated" in snapshot.unreadable["config.json"]


def test_gated_tree(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """Where even the tree is refused, the page lists the files with the same identities."""
    expected = hub.snapshot(hub.resolve("org/model")).files
    server.repositories["org/model"].gated = "auto"
    server.fault(TREE, hub_faults.gated())
    assert hub.snapshot(hub.resolve("org/model")).files == expected


def test_gated_through_and_through(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A gated model whose files are listed nowhere is gated, not empty."""
    server.add("org/model", repository.git_dir, gated="auto", siblings=None)
    server.fault(TREE, hub_faults.gated())
    resolved = hub.resolve("org/model")
    with pytest.raises(GatedError):
        hub.snapshot(resolved)


def test_token_opens_a_gated_model(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a token whose owner has accepted the terms, a gated model reads like any other."""
    server.repositories["org/model"].gated = "auto"
    monkeypatch.setenv("HF_TOKEN", server.token)
    snapshot = hub.snapshot(hub.resolve("org/model"))
    assert snapshot.unreadable == {}
    assert snapshot.config == {"model_type": "gpt2"}


@pytest.mark.parametrize(
    ("path", "content", "problem"),
    [
        ("README.md", b"---\nlicense: [mit\n---\n", "YAML"),
        ("README.md", b"\xff\xfe\x00", "UTF-8"),
        ("config.json", b"{'model_type': 'gpt2'}", "JSON"),
        ("config.json", b"[1, 2]", "object"),
    ],
)
def test_unreadable_texts(
    hub: HuggingFaceHub, repository: BareRepository, path: str, content: bytes, problem: str
) -> None:
    """A card or config that cannot be read is named with the reason, and is never fatal."""
    repository.commit({path: content})
    snapshot = hub.snapshot(hub.resolve("org/model"))
    assert problem in snapshot.unreadable[path]
    assert (snapshot.card if path == "README.md" else snapshot.config) is None


def test_text_beyond_measure(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that is no small text is not fetched."""
    monkeypatch.setattr("lineage.hub.huggingface.snapshot.MAX_TEXT_BYTES", 20)
    snapshot = hub.snapshot(hub.resolve("org/model"))
    assert "README.md" in snapshot.unreadable
    assert server.asked("*/README.md") == []


def test_other_bytes_than_the_tree_names(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A config that is not the blob that the tree names is not believed."""
    server.fault("*/config.json", hub_faults.body_of('{"model_type": "bert"}'))
    snapshot = hub.snapshot(hub.resolve("org/model"))
    assert snapshot.config is None
    assert "do not match" in snapshot.unreadable["config.json"]


def test_stale_download_cache_is_not_read(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, tmp_path: Path
) -> None:
    """A card that a busy Hub does not give is an error; the older copy in the client's cache never stands in."""
    from huggingface_hub import hf_hub_download

    cache = server.settings(tmp_path / "home").hub_cache
    old = hf_hub_download("org/model", "README.md", cache_dir=cache, endpoint=server.endpoint, token=False)
    assert Path(old).read_bytes() == CARD
    server.fault("/org/model/resolve/*", hub_faults.refused(500))
    with pytest.raises(HubUnreachableError, match="/README"):
        hub.snapshot(hub.resolve("org/model"))


@pytest.mark.parametrize("shown", [{"downloads": "many"}, {"likes": [5]}, {"library_name": {}}, {"tags": [5]}])
def test_observations_of_another_kind(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, shown: dict[str, Any]
) -> None:
    """A page whose fields hold other kinds of values than the Hub's is an error of the Hub's, not of ours."""
    server.add("org/model", repository.git_dir, **shown)
    with pytest.raises(HubAnswerError, match="org/model"):
        hub.snapshot(hub.resolve("org/model"))


def test_counts_beyond_what_stores_hold_are_unknown(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer
) -> None:
    """Downloads and likes that no store can hold are left out, and the model is read."""
    server.add("org/model", repository.git_dir, downloads=2**63, likes=10**30)
    snapshot = hub.snapshot(hub.resolve("org/model"))
    assert (snapshot.downloads, snapshot.likes) == (None, None)


def test_pages_in_a_circle(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A tree whose next page is the page itself ends in an error, after two requests for it and not never."""
    head = hub.resolve("org/model")
    server.fault(TREE, hub_faults.linked(f"{server.endpoint}/api/models/org/model/tree/{head.commit}?recursive=true"))
    with pytest.raises(HubAnswerError, match="twice"):
        hub.snapshot(head)
    assert len(server.asked(TREE)) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"oid": "ab"},
        {"oid": "\ud800" * 40},
        {"oid": ["a"]},
        {"oid": "A" * 40},
        {"lfs": {"oid": "c" * 63, "size": 99, "pointerSize": 134}},
        {"lfs": {"oid": "C" * 64, "size": 99, "pointerSize": 134}},
    ],
)
def test_ids_that_are_none(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, wrong: dict[str, object]
) -> None:
    """A tree with an id or a hash that is not one is an error of the Hub's: files are compared by them."""
    entry = {"type": "file", "oid": "0" * 40, "size": 134, "path": "model.safetensors", **wrong}
    server.fault(TREE, hub_faults.body_of(json.dumps([entry]), "application/json"))
    with pytest.raises(HubAnswerError):
        hub.snapshot(hub.resolve("org/model"))


@pytest.mark.parametrize(
    ("size", "problem"),
    [(-5, "org/model: .* a negative size"), (2**63, "org/model: .* a size that no file has"), (10**400, "no file has")],
)
def test_impossible_size(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, size: int, problem: str
) -> None:
    """A tree that gives a file a negative size, or one beyond what stores hold, is an error of the Hub's."""
    entry = {"type": "file", "oid": "0" * 40, "size": size, "path": "model.safetensors"}
    server.fault(TREE, hub_faults.body_of(json.dumps([entry]), "application/json"))
    with pytest.raises(HubAnswerError, match=problem):
        hub.snapshot(hub.resolve("org/model"))
