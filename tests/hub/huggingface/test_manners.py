"""Manners: lists, offline, names, the token's ways, and what it costs to open a Hub."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from lineage.errors import HubAnswerError, HubError, HubUnreachableError, InputError
from lineage.hub.huggingface.hub import HuggingFaceHub
from lineage.settings.environment import Settings
from tests.hub.conftest import CARD, Hurry, Listening, OpenHub
from tests.support import hub_faults
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer
from tests.support.shared import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def family(server: HubServer, repository: BareRepository, tmp_path: Path) -> None:
    """Serve children of `openai-community/gpt2` under two authors, one of them an adapter."""
    for number in range(5):
        child = BareRepository(tmp_path / "served" / f"child{number}.git")
        files = {"README.md": CARD} | ({"adapter_config.json": b"{}"} if number == 4 else {})
        child.commit(files)
        server.add(f"{'org' if number < 3 else 'other'}/child{number}", child.git_dir)


def test_children(hub: HuggingFaceHub, family: None) -> None:
    """The children of a base are those whose tags name it, whatever their relation."""
    children = list(hub.list_models(base="openai-community/gpt2"))
    assert children == ["org/child0", "org/child1", "org/child2", "org/model", "other/child3", "other/child4"]
    assert list(hub.list_models(base="somebody/else")) == []


def test_author(hub: HuggingFaceHub, family: None) -> None:
    """The models of one author, and those of one author below one base."""
    assert list(hub.list_models(author="other")) == ["other/child3", "other/child4"]
    assert list(hub.list_models(author="other", base="openai-community/gpt2")) == ["other/child3", "other/child4"]


def test_pages_of_a_list(hub: HuggingFaceHub, family: None, server: HubServer) -> None:
    """A list is read page by page, and only as far as it is wanted."""
    server.list_page = 2
    assert len(list(hub.list_models(base="openai-community/gpt2"))) == 6
    assert len(server.log) == 3
    server.log.clear()
    assert next(hub.list_models()) == "org/child0"
    assert len(server.log) == 1


def test_limit(hub: HuggingFaceHub, family: None) -> None:
    """No more ids than the limit are given."""
    assert list(hub.list_models(limit=3)) == ["org/child0", "org/child1", "org/child2"]


@pytest.mark.parametrize("link", ["/api/models?cursor=2", "http://localhost:1/api/models?cursor=2"])
def test_list_that_leads_astray(hub: HuggingFaceHub, family: None, server: HubServer, link: str) -> None:
    """A next page that is relative or elsewhere ends the list with a clear error, after the page that is good."""
    server.fault("/api/models", hub_faults.linked(link))
    ids = hub.list_models()
    assert list(islice(ids, 6))[-1] == "other/child4"
    with pytest.raises(HubAnswerError):
        next(ids)


def test_list_of_a_busy_hub(hub: HuggingFaceHub, family: None, server: HubServer) -> None:
    """A list is tried again while the Hub is busy."""
    server.fault("/api/models", hub_faults.rate_limited(5), times=2)
    assert len(list(hub.list_models())) == 6


def test_offline(open_hub: OpenHub, repository: BareRepository, server: HubServer) -> None:
    """Offline nothing is sent, and every question says why it has no answer."""
    resolved = open_hub().resolve("org/model")
    server.log.clear()
    hub = open_hub(offline=True)
    for question in (
        lambda: hub.resolve("org/model"),
        lambda: hub.snapshot(resolved),
        lambda: hub.history("org/model"),
        lambda: hub.read("org/model", resolved.commit, "model.safetensors", 0, 8),
        lambda: list(hub.stream("org/model", resolved.commit, "model.safetensors")),
        lambda: list(hub.list_models(author="org")),
    ):
        with pytest.raises(HubUnreachableError, match="--offline"):
            question()
    assert server.log == []
    assert hub.cost().requests == 0


def test_client_that_is_offline(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HF_HUB_OFFLINE holds for us even where nobody read it for us: the client's own switch is kept."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubUnreachableError, match="HF_HUB_OFFLINE"):
        hub.resolve("org/model")
    assert server.log == []


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("https://huggingface.co", "huggingface.co"),
        ("https://hub.example.org:8443/", "hub.example.org:8443"),
        ("http://User:secret@Localhost", "localhost"),
    ],
)
def test_name(endpoint: str, name: str) -> None:
    """A Hub is called by its host and port: no scheme, no slash, and no password."""
    assert HuggingFaceHub(Settings.from_environment({"HF_ENDPOINT": endpoint})).name == name


def test_opening_imports_nothing(tmp_path: Path) -> None:
    """A Hub that is opened, asked for its cost and closed imports no client: warm commands stay fast."""
    code = (
        "import sys\n"
        "from lineage.hub.huggingface.hub import HuggingFaceHub\n"
        "from lineage.settings.environment import Settings\n"
        "with HuggingFaceHub(Settings.from_environment({})) as hub:\n"
        "    assert hub.cost().requests == 0\n"
        "heavy = {'huggingface_hub', 'httpx2', 'tenacity', 'yaml', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_token_goes_to_the_hub_only(
    hub: HuggingFaceHub,
    repository: BareRepository,
    server: HubServer,
    listening: Listening,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The token is in every request to the endpoint, in none to its storage, and in nothing that a person sees."""
    monkeypatch.setenv("HF_TOKEN", server.token)
    server.fault("/org/model/resolve/*", hub_faults.rate_limited(9), times=1)
    resolved = hub.resolve("org/model")
    hub.snapshot(resolved)
    hub.read("org/model", resolved.commit, "model.safetensors", 0, 8)
    b"".join(hub.stream("org/model", resolved.commit, "model.safetensors"))
    list(hub.list_models())
    assert all(asked.headers["authorization"] == f"Bearer {server.token}" for asked in server.asked())
    assert len(server.asked(server="storage")) == 2
    assert all(server.token not in str(asked) for asked in server.asked(server="storage"))
    assert server.token not in "".join(capfd.readouterr())
    assert listening.notes
    assert server.token not in "".join(listening.notes)


