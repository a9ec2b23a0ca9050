"""From a name to a commit, and what is said when there is none."""

from __future__ import annotations

import pytest

from lineage.errors import (
    GatedError,
    HubAnswerError,
    HubError,
    HubUnreachableError,
    ModelNotFoundError,
    NoAnswerError,
    RateLimitedError,
    RevisionNotFoundError,
)
from lineage.hub.huggingface.hub import HuggingFaceHub
from tests.hub.conftest import Hurry, OpenHub
from tests.support import hub_faults
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer

PAGE = "/api/models/org/model"


def test_default_branch(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """Without a revision the head of the default branch is meant; it costs one request."""
    resolved = hub.resolve("org/model")
    assert (resolved.model, resolved.asked) == ("org/model", "org/model")
    assert resolved.commit == repository.git("rev-parse", "main")
    assert resolved.created is not None
    assert hub.cost().requests == 1


@pytest.mark.parametrize("name", ["v1.0", "refs/tags/v1.0"])
def test_tag_is_peeled(hub: HuggingFaceHub, repository: BareRepository, name: str) -> None:
    """An annotated tag means the commit behind it, by its short and by its full name."""
    resolved = hub.resolve("org/model", name)
    assert resolved.commit == repository.git("rev-parse", "v1.0^{commit}")
    assert resolved.ref == "refs/tags/v1.0"


def test_branch_with_slash_and_pull_request(hub: HuggingFaceHub, repository: BareRepository) -> None:
    """Names that need escaping in a URL reach the Hub whole."""
    branch = repository.commit({"a.txt": b"a"}, branch="refs/heads/dev/next")
    request = repository.commit({"b.txt": b"b"}, branch="refs/pr/1")
    assert hub.resolve("org/model", "dev/next").commit == branch
    assert hub.resolve("org/model", "dev/next").ref == "refs/heads/dev/next"
    assert hub.resolve("org/model", "refs/pr/1").commit == request
    assert hub.resolve("org/model", "refs/heads/dev/next").commit == branch


def test_full_commit_costs_one_request(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A full commit id needs no list of refs."""
    commit = repository.git("rev-parse", "main~1")
    assert hub.resolve("org/model", commit).commit == commit
    assert hub.resolve("org/model", commit).ref is None
    assert len(server.log) == 2


@pytest.mark.parametrize("place", ["main", "main~2"])
def test_unique_prefix(hub: HuggingFaceHub, repository: BareRepository, place: str) -> None:
    """Seven digits of a commit are enough, whether a ref points at it or history must be searched."""
    commit = repository.git("rev-parse", place)
    assert hub.resolve("org/model", commit[:7]).commit == commit


@pytest.mark.parametrize("revision", ["v9", "abcdef0", "0" * 40, "refs/heads/none", "refs/pr/9"])
def test_no_such_revision(hub: HuggingFaceHub, repository: BareRepository, revision: str) -> None:
    """A revision that is not there is told apart from a model that is not there."""
    with pytest.raises(RevisionNotFoundError, match="org/model"):
        hub.resolve("org/model", revision)


def test_legacy_name(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A bare legacy name is answered with the id that it has now."""
    server.aliases["model"] = "org/model"
    resolved = hub.resolve("model")
    assert (resolved.model, resolved.asked) == ("org/model", "model")


@pytest.mark.slow
def test_renamed(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A renamed model is found under its old name, and all that follows speaks of the new one."""
    server.rename("org/model", "neworg/better-model")
    resolved = hub.resolve("org/model", "v1.0")
    assert (resolved.model, resolved.asked) == ("neworg/better-model", "org/model")
    assert hub.snapshot(resolved).model == "neworg/better-model"
    assert hub.history("org/model").model == "neworg/better-model"
    assert hub.read("org/model", resolved.commit, "config.json") == b'{"model_type": "gpt2"}'


def test_default_branch_is_not_always_main(open_hub: OpenHub, server: HubServer, repository: BareRepository) -> None:
    """A repository whose HEAD names another branch is read from there."""
    other = BareRepository(repository.git_dir.with_name("other.git"), branch="refs/heads/develop")
    head = other.commit({"config.json": b"{}"})
    server.add("org/other", other.git_dir)
    resolved = open_hub().resolve("org/other")
    assert resolved.commit == head
    assert open_hub().history("org/other").default_branch == "refs/heads/develop"
    server.git = False
    assert open_hub().history("org/other").default_branch == "refs/heads/develop"


def test_missing_and_private_look_the_same(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A missing and a hidden model give the same error, and its hint names the token."""
    server.add("org/private", repository.git_dir, hidden=True)
    for model in ("org/nothing", "org/private"):
        with pytest.raises(ModelNotFoundError) as caught:
            hub.resolve(model)
        assert caught.value.model == model
        assert "HF_TOKEN" in (caught.value.hint or "")


def test_token_opens_a_private_model(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the right token in HF_TOKEN a private model is there."""
    server.add("org/private", repository.git_dir, hidden=True)
    monkeypatch.setenv("HF_TOKEN", server.token)
    assert hub.resolve("org/private").model == "org/private"


def test_refused_token(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that the Hub does not know is said to be the problem, without being shown."""
    monkeypatch.setenv("HF_TOKEN", "hf_expired_long_ago")
    with pytest.raises(HubError, match="does not accept the token") as caught:
        hub.resolve("org/model")
    assert "hf_expired" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("status", [401, 403])
def test_gated(hub: HuggingFaceHub, repository: BareRepository, server: HubServer, status: int) -> None:
    """A gated page is its own kind of error, with the place where the terms are accepted; it is asked for once."""
    server.fault("/api/models/org/model*", hub_faults.gated(status))
    with pytest.raises(GatedError) as caught:
        hub.resolve("org/model")
    assert f"{server.endpoint}/org/model" in (caught.value.hint or "")
    assert len(server.log) == 1


def test_disabled(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A repository that the Hub has disabled is said to be so."""
    server.fault("/api/models/org/model*", hub_faults.disabled())
    with pytest.raises(ModelNotFoundError, match="disabled"):
        hub.resolve("org/model")


def test_not_found_is_asked_once(hub: HuggingFaceHub, server: HubServer, hurry: Hurry) -> None:
    """A missing model is not asked for again."""
    with pytest.raises(ModelNotFoundError):
        hub.resolve("org/nothing")
    assert len(server.log) == 1
    assert hurry.slept == []


@pytest.mark.parametrize("status", [404, 410])
def test_bare_404(hub: HuggingFaceHub, repository: BareRepository, server: HubServer, status: int) -> None:
    """An endpoint that sends no error code is understood by what was asked for."""
    server.fault(PAGE, hub_faults.refused(status))
    with pytest.raises(ModelNotFoundError):
        hub.resolve("org/model")
    server.fault(f"{PAGE}/revision/*", hub_faults.refused(status))
    with pytest.raises(RevisionNotFoundError):
        hub.resolve("org/model", "v1.0")


@pytest.mark.parametrize("name", ["a/b/c", "two words", "../etc", "org/model.git", "a--b"])
def test_impossible_names(hub: HuggingFaceHub, server: HubServer, name: str) -> None:
    """What cannot be a model id is refused before anything is sent."""
    with pytest.raises(ModelNotFoundError):
        hub.resolve(name)
    assert server.log == []


@pytest.mark.parametrize(
    "body",
    [
        '{"id": "org/model"}',
        '{"sha": "x"}',
        "[]",
        "null",
        '{"id": 5, "sha": null}',
        '{"id": "o/m", "sha": "main"}',
        f'{{"id": "o/\\ud800", "sha": "{"0" * 40}"}}',
        "{",
        "[" * 100_000,
    ],
)
def test_answers_that_break_the_contract(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, body: str
) -> None:
    """An answer without what the contract promises is an error of the Hub's, not a traceback."""
    server.fault(PAGE, hub_faults.body_of(body, "application/json"))
    with pytest.raises(HubAnswerError):
        hub.resolve("org/model")


def test_a_date_that_is_no_date(hub: HuggingFaceHub, server: HubServer, repository: BareRepository) -> None:
    """A date in a form that the client does not read is an error of the Hub's."""
    server.add("org/model", repository.git_dir, createdAt="2026-01-01T00:00:00+00:00")
    with pytest.raises(HubAnswerError):
        hub.resolve("org/model")


def test_html_instead_of_json(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A login page where JSON should be is named as such."""
    server.fault("/api/*", hub_faults.body_of("<html>Please log in</html>"))
    with pytest.raises(HubAnswerError, match="not valid JSON") as caught:
        hub.resolve("org/model")
    assert "proxy" in (caught.value.hint or "")


@pytest.mark.parametrize("where", ["refs", "page"])
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_failures(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, hurry: Hurry, status: int, where: str
) -> None:
    """Each failure that may pass is tried again until it has passed, whichever call of the client met it."""
    path = f"{PAGE}/refs" if where == "refs" else f"{PAGE}/revision/*"
    server.fault(path, hub_faults.refused(status), times=3)
    assert hub.resolve("org/model", "main").ref == "refs/heads/main"
    assert len(server.asked(path)) == 4
    assert len(hurry.slept) == 3


def test_failures_that_stay(hub: HuggingFaceHub, repository: BareRepository, server: HubServer, hurry: Hurry) -> None:
    """A Hub that stays busy is unreachable after six tries, with a word on what to do."""
    server.fault("/api/*", hub_faults.refused(503))
    with pytest.raises(HubUnreachableError, match="503") as caught:
        hub.resolve("org/model")
    assert len(server.log) == 6
    assert caught.value.hint


def test_rate_limit_is_waited_for(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, hurry: Hurry
) -> None:
    """A 429 is waited for as long as its header says, and one second more."""
    server.fault(PAGE, hub_faults.rate_limited(17), times=1)
    hub.resolve("org/model")
    assert hurry.slept[0] == 18.0


def test_rate_limit_that_never_ends(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A rate limit that outlasts the retries ends in an error that names the token's use."""
    server.fault("/api/*", hub_faults.rate_limited(290))
    with pytest.raises(RateLimitedError, match=r"429 .*used up, try again in 291 s") as caught:
        hub.resolve("org/model")
    assert "HF_TOKEN" in (caught.value.hint or "")
    assert caught.value.wait == 291.0


def test_hub_that_is_not_there(open_hub: OpenHub, server: HubServer, hurry: Hurry) -> None:
    """A Hub that nobody listens for is unreachable, after retries."""
    server.close()
    with pytest.raises(NoAnswerError, match=r"127\.0\.0\.1"):
        open_hub().resolve("org/model")
    assert len(hurry.slept) == 5


def test_slow_hub(open_hub: OpenHub, repository: BareRepository, server: HubServer, hurry: Hurry) -> None:
    """Every call has a timeout, those of the client that have none of their own too."""
    server.fault(f"{PAGE}/refs", hub_faults.slow(1.0))
    with pytest.raises(HubUnreachableError, match="in time"):
        open_hub(policy=hurry.policy(tries=2, timeout=0.1)).resolve("org/model", "main")
    assert len(server.asked(f"{PAGE}/refs")) == 2


def test_cut_json(hub: HuggingFaceHub, repository: BareRepository, server: HubServer) -> None:
    """A page that is cut off is asked for again."""
    server.fault(PAGE, hub_faults.cut_body(10), times=2)
    assert hub.resolve("org/model").model == "org/model"
    assert len(server.asked(PAGE)) == 3


def test_redirect_to_another_host(
    hub: HuggingFaceHub, repository: BareRepository, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect of the API to another host is not followed: neither request nor token arrive there."""
    monkeypatch.setenv("HF_TOKEN", server.token)
    server.fault(PAGE, hub_faults.moved(f"{server.storage}/api/models/org/model"))
    with pytest.raises(HubAnswerError, match="another host"):
        hub.resolve("org/model")
    assert server.asked(server="storage") == []