@pytest.mark.parametrize("token", ["hf_seçret", "hf_secret\x07", "hf_two secrets"])
def test_token_that_is_none(
    hub: HuggingFaceHub, server: HubServer, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """A token that no header can carry is refused without being quoted, and without a request."""
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match="token") as caught:
        hub.resolve("org/model")
    assert "hf_" not in f"{caught.value} {caught.value.hint}"
    assert server.log == []


def test_token_that_cannot_be_had(hub: HuggingFaceHub, server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login that the client cannot complete, here as a publisher outside of any CI, is an error of ours."""
    monkeypatch.setenv("HF_OIDC_RESOURCE", "org/model")
    with pytest.raises(HubError, match="cannot get a token"):
        hub.resolve("org/model")
    assert server.log == []


def test_no_token_no_header(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """Without a token no Authorization header is sent at all."""
    hub.snapshot(hub.resolve("org/model"))
    assert not any("authorization" in asked.headers for asked in server.log)


def test_who_asks(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """The Hub is told who asks, and nothing of what else is installed."""
    hub.snapshot(hub.resolve("org/model"))
    agents = {asked.headers["user-agent"] for asked in server.asked()}
    assert all(agent.startswith("lineage/") for agent in agents)
    assert not any("torch" in agent or "agent/" in agent for agent in agents)


def test_pace_before_the_limit(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, hurry: Hurry, listening: Listening
) -> None:
    """Requests slow down before a window is used up, so that no 429 comes; a person is told."""
    server.quota, server.window, server.clock = {"api": 6}, 300, lambda: hurry.now
    for _ in range(5):
        hub.resolve("org/model")
    assert {asked.status for asked in server.log} == {200}
    assert any("rate limit" in note for note in listening.notes)


def test_two_hubs_at_once(hub: HuggingFaceHub, open_hub: OpenHub, repository: BareRepository) -> None:
    """Two Hubs in one process do not take each other's requests, and one may close before the other."""
    with HubServer() as second, open_hub() as same:
        second.add("org/second", repository.git_dir)
        settings = second.settings(repository.git_dir.parent)
        with HuggingFaceHub(settings) as other:
            assert other.resolve("org/second").model == "org/second"
            assert hub.resolve("org/model").model == "org/model"
            assert same.resolve("org/model").model == "org/model"
            assert (other.cost().requests, hub.cost().requests) == (1, 1)
        assert hub.resolve("org/model").model == "org/model"


def test_other_users_of_the_client(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """Other code in the process uses the Hub's client as if we were not there."""
    from huggingface_hub import HfApi

    hub.resolve("org/model")
    before = hub.cost().requests
    assert HfApi(endpoint=server.endpoint, token=False).model_info("org/model").id == "org/model"
    assert hub.cost().requests == before
    server.fault("/api/models/org/model", hub_faults.refused(503), times=1)
    with pytest.raises(OSError, match="503"):
        HfApi(endpoint=server.endpoint, token=False).model_info("org/model")


@pytest.mark.parametrize("endpoint", ["http://[", "https://", "file:///etc", "not a url"])
def test_endpoint_that_is_none(endpoint: str, tmp_path: Path) -> None:
    """An endpoint that is no address is refused before anything is asked, in words that name the variable."""
    with pytest.raises(InputError, match="HF_ENDPOINT"):
        HuggingFaceHub(Settings.from_environment({"HF_ENDPOINT": endpoint, "LINEAGE_CACHE": str(tmp_path)}))
